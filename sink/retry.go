package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance"
)

// The pauses between tries of a commit while the storage fails: up to twice as long
// each time, so that a full disk is not hammered and a short outage costs little.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
)

// passing reports whether err may pass by itself: the storage refused something, or
// gave no clear answer. Contradictions and what is wrong with the data do not pass.
func passing(err error) bool {
	var contradiction *StopError
	var refusal syscall.Errno
	if errors.As(err, &contradiction) {
		return false
	}
	return errors.Is(err, lance.ErrUnknownOutcome) || errors.As(err, &refusal)
}

// pause waits before a try, a random part of its turn's pause.
func pause(ctx context.Context, try int) error {
	limit := longPause
	if try < 10 {
		limit = min(limit, firstPause<<try)
	}
	timer := time.NewTimer(limit/2 + rand.N(limit/2)) //nolint:gosec // jitter needs no secrecy
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// gaveUp is the error of a commit that ran out of time, with what kept it from ending.
func (s *Sink) gaveUp(ctx context.Context, last error) error {
	err := context.Cause(ctx)
	if last != nil {
		err = fmt.Errorf("%w; the last try: %w", err, last)
	}
	return fmt.Errorf("commit to %s: %w", s.dir, err)
}
