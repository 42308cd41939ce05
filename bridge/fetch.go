package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

const (
	// maxPull is the most messages of one pull: beyond about 2,000 more brings nothing.
	maxPull = 5000
	// maxPullBytes bounds what one pull may bring.
	maxPullBytes = 16 << 20
	// tightPull is the size of pulls while the ledger is over its cap.
	tightPull = 64
)

// fetch pulls messages until the pipeline drains, and passes them on. One pull is
// outstanding at a time, never for more than the process may hold.
func (p *pipeline) fetch(ctx context.Context, out chan<- []consumer.Message) error {
	defer close(out)
	pulling, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(p.draining, func() { stop(errDrain) })()
	for {
		n, err := p.hold.room(pulling)
		if err == nil {
			err = p.pull(pulling, ctx, n, out)
		}
		switch {
		case err == nil:
		case errors.Is(err, errDrain), context.Cause(pulling) == errDrain: //nolint:errorlint // identity is meant
			return p.source.Close() // gives back what was delivered and not returned
		default:
			return fmt.Errorf("fetch: %w", err)
		}
	}
}

func (p *pipeline) pull(pulling, ctx context.Context, n int, out chan<- []consumer.Message) error {
	bytes, free, err := p.budget.reserve(pulling)
	if err != nil {
		return err
	}
	n = min(n, maxPull)
	if p.tight.Load() {
		n = min(n, tightPull)
	}
	msgs, err := p.source.Fetch(pulling, n, bytes)
	for i := range msgs {
		p.charge(weight(&msgs[i]))
	}
	free()
	if len(msgs) > 0 {
		p.dealt.came(msgs)
		p.lease.Hold(msgs...)
		p.noteFetched(msgs)
		select {
		case out <- msgs:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

func (p *pipeline) noteFetched(msgs []consumer.Message) {
	p.cfg.Events.reached(p.topic, MomentFetched)
	if p.cfg.Events.Fetched == nil {
		return
	}
	f := Fetched{Messages: len(msgs)}
	for i := range msgs {
		f.Bytes += len(msgs[i].Data)
		if msgs[i].Delivered > 1 {
			f.Redelivered++
		}
	}
	p.cfg.Events.Fetched(p.topic, f)
}

// tooManyHoles reports whether m should come later because the ledger is over its
// cap and m would open another run in it. Redeliveries fill holes, so they stay.
func (p *pipeline) tooManyHoles(m *held) bool {
	return p.tight.Load() && m.Delivered == 1 && !p.sink.Touches(m.Seq)
}

// tighten switches the cap's rules on and off by the size of the entry just read back.
func (p *pipeline) tighten(bytes int) { p.tight.Store(bytes > sink.LedgerCap) }
