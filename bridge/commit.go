package bridge

import (
	"context"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// commitPatience is how long a commit goes on trying, in ack waits: as long as the
// lease keeps the messages.
const commitPatience = 10

// committedBatch is a batch that a read-back has seen in the latest version.
type committedBatch struct {
	*batch
	res *sink.Result
}

// commit puts staged batches into the table, one at a time.
func (p *pipeline) commit(ctx context.Context, in <-chan stagedBatch, out chan<- committedBatch) error {
	defer close(out)
	c := &committer{p: p, out: out}
	for {
		select {
		case b, ok := <-in:
			if !ok {
				return c.end(ctx)
			}
			if err := c.put(ctx, b); err != nil {
				return err
			}
		case <-c.again:
			if err := c.retry(ctx); err != nil {
				return err
			}
		}
	}
}

// committed notes that a read-back has seen a batch, and passes it on.
func (p *pipeline) committed(ctx context.Context, b *batch, res *sink.Result, out chan<- committedBatch) error {
	p.charge(-b.excess)
	p.storageWorks()
	if b.trial != "" {
		p.sink.EndTrial(ctx, b.trial)
	}
	p.settle()
	p.tighten(res.LedgerBytes)
	p.buffer(int64(-b.rows))
	p.noteCommitted(b, res)
	select {
	case out <- committedBatch{b, res}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// storageFailed notes that a commit failed and goes on trying: the topic is in no
// order until one gets through.
func (p *pipeline) storageFailed(err error) {
	if p.cfg.Events.CommitRetried != nil {
		p.cfg.Events.CommitRetried(p.topic, err)
	}
	if !p.failing {
		p.failing = true
		p.state(TopicState{Phase: PhaseRetrying, Err: fmt.Errorf("topic %s: the storage fails: %w", p.topic, err)})
	}
}

// storageWorks ends what storageFailed began.
func (p *pipeline) storageWorks() {
	if p.failing {
		p.failing = false
		p.state(TopicState{Phase: PhaseRunning})
	}
}

func (p *pipeline) commitOne(ctx context.Context, b stagedBatch) (*sink.Result, error) {
	patience := p.patience()
	asking, cancel := context.WithTimeoutCause(ctx, patience,
		fmt.Errorf("the consumer could not be asked for its position within %v", patience))
	defer cancel()
	pos, err := p.position(asking, b.batch)
	if err != nil {
		b.staged.Discard()
		return nil, err
	}
	return p.sink.Commit(ctx, b.staged, pos)
}

func (p *pipeline) patience() time.Duration { return commitPatience * p.durable.AckWait() }

// position asks the consumer how far it is. b is the batch about to be committed, nil if none.
func (p *pipeline) position(ctx context.Context, b *batch) (sink.Position, error) {
	state, err := p.durable.State(ctx)
	if err != nil {
		return sink.Position{}, fmt.Errorf("ask for the consumer's position: %w", err)
	}
	pos := p.positionOf(state)
	p.dealt.of(state.ConsumerCreated)
	pos.Acked = p.dealt.acked(state.Deliveries, state.AckedDeliveries)
	pos.InFlight = p.hold.lowestOutside(b)
	return pos, nil
}

// positionOf is what a state says of how far the consumer is.
func (p *pipeline) positionOf(s consumer.State) sink.Position {
	return sink.Position{
		Identity: p.identity(s), AckFloor: s.AckFloor, StreamLast: s.StreamLastSeq,
		Deliveries: s.Deliveries, AckedDeliveries: s.AckedDeliveries, Acked: s.AckedDeliveries > 0,
	}
}

func (p *pipeline) noteCommitted(b *batch, res *sink.Result) {
	p.cfg.Events.reached(p.topic, MomentCommitted)
	if p.cfg.Events.Committed == nil {
		return
	}
	p.cfg.Events.Committed(p.topic, Committed{
		Version: res.Version, Rows: res.Rows, Messages: len(b.msgs),
		Duplicates: res.Duplicates, DeadLetters: res.DeadLetters, Bytes: res.Bytes,
		Reason: b.reason, Flush: time.Since(b.sealed), Oldest: b.oldest,
		NewColumns: res.NewColumns, Widened: res.Widened, LedgerBytes: res.LedgerBytes, LedgerRuns: res.LedgerRuns,
		SteppedOver: res.SteppedOver,
	})
}
