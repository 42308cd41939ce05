package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// committer commits batches. While another worker rewrites a column, the messages that
// need its new type are set aside, one batch of them at most, and the others go in.
type committer struct {
	p   *pipeline
	out chan<- committedBatch

	rest  *batch // what was set aside, nil for nothing
	busy  *sink.BusyError
	again <-chan time.Time // look at the lease again; nil without a rest
}

// put commits a batch, or what of it need not wait.
func (c *committer) put(ctx context.Context, b stagedBatch) error {
	p := c.p
	if mutant.On("ack-before-commit") {
		p.acknowledge(b.msgs)
	}
	if mutant.On("dead-letter-before-ledger") {
		p.buryTooSoon(ctx, b.batch)
	}
	res, err := p.commitOne(ctx, b)
	if err == nil {
		return p.committed(ctx, b.batch, res, c.out)
	}
	if !errors.As(err, &c.busy) {
		return err
	}
	fits, rest, err := p.part(b.batch)
	if err != nil {
		return err
	}
	if rest == nil { // the table changed meanwhile
		return c.wait(ctx, fits)
	}
	if fits != nil {
		p.hold.claim(rest)
		p.hold.claim(fits)
		p.unsettled.Add(1)
		err := c.try(ctx, fits)
		if errors.As(err, &c.busy) { // the table changed meanwhile
			err = c.wait(ctx, fits)
		}
		if err != nil {
			return err
		}
	}
	if err := c.end(ctx); err != nil {
		return err
	}
	c.keep(rest)
	return nil
}

// keep sets a batch aside.
func (c *committer) keep(b *batch) {
	c.rest, c.again = b, time.After(c.busy.Pause())
}

// retry commits what was set aside, if the lease is over.
func (c *committer) retry(ctx context.Context) error {
	b := c.rest
	if !c.busy.Over(ctx) {
		c.keep(b)
		return nil
	}
	c.rest, c.again = nil, nil
	err := c.try(ctx, b)
	if errors.As(err, &c.busy) { // a third worker has the lease
		c.keep(b)
		return nil
	}
	return err
}

// end commits what was set aside, after waiting for the lease if need be.
func (c *committer) end(ctx context.Context) error {
	b := c.rest
	c.rest, c.again = nil, nil
	if b == nil {
		return nil
	}
	return c.wait(ctx, b)
}

// try decodes a batch again and commits it, or returns a BusyError.
func (c *committer) try(ctx context.Context, b *batch) error { return c.decoded(ctx, b, true) }

// wait is try that waits while the lease is another's.
func (c *committer) wait(ctx context.Context, b *batch) error { return c.decoded(ctx, b, false) }

func (c *committer) decoded(ctx context.Context, b *batch, yields bool) error {
	staged, err := c.p.stageAgain(ctx, b, yields)
	if err != nil {
		return err
	}
	res, err := c.p.commitOne(ctx, stagedBatch{b, staged})
	if err != nil {
		return err
	}
	return c.p.committed(ctx, b, res, c.out)
}

// stageAgain decodes a batch for the table as it is and writes its data file.
func (p *pipeline) stageAgain(ctx context.Context, b *batch, yields bool) (*sink.Staged, error) {
	out := b.unplanned(b.sorted())
	out.Yields = yields
	var err error
	if out.Plan, err = out.Replan(p.sink.Schema(), func(uint64) bool { return false }); err != nil {
		return nil, fmt.Errorf("decode batch again: %w", err)
	}
	staged, err := p.sink.Stage(ctx, out)
	if err != nil {
		return nil, fmt.Errorf("stage: %w", err)
	}
	return staged, nil
}

var errLater = errors.New("another worker rewrites the column")

// part divides a batch into the messages that fit the table and those that need a column
// of it in a wider type; either is nil if there are none.
func (p *pipeline) part(b *batch) (fits, rest *batch, err error) {
	o := b.options
	o.Unsplit = true
	needs := false
	o.Widen = func(w schema.Widening) error {
		if err := b.options.Widen(w); err != nil {
			return err
		}
		needs = true
		return errLater
	}
	dec := decode.NewBatch(p.sink.Schema(), o)
	now, later := b.like(), b.like()
	for _, m := range b.msgs {
		needs = false
		rows, rej, err := appendMessage(dec, m)
		if err != nil {
			return nil, nil, err
		}
		if rej != nil && needs {
			later.msgs = append(later.msgs, m)
			continue
		}
		now.msgs = append(now.msgs, m)
		now.rows += rows
	}
	switch {
	case len(later.msgs) == 0:
		return b, nil, nil
	case len(now.msgs) == 0:
		return nil, b, nil
	}
	later.rows, later.excess = b.rows-now.rows, b.excess
	return now, later, nil
}

// like is a batch without messages that was sealed as b was. What b is charged for
// beyond its messages is not in it.
func (b *batch) like() *batch {
	return &batch{bytes: b.bytes, oldest: b.oldest, reason: b.reason, sealed: b.sealed, ordered: b.ordered, options: b.options}
}
