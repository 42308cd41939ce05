package bridge

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// returnDelay is how long messages wait that a failed pipeline gives back.
const returnDelay = time.Second

// pipeline is one run of one topic: from binding the table to the consumer until
// it drained or failed.
type pipeline struct {
	cfg   Config
	topic string
	*origin
	draining context.Context //nolint:containedctx // done when the pipeline shall drain; it bounds no call
	drain    context.CancelFunc

	share func() uint64 // the topic's share of the shared stream's bytes

	durable *consumer.Durable
	source  *consumer.Source
	sink    *sink.Sink
	lease   *consumer.Lease
	deaf    func() // ends listening for messages that the server gives up
	dead    *consumer.DeadLetters

	hold      *holdings
	roll      roll
	decode    decode.Options
	tight     atomic.Bool  // the ledger is over its cap
	buffered  atomic.Int64 // rows received and not yet committed
	budget    *budget
	charged   atomic.Int64  // bytes
	pressed   chan string   // capacity 1: seal the open batch, for this reason
	unsettled atomic.Int64  // batches sealed and not yet committed
	settling  chan struct{} // capacity 1: unsettled went down
	failing   bool          // the storage fails, and the committer goes on trying; its own
}

// run moves messages until the pipeline drained (nil), failed, or ctx ended. What it
// still held then was given back to the server.
func (p *pipeline) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.close()) }()
	if err := p.bind(ctx); err != nil {
		return err
	}
	p.budget.join(p)
	defer p.budget.leave(p)
	p.state(TopicState{Phase: PhaseRunning})
	messages := make(chan []consumer.Message)
	sealed := make(chan sealedBatch)
	staged := make(chan stagedBatch)
	committed := make(chan committedBatch, 1) // acks of one batch leave while the next is committed

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.fetch(ctx, messages) })
	group.Go(func() error { return p.assemble(ctx, messages, sealed) })
	group.Go(func() error {
		defer close(staged)
		encoders, ctx := errgroup.WithContext(ctx)
		for range p.cfg.Encoders {
			encoders.Go(func() error { return p.stage(ctx, sealed, staged) })
		}
		return encoders.Wait()
	})
	group.Go(func() error { return p.commit(ctx, staged, committed) })
	group.Go(func() error { return p.ack(ctx, committed) })
	group.Go(func() error { return p.watch(ctx) })
	return group.Wait()
}

// close gives back what is held and releases everything. It may follow a failed bind.
func (p *pipeline) close() error {
	p.drain()
	var errs []error
	if p.source != nil {
		errs = append(errs, p.source.Close())
	}
	if p.hold != nil {
		// A failure is no matter: what cannot be given back comes again after AckWait.
		_ = p.giveBack(p.hold.all(), returnDelay)
		p.buffer(-p.buffered.Load())
	}
	p.charge(-p.charged.Load()) // what was on its way between two stages
	if p.lease != nil {
		p.lease.Close()
	}
	if p.deaf != nil {
		p.deaf()
	}
	if p.sink != nil {
		errs = append(errs, p.sink.Close())
	}
	return errors.Join(errs...)
}

// buffer counts rows in (positive) and out of the pipeline.
func (p *pipeline) buffer(rows int64) {
	now := p.buffered.Add(rows)
	if rows != 0 && p.cfg.Events.Buffered != nil {
		p.cfg.Events.Buffered(p.topic, now)
	}
}

func (p *pipeline) state(s TopicState) {
	s.Since = time.Now()
	p.cfg.Events.State(p.topic, s)
}

func (p *pipeline) sinkConfig() sink.Config {
	reached := func(m Moment) func(uint64) {
		return func(uint64) { p.cfg.Events.reached(p.topic, m) }
	}
	events := sink.Events{BeforePut: reached(MomentBeforePut), AfterPut: reached(MomentAfterPut)}
	if p.cfg.Events.Conflict != nil {
		events.Conflict = func(version uint64) { p.cfg.Events.Conflict(p.topic, version) }
	}
	if p.cfg.Events.Unknown != nil {
		events.Unknown = func(version uint64, err error) { p.cfg.Events.Unknown(p.topic, version, err) }
	}
	return sink.Config{
		Storage: p.cfg.Storage, Open: p.cfg.Open, Topic: p.topic, Compression: p.cfg.Compression,
		Version: p.cfg.Version, Events: events, Retrying: p.storageFailed, Ends: p.ends,
		Lease:     p.cfg.Lease,
		Rewriting: func() { p.cfg.Events.reached(p.topic, MomentRewriting) },
	}
}

// setup prepares what needs the durable's limits.
func (p *pipeline) setup() error {
	limit := p.durable.HoldLimit()
	p.hold = newHoldings(limit)
	p.roll = roll{
		rows: p.cfg.BatchRows, bytes: min(p.cfg.BatchBytes, p.cfg.Memory/4), age: p.cfg.FlushInterval,
		messages: max(limit/2, 1), // the other half is the next batch, while this one is committed
	}
	p.decode = p.decoding()
	p.sink.GiveUpAfter(p.patience())
	var err error
	if p.lease, err = consumer.NewLease(consumer.LeaseConfig{AckWait: p.durable.AckWait(), Extend: p.durable.InProgress}); err != nil {
		return err
	}
	if p.source, err = p.durable.NewSource(consumer.SourceConfig{}); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if f := p.cfg.Events.GivenUp; f != nil {
		p.deaf, err = p.durable.OnMaxDeliveries(func(seq, deliveries uint64) { f(p.topic, seq, deliveries) })
	}
	return err
}
