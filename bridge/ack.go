package bridge

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// ackChunk is how many acks leave before the next look at the context.
	ackChunk = 500
	// confirmPatience is how long a pipeline that ends waits for the server to take its acks.
	confirmPatience = 5 * time.Second
	// deadLettersAtOnce is how many dead letters are under way together: each waits for the stream.
	deadLettersAtOnce = 64
	// deadLetterDelay is how long a message waits whose dead letter could not be published.
	deadLetterDelay = 5 * time.Second
)

// ack acknowledges committed batches in order of delivery. It is the last stage:
// nothing waits for it. A failed ack is only counted, because the message comes
// again and the ledger knows it.
func (p *pipeline) ack(ctx context.Context, in <-chan committedBatch) error {
	for b := range in {
		msgs, err := p.bury(ctx, b)
		if err != nil {
			return err
		}
		for i := 0; i < len(msgs); i += ackChunk {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			if half := len(msgs) / 2; i <= half && half < i+ackChunk {
				p.acknowledge(msgs[i:half])
				p.cfg.Events.reached(p.topic, MomentAcking)
				p.acknowledge(msgs[half:min(i+ackChunk, len(msgs))])
				continue
			}
			p.acknowledge(msgs[i:min(i+ackChunk, len(msgs))])
		}
		p.cfg.Events.reached(p.topic, MomentAcked)
	}
	return p.confirm(ctx)
}

// confirm makes sure that the server has the acks before the pipeline ends. Only
// under Once does it matter whether it has: elsewhere the messages come again.
func (p *pipeline) confirm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, confirmPatience)
	defer cancel()
	if err := p.durable.Confirm(ctx); err != nil && p.cfg.Once {
		return fmt.Errorf("confirm acks: %w", err)
	}
	return nil
}

func (p *pipeline) acknowledge(msgs []*held) {
	if len(msgs) == 0 {
		return
	}
	p.dealt.acknowledged()
	n, err := p.durable.Ack(p.hold.deliveries(msgs)...)
	p.letGo(msgs)
	if p.cfg.Events.Acked != nil {
		p.cfg.Events.Acked(p.topic, n, err)
	}
}

// bury publishes the batch's dead letters and returns the messages that may be
// acknowledged: all but those whose publication failed, which are given back.
func (p *pipeline) bury(ctx context.Context, b committedBatch) ([]*held, error) {
	if len(b.res.Pending) == 0 {
		return b.msgs, nil
	}
	p.cfg.Events.reached(p.topic, MomentDeadLetter)
	pending, err := p.rejections(b.batch, b.res)
	if err != nil {
		return nil, err
	}
	var fine, dead []*held
	for _, m := range b.msgs {
		if _, ok := pending[m.Seq]; ok {
			dead = append(dead, m)
		} else {
			fine = append(fine, m)
		}
	}
	failures := make([]error, len(dead))
	var publishing errgroup.Group
	publishing.SetLimit(deadLettersAtOnce)
	for i, m := range dead {
		publishing.Go(func() error {
			r := pending[m.Seq]
			failures[i] = p.dead.Publish(ctx, m.Message, b.res.Epoch, r.Class, r.Reason)
			return nil
		})
	}
	if err := publishing.Wait(); err != nil {
		return nil, err
	}
	var failed []*held
	for i, m := range dead {
		if p.cfg.Events.DeadLettered != nil {
			r := pending[m.Seq]
			p.cfg.Events.DeadLettered(p.topic, DeadLettered{Seq: m.Seq, Class: r.Class, Reason: r.Reason, Err: failures[i]})
		}
		if failures[i] != nil {
			failed = append(failed, m)
			continue
		}
		p.sink.Published(m.Seq)
		fine = append(fine, m)
	}
	return fine, p.giveBack(failed, deadLetterDelay)
}

// buryTooSoon is a deliberate bug: it publishes the dead letters of a batch that is not
// committed.
func (p *pipeline) buryTooSoon(ctx context.Context, b *batch) {
	for _, r := range b.rejected {
		for _, m := range b.msgs {
			if m.Seq == r.Seq {
				_ = p.dead.Publish(ctx, m.Message, p.decode.Epoch, r.Class, r.Reason)
			}
		}
	}
}

// letGo forgets messages that are no longer ours to keep alive.
func (p *pipeline) letGo(msgs []*held) {
	p.lease.Release(seqs(msgs)...)
	p.charge(-p.hold.release(msgs))
}

// giveBack hands messages back to the server, to be delivered again after delay.
func (p *pipeline) giveBack(msgs []*held, delay time.Duration) error {
	if len(msgs) == 0 {
		return nil
	}
	var first error
	for _, m := range p.hold.deliveries(msgs) {
		if err := p.durable.Nak(m, delay); err != nil && first == nil {
			first = err
		}
	}
	p.letGo(msgs)
	return first
}

func seqs(msgs []*held) []uint64 {
	out := make([]uint64, len(msgs))
	for i, m := range msgs {
		out[i] = m.Seq
	}
	return out
}
