package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// Replayed says what a replay did.
type Replayed struct {
	Messages    int // read from the stream
	Rows        int64
	Duplicates  int // messages that the table held
	DeadLetters int
	Last        uint64 // sequence of the last message read
}

// Replay reads the messages of a topic from a sequence on from the stream again, and
// writes those that the table does not hold, as a pipeline would: exactly once, also
// beside pipelines that run. It accepts the restores and overwrites there were. A
// stream that does not keep acknowledged messages gives consumer.ErrNotKept. Progress
// is reported after each commit and may be nil.
func (b *Bridge) Replay(ctx context.Context, topic string, from uint64, progress func(Replayed)) (done Replayed, err error) {
	r := &replay{bridge: b, progress: progress, from: max(from, 1)}
	source, err := b.origin(ctx, topic)
	if err != nil {
		return done, err
	}
	if b.dead, err = b.streams.EnsureDeadLetters(ctx, consumer.DeadLetterConfig{Provision: b.cfg.Provision}); err != nil {
		return done, err
	}
	last, err := r.begin(ctx, topic, source)
	if r.p.sink != nil {
		defer func() { err = errors.Join(err, r.p.sink.Close()) }()
	}
	if err != nil {
		return done, err
	}
	for m, err := range source.stream.Read(ctx, topic, r.from, last) {
		if err != nil {
			return r.done, err
		}
		if err := r.add(ctx, m); err != nil {
			return r.done, err
		}
	}
	return r.done, r.flush(ctx)
}

// replay is a pipeline in one goroutine, whose messages are not delivered but read.
type replay struct {
	bridge   *Bridge
	p        *pipeline
	from     uint64
	pos      sink.Position
	progress func(Replayed)
	done     Replayed

	dec   *decode.Batch
	table *arrow.Schema
	open  *batch
}

// begin opens the topic's table, and returns the sequence up to which to read.
func (r *replay) begin(ctx context.Context, topic string, source *origin) (last uint64, err error) {
	r.p = r.bridge.newPipeline(topic, source)
	r.p.hold = newHoldings(0)
	name, err := consumer.ConsumerName(r.p.cfg.ConsumerName, topic)
	if err != nil {
		return 0, err
	}
	if r.p.durable, err = source.stream.Lookup(ctx, consumer.DurableConfig{Topic: topic, Name: name}); err != nil {
		return 0, err
	}
	cfg := r.p.sinkConfig()
	cfg.Accept, cfg.Retrying = true, nil
	if r.p.sink, err = sink.Open(ctx, cfg); err != nil {
		return 0, err
	}
	r.p.decode = r.p.decoding()
	state, err := r.p.durable.State(ctx)
	if err != nil {
		return 0, err
	}
	r.pos = r.p.positionOf(state)
	r.pos.InFlight = r.from // the floor must not pass what is being replayed
	bound, err := r.p.sink.Bind(ctx, r.pos)
	if err != nil {
		return 0, err
	}
	r.p.decode.Epoch = bound.Epoch
	return state.StreamLastSeq, r.p.checkTable(r.p.sink.Schema())
}

// add puts a message into the open batch, and commits what is full.
func (r *replay) add(ctx context.Context, m consumer.Message) error {
	r.done.Messages++
	r.done.Last = m.Seq
	r.begun()
	err := r.open.add(r.dec, &held{Message: m})
	if errors.Is(err, decode.ErrFull) {
		if err := r.flush(ctx); err != nil {
			return err
		}
		r.begun()
		err = r.open.add(r.dec, &held{Message: m})
	}
	if err != nil {
		return err
	}
	if r.open.rows < r.p.cfg.BatchRows && max(r.open.bytes, int64(r.dec.Bytes())) < r.p.cfg.BatchBytes {
		return nil
	}
	return r.flush(ctx)
}

// begun makes sure that a batch is open.
func (r *replay) begun() {
	if r.open != nil {
		return
	}
	r.table = r.p.sink.Schema()
	r.dec = decode.NewBatch(r.table, r.p.decode)
	r.open = &batch{ordered: true, options: r.p.decode}
}

// flush commits the open batch; there may be none.
func (r *replay) flush(ctx context.Context) error {
	if r.open == nil {
		return nil
	}
	b := r.open
	r.open = nil
	plan, err := b.plan(r.dec, r.table)
	if err != nil {
		return fmt.Errorf("seal batch: %w", err)
	}
	staged, err := r.p.sink.Stage(ctx, plan)
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	res, err := r.p.sink.Commit(ctx, staged, r.pos)
	if err != nil {
		return err
	}
	if err := r.bury(ctx, b, res); err != nil {
		return err
	}
	r.done.Rows += res.Rows
	r.done.Duplicates += res.Duplicates
	r.done.DeadLetters += res.DeadLetters
	if r.progress != nil {
		r.progress(r.done)
	}
	return nil
}

// bury publishes the dead letters of a batch that is committed.
func (r *replay) bury(ctx context.Context, b *batch, res *sink.Result) error {
	pending, err := r.p.rejections(b, res)
	if err != nil {
		return err
	}
	for _, m := range b.msgs {
		rej, ok := pending[m.Seq]
		if !ok {
			continue
		}
		if err := r.bridge.dead.Publish(ctx, m.Message, res.Epoch, rej.Class, rej.Reason); err != nil {
			return err
		}
		r.p.sink.Published(m.Seq)
	}
	return nil
}
