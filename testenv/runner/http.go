package runner

import (
	"context"
	"io"
	"net/http"
	"time"
)

// pollEvery is the pause between two questions of WaitHTTP.
const pollEvery = 25 * time.Millisecond

// WaitHTTP asks url until it answers with the wanted status, and returns the
// body. It fails the test when the process ends, or timeout passes, before.
func (p *Process) WaitHTTP(timeout time.Duration, url string, status int) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last string
	for {
		body, code, err := get(ctx, client, url)
		switch {
		case err != nil:
			last = err.Error()
		case code == status:
			return body
		default:
			last = http.StatusText(code) + ": " + body
		}
		select {
		case <-tick.C:
		case <-p.done:
			p.t.Fatalf("process ended (%+v) before %s answered %d; last: %s", p.exit, url, status, last)
		case <-ctx.Done():
			p.t.Fatalf("%s did not answer %d within %v; last: %s", url, status, timeout, last)
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) (body string, code int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", 0, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return string(b), resp.StatusCode, err
}
