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

// trials bounds how long a commit goes on. Time in which columns are rewritten, or
// another worker's rewriting is waited for, does not count.
type trials struct {
	s        *Sink
	began    time.Time // of the present stretch; zero: it begins with the next step
	failures int
	last     error // of the storage
}

// bound limits ctx to what is left of the sink's patience.
func (t *trials) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if t.began.IsZero() {
		t.began = time.Now()
	}
	if t.s.patience == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, t.began.Add(t.s.patience), t.s.impatient())
}

func (s *Sink) impatient() error {
	return fmt.Errorf("the table could not be committed to within %v", s.patience)
}

// again says whether a commit goes on after a step without an error, or with one that
// may pass: then it pauses. The error is why it does not.
func (t *trials) again(ctx context.Context, err error) error {
	if t.began.IsZero() {
		t.began = time.Now()
	}
	bounded, cancel := t.bound(ctx)
	defer cancel()
	switch {
	case bounded.Err() != nil:
	case err == nil:
		return nil
	case !passing(err):
		return t.s.classify(fmt.Errorf("commit to %s: %w", t.s.dir, err))
	default:
		t.last = err
		if t.s.cfg.Retrying != nil {
			t.s.cfg.Retrying(err)
		}
		if pause(bounded, t.failures) == nil {
			t.failures++
			return nil
		}
	}
	return t.s.gaveUp(bounded, t.last)
}

// gaveUp is the error of a commit that ran out of time, with what kept it from ending.
func (s *Sink) gaveUp(ctx context.Context, last error) error {
	err := context.Cause(ctx)
	if last != nil {
		err = fmt.Errorf("%w; the last try: %w", err, last)
	}
	return fmt.Errorf("commit to %s: %w", s.dir, err)
}
