package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// holeDelay is how long a message waits that would open a new run in a full ledger.
const holeDelay = time.Second

// sealedBatch is a full batch, decoded for the schema the table had when it was begun.
type sealedBatch struct {
	*batch
	sink *sink.Batch
}

// assembler owns the decoder, the open batch and the roll timer.
type assembler struct {
	p     *pipeline
	dec   *decode.Batch
	table *arrow.Schema
	open  *batch
	timer *time.Timer
	out   chan<- sealedBatch

	trial   string // under way, "" for none; it ends with the batch of its last message
	untried int    // messages of the trial that are in no batch yet
}

// assemble gathers messages into batches and seals them when they are full or old.
func (p *pipeline) assemble(ctx context.Context, in <-chan []consumer.Message, out chan<- sealedBatch) error {
	defer close(out)
	a := &assembler{p: p, out: out, timer: time.NewTimer(time.Hour)}
	a.timer.Stop()
	defer a.timer.Stop()
	for {
		select {
		case msgs, ok := <-in:
			if !ok {
				return a.seal(ctx, RollDrain)
			}
			if err := a.take(ctx, msgs); err != nil {
				return err
			}
		case reason := <-a.p.pressed:
			if err := a.seal(ctx, reason); err != nil {
				return err
			}
		case <-a.timer.C:
			if err := a.seal(ctx, RollAge); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (a *assembler) take(ctx context.Context, msgs []consumer.Message) error {
	fresh, repeated, err := a.p.hold.add(msgs)
	if err != nil {
		return err
	}
	a.p.charge(-repeated)
	var suspects []*held
	for _, m := range fresh {
		if m.Delivered >= suspectFrom {
			suspects = append(suspects, m)
			continue
		}
		if a.p.tooManyHoles(m) {
			if err := a.p.giveBack([]*held{m}, holeDelay); err != nil {
				return err
			}
			continue
		}
		if err := a.add(ctx, m); err != nil {
			return err
		}
	}
	return a.try(ctx, suspects)
}

// add puts a message into the open batch, and seals what is full.
func (a *assembler) add(ctx context.Context, m *held) error {
	if err := a.begin(); err != nil {
		return err
	}
	if f := a.p.cfg.Events.Decoding; f != nil && m.condemned == nil {
		f(a.p.topic, m.Seq)
	}
	before := a.open.rows
	err := a.open.add(a.dec, m)
	if errors.Is(err, decode.ErrFull) {
		before = 0
		err = a.addToNext(ctx, m)
	}
	if err != nil {
		return err
	}
	a.p.buffer(int64(a.open.rows - before))
	a.weigh()
	if reason := a.p.roll.full(a.open.rows, a.size(), len(a.open.msgs)); reason != "" {
		return a.seal(ctx, reason)
	}
	return nil
}

// size is what the open batch takes in memory, raw or decoded: a long vector makes
// each later row as wide, however small its message.
func (a *assembler) size() int64 { return max(a.open.bytes, int64(a.dec.Bytes())) }

// addToNext seals the open batch, which has no room for m, and begins another with it.
func (a *assembler) addToNext(ctx context.Context, m *held) error {
	if err := a.seal(ctx, RollColumns); err != nil {
		return err
	}
	if err := a.begin(); err != nil {
		return err
	}
	return a.open.add(a.dec, m)
}

// begin makes sure that a batch is open, with a decoder for the table as it is now.
func (a *assembler) begin() error {
	if a.open != nil {
		return nil
	}
	table := a.p.sink.Schema()
	if table != a.table {
		if err := a.p.checkTable(table); err != nil {
			return err
		}
	}
	a.table = table
	if a.dec == nil {
		a.dec = decode.NewBatch(a.table, a.p.decode)
	} else {
		a.dec.Reset(a.table)
	}
	a.open = &batch{ordered: true, options: a.p.decode}
	a.timer.Reset(a.p.roll.age)
	return nil
}

// seal passes the open batch on; there may be none.
func (a *assembler) seal(ctx context.Context, reason string) error {
	a.timer.Stop()
	if a.open == nil {
		return nil
	}
	b := a.open
	a.open = nil
	b.reason, b.sealed = reason, time.Now()
	if a.untried == 0 {
		b.trial, a.trial = a.trial, ""
	}
	plan, err := b.plan(a.dec, a.table)
	if err != nil {
		return fmt.Errorf("seal batch: %w", err)
	}
	plan.Yields = b.trial == ""
	a.p.hold.claim(b)
	a.p.unsettled.Add(1)
	a.p.budget.opened(a.p, 0)
	a.p.cfg.Events.reached(a.p.topic, MomentSealed)
	select {
	case a.out <- sealedBatch{b, plan}:
		return nil
	case <-ctx.Done():
		plan.Plan.Record.Release()
		return context.Cause(ctx)
	}
}
