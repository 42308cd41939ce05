package consumer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A question that went down with a server is asked again; one that nothing ever
// answers ends with the caller's deadline; an answer that is an error is final.
func TestRequestAsksAgain(t *testing.T) {
	conn, err := Connect(t.Context(), Config{Servers: []string{natsenv.Start(t).URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	asked := 0
	lost := func(times int) func(context.Context) (int, error) {
		asked = 0
		return func(ctx context.Context) (int, error) {
			if asked++; asked <= times {
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return 7, nil
		}
	}
	if v, err := request(t.Context(), conn, "ask", nil, lost(1)); v != 7 || err != nil || asked != 2 {
		t.Errorf("%d, %v after %d questions", v, err, asked)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := request(short, conn, "ask", nil, lost(9)); !errors.Is(err, context.DeadlineExceeded) || asked != 1 || !strings.HasPrefix(err.Error(), "ask: ") {
		t.Errorf("%v after %d questions", err, asked)
	}
	wrong := errors.New("wrong")
	asked = 0
	_, err = request(t.Context(), conn, "ask", nil, func(context.Context) (int, error) { asked++; return 0, wrong })
	if !errors.Is(err, wrong) || asked != 1 {
		t.Errorf("%v after %d questions", err, asked)
	}
}
