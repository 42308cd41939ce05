package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// secondLook is after how long a stream that seems shorter than the ledger is
// asked again: a new leader may not know its last sequences yet.
const secondLook = 5 * time.Second

// bind finds or creates the topic's consumer, opens its table, and checks that the
// two belong together. The consumer is asked before the table is read: an ack
// follows its commit, so a table read later cannot lack what was acknowledged.
func (p *pipeline) bind(ctx context.Context) error {
	name, err := consumer.ConsumerName(p.cfg.ConsumerName, p.topic)
	if err != nil {
		return &sink.StopError{Reason: sink.NameRefused, Err: err}
	}
	cfg := consumer.DurableConfig{Topic: p.topic, Name: name}
	durable, err := p.stream.Lookup(ctx, cfg)
	missing := errors.Is(err, consumer.ErrNoConsumer)
	if err != nil && !missing {
		return err
	}
	if p.sink, err = sink.Open(ctx, p.sinkConfig()); err != nil {
		return err
	}
	if missing {
		if durable, err = p.create(ctx, cfg); err != nil {
			return err
		}
	}
	p.durable = durable
	if err := p.setup(); err != nil {
		return err
	}
	pos, err := p.position(ctx, nil)
	if err != nil {
		return err
	}
	bound, err := p.sink.Bind(ctx, pos)
	if err != nil {
		return err
	}
	p.decode.Epoch = bound.Epoch
	return p.checkLength(ctx, bound.MaxSeq)
}

// create makes the consumer, which only a table without an entry for the stream
// allows. Where there is an entry, another worker may have made both since the first
// look: a consumer that is missing at a second one is really gone.
func (p *pipeline) create(ctx context.Context, cfg consumer.DurableConfig) (*consumer.Durable, error) {
	switch {
	case p.sink.HasEntry(p.stream.Name()):
		durable, err := p.stream.Lookup(ctx, cfg)
		if !errors.Is(err, consumer.ErrNoConsumer) {
			return durable, err
		}
		return nil, &sink.StopError{Reason: sink.ConsumerMissing, Err: fmt.Errorf(
			"the table was filled by consumer %s of stream %s, which does not exist any more; a new one would deliver everything from the start",
			cfg.Name, p.stream.Name())}
	case !p.cfg.Provision:
		return nil, &sink.StopError{Reason: sink.ConsumerMissing, Err: fmt.Errorf(
			"stream %s has no consumer %s and nothing may be created: create it with filter %s, explicit acks and deliver all, or run with --provision",
			p.stream.Name(), cfg.Name, p.stream.Subject(p.topic))}
	}
	return p.stream.Create(ctx, cfg)
}

// checkLength refuses a stream that ends below what the ledger holds: its numbers
// will be given out again.
func (p *pipeline) checkLength(ctx context.Context, maxSeq uint64) error {
	for look := 0; ; look++ {
		state, err := p.durable.State(ctx)
		if err != nil {
			return err
		}
		if state.StreamLastSeq >= maxSeq {
			return nil
		}
		if look > 0 {
			return rewound("the ledger holds sequence %d and stream %s ends at %d: it was restored or lost its tail, and will use numbers twice",
				maxSeq, p.stream.Name(), state.StreamLastSeq)
		}
		select {
		case <-time.After(secondLook):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (p *pipeline) identity(s consumer.State) sink.Identity {
	return sink.Identity{
		Domain: p.domain, Stream: p.stream.Name(), StreamCreated: s.StreamCreated,
		Consumer: p.durable.Name(), ConsumerCreated: s.ConsumerCreated,
	}
}
