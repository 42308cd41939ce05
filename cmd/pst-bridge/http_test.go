package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// ask sends one request to the handler.
func ask(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyz(t *testing.T) {
	connected, states := true, map[string]bridge.TopicState{}
	h := &health{connected: func() bool { return connected }, status: func() map[string]bridge.TopicState { return states }}
	handler := h.handler(newObserver().m)
	for _, c := range []struct {
		name      string
		connected bool
		states    map[string]bridge.TopicState
		code      int
		reasons   []notReady
	}{
		{"no topics yet", true, nil, http.StatusOK, []notReady{}},
		{"running", true, map[string]bridge.TopicState{"a": {Phase: bridge.PhaseRunning}, "b": {Phase: bridge.PhaseStarting}}, http.StatusOK, []notReady{}},
		{"disconnected", false, nil, http.StatusServiceUnavailable, []notReady{{State: "disconnected", Detail: "no connection to NATS; it is being made again"}}},
		{
			"stopped and retrying", true,
			map[string]bridge.TopicState{
				"b": {Phase: bridge.PhaseStopped, Reason: "table_missing", Err: errors.New("table gone\nrestore it")},
				"a": {Phase: bridge.PhaseRetrying, Err: errors.New("disk full")},
				"c": {Phase: bridge.PhaseRunning},
			},
			http.StatusServiceUnavailable,
			[]notReady{{"a", "retrying", "disk full"}, {"b", "table_missing", "table gone; restore it"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			connected, states = c.connected, c.states
			code, body := ask(t, handler, "/readyz")
			var got struct {
				Ready   bool
				Reasons []notReady
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			if code != c.code || got.Ready != (c.code == http.StatusOK) || len(got.Reasons) != len(c.reasons) {
				t.Fatalf("%d %s, want %d %v", code, body, c.code, c.reasons)
			}
			for i := range c.reasons {
				if got.Reasons[i] != c.reasons[i] {
					t.Errorf("reason %d is %+v, want %+v", i, got.Reasons[i], c.reasons[i])
				}
			}
		})
	}
}

func TestHealthzFollowsTheProcessLoop(t *testing.T) {
	h := &health{connected: func() bool { return false }, status: func() map[string]bridge.TopicState { return nil }}
	handler := h.handler(newObserver().m)
	h.alive()
	if code, body := ask(t, handler, "/healthz"); code != http.StatusOK {
		t.Errorf("alive but disconnected: %d %s", code, body)
	}
	h.beat.Store(time.Now().Add(-2 * heartbeatLimit).UnixNano())
	if code, body := ask(t, handler, "/healthz"); code != http.StatusServiceUnavailable {
		t.Errorf("silent: %d %s", code, body)
	}
}

func TestMetricsAreServedAndNothingElse(t *testing.T) {
	h := &health{connected: func() bool { return true }, status: func() map[string]bridge.TopicState { return nil }}
	o := newObserver()
	feed(o.events(), "t")
	handler := h.handler(o.m)
	code, body := ask(t, handler, "/metrics")
	if code != http.StatusOK || !strings.Contains(body, `persisting_records_total{topic="t"} 6`) {
		t.Errorf("%d %s", code, body)
	}
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars"} {
		if code, _ := ask(t, handler, path); code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, code)
		}
	}
}

func TestServeHTTPEnds(t *testing.T) {
	l, err := listenHTTP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := serveHTTP(l, http.NotFoundHandler(), func(err error) { t.Error(err) })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Error(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	stop()
	var d net.Dialer
	if c, err := d.DialContext(context.WithoutCancel(t.Context()), "tcp", l.Addr().String()); err == nil {
		t.Error("the server still takes connections", c.Close())
	}
}

func TestBusyHTTPPort(t *testing.T) {
	l, err := listenHTTP(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := runCLI(t, "", "run", "--storage", t.TempDir(), "--http", l.Addr().String())
	checkOneLine(t, r, exitFailure, l.Addr().String(), "--http")
}
