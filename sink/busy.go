package sink

import (
	"context"
	"time"
)

// BusyError says that another worker has the lease to rewrite columns, and messages of
// the batch need one of them in a wider type than the table has. Nothing was committed.
type BusyError struct{ sink *Sink }

// Error says what is waited for.
func (*BusyError) Error() string { return "another worker rewrites columns of the table" }

// Over reports whether the lease has ended, or cannot be read: then it is worth to
// commit again. It belongs to who commits.
func (e *BusyError) Over(ctx context.Context) bool {
	head, err := e.sink.latest(ctx)
	if err != nil || head == nil {
		return true
	}
	l, text := leaseOf(head)
	return e.sink.seen.over(l, text, e.sink.leaseTime())
}

// Pause is how long to wait before Over is asked.
func (e *BusyError) Pause() time.Duration { return e.sink.leasePause() }
