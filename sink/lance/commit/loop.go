package commit

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Planner knows what to commit. Its methods are called one at a time, by the
// goroutine that called Commit.
type Planner interface {
	// Plan returns what to put after base, which is nil where there is no table.
	// It is asked anew for every base, and leaves out what base holds already.
	// (nil, nil) says that base holds all; the commit then ends after a read-back.
	Plan(ctx context.Context, base *manifest.Manifest) (*Proposal, error)
	// Landed says how much of the last proposal, or of what the last Plan found to
	// be there, a version holds.
	Landed(ctx context.Context, head *manifest.Manifest) (Landing, error)
}

// Commit publishes what p plans, and returns the head that was read back and holds
// it. It has no deadline of its own; a lost race is tried again at once, then with
// small random pauses, until ctx ends.
//
// After ErrUnknownOutcome, or any error while the outcome was being read, the
// proposal may be committed or not; another Commit settles it. After ErrStaleFile
// and errors of the planner nothing was published. ErrRolledBack and
// ErrTableReplaced want an operator.
func (l *Log) Commit(ctx context.Context, p Planner) (*manifest.Manifest, error) {
	for try := 0; ; try++ {
		if err := pause(ctx, try); err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
		head, err := l.attempt(ctx, p)
		if errors.Is(err, objstore.ErrReplaced) && !errors.Is(err, ErrTableReplaced) {
			err = fmt.Errorf("%w: %w", ErrTableReplaced, err)
		}
		if err != nil {
			return nil, fmt.Errorf("commit: %w", err)
		}
		if head != nil {
			return head, nil
		}
	}
}

// attempt goes once around the loop. It returns nil if the proposal did not land.
func (l *Log) attempt(ctx context.Context, p Planner) (*manifest.Manifest, error) {
	b, err := l.readBase(ctx)
	if err != nil {
		return nil, err
	}
	proposal, err := p.Plan(ctx, b.Manifest)
	if err != nil {
		return nil, fmt.Errorf("plan on version %d: %w", b.version(), err)
	}
	if proposal == nil {
		return l.readBack(ctx, p, b, nil)
	}
	b, same, err := l.refresh(ctx, b)
	if err != nil || !same {
		return nil, err
	}
	d, err := l.prepare(b, proposal)
	if err != nil {
		return nil, err
	}
	taken, err := l.taken(ctx, d)
	if err != nil {
		return nil, err
	}
	if taken {
		l.o.Events.conflict(d.next.Version())
		return nil, nil
	}
	if err := l.writeTransaction(ctx, d); err != nil {
		return nil, err
	}
	return l.publish(ctx, p, d)
}

// publish puts a draft and goes on by what became of it. It returns nil if the
// proposal did not land.
func (l *Log) publish(ctx context.Context, p Planner, d *draft) (*manifest.Manifest, error) {
	switch o, err := l.put(ctx, d); o {
	case won:
		l.won(d)
		if mutant.On("no-read-back") {
			return d.next, nil
		}
		return l.readBack(ctx, p, d.base, d)
	case lost:
		l.o.Events.conflict(d.next.Version())
		l.discard(ctx, d)
		return nil, nil
	case unknown:
		if mutant.On("unknown-is-failure") {
			return l.putAgain(ctx, p, d)
		}
		if mutant.On("delete-on-unknown") {
			for _, f := range d.proposal.Files {
				_ = l.store.Remove(ctx, dataDir+f.Path)
			}
		}
		return l.resolve(ctx, p, d, err)
	default:
		l.discard(ctx, d)
		return nil, err
	}
}

// putAgain is a deliberate bug: it takes a put of unknown outcome for one that failed,
// and puts the same proposal after whatever is the head now.
func (l *Log) putAgain(ctx context.Context, p Planner, d *draft) (*manifest.Manifest, error) {
	b, err := l.readBase(ctx)
	if err != nil {
		return nil, err
	}
	if d, err = l.prepare(b, d.proposal); err != nil {
		return nil, err
	}
	return l.publish(ctx, p, d)
}

// won remembers what was published, so that reading it back is cheap, and that its
// bytes are durable.
func (l *Log) won(d *draft) {
	l.mu.Lock()
	l.mu.written = d
	l.mu.Unlock()
	l.setDurable(d.next.Entry())
	l.o.Events.afterPut(d.next.Version())
}

// discard clears up after a draft that was certainly not published.
func (l *Log) discard(ctx context.Context, d *draft) {
	if d.transaction == "" {
		return
	}
	if err := l.store.Remove(ctx, d.transaction); err != nil {
		l.o.Events.leftover(d.transaction, err)
	}
}

// The pauses between tries: none before the first retry, then up to twice as long
// each time.
const (
	firstPause = time.Millisecond
	maxPause   = 250 * time.Millisecond
)

// pause waits before a try, a random part of its turn's pause, so that racing
// writers do not stay in step.
func pause(ctx context.Context, try int) error {
	if try < 2 {
		return ctx.Err()
	}
	limit := maxPause
	if try-2 < 8 {
		limit = min(limit, firstPause<<(try-2))
	}
	timer := time.NewTimer(rand.N(limit) + 1)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
