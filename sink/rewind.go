package sink

import (
	"context"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// secondLook is after how long a stream that seems shorter than the ledger is asked
// again: a new leader may not know its last sequences yet.
const secondLook = 5 * time.Second

// checkLength refuses a stream that ends below what entry holds: its numbers will be
// given out again. pos was asked before the entry was read, so peers may have committed
// what was stored since; then the stream is asked once more.
func (s *Sink) checkLength(ctx context.Context, entry *ledger.Entry, pos *Position) error {
	if s.cfg.Ends == nil {
		return nil
	}
	for look := 0; pos.StreamLast < entry.MaxSeq; look++ {
		if look > 1 {
			return stop(StreamRewound, "the ledger holds sequence %d and stream %s ends at %d: it was restored or lost its tail, and will use numbers twice",
				entry.MaxSeq, s.id.Stream, pos.StreamLast)
		}
		if look == 1 {
			select {
			case <-time.After(secondLook):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		_, last, err := s.cfg.Ends(ctx)
		if err != nil {
			return fmt.Errorf("ask where stream %s ends: %w", s.id.Stream, err)
		}
		pos.StreamLast = last
	}
	return nil
}

// checkTime returns an error for a message whose sequence entry holds and which is
// another than the one recorded.
func checkTime(entry *ledger.Entry, m ledger.Mark) error {
	if mutant.On("no-time-check") {
		return nil
	}
	return entry.CheckRepeat(m)
}

// purged reports whether a message that does not pass checkTime, which said why, is one
// that a worker held while the stream was purged. The floor passes what is purged, so
// such a message was never recorded; and it is no longer the stream's. Otherwise the
// error stops the topic.
func (s *Sink) purged(ctx context.Context, entry *ledger.Entry, m ledger.Mark, why error) (bool, error) {
	if s.cfg.Ends != nil && m.Seq <= entry.Floor {
		first, _, err := s.cfg.Ends(ctx)
		if err != nil {
			return false, fmt.Errorf("ask where stream %s begins: %w", s.id.Stream, err)
		}
		if m.Seq < first {
			return true, nil
		}
	}
	return false, &StopError{StreamRewound, why}
}
