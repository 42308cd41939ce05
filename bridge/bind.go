package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

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
	if err := p.checkTable(p.sink.Schema()); err != nil {
		return err
	}
	return p.sink.Declare(ctx, p.decode.Declared)
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
		if err := p.sameStream(ctx); err != nil {
			return nil, err
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

// sameStream is the stop state of a stream that was made again, which takes its consumers
// along.
func (p *pipeline) sameStream(ctx context.Context) error {
	info, err := p.stream.Info(ctx)
	if err != nil {
		return err
	}
	st, err := p.sink.State(ctx, p.stream.Name())
	if err != nil || st.Entry == nil || st.Entry.StreamCreated.Equal(info.Created) {
		return err
	}
	return &sink.StopError{Reason: sink.StreamRecreated, Err: fmt.Errorf("the table was filled from stream %s as it was created %s; it was created anew %s",
		p.stream.Name(), st.Entry.StreamCreated.UTC().Format(time.RFC3339Nano), info.Created.UTC().Format(time.RFC3339Nano))}
}

// ends asks the stream for its first and last sequence.
func (p *pipeline) ends(ctx context.Context) (first, last uint64, err error) {
	state, err := p.durable.State(ctx)
	return state.StreamFirstSeq, state.StreamLastSeq, err
}

func (p *pipeline) identity(s consumer.State) sink.Identity {
	return sink.Identity{
		Domain: p.domain, Stream: p.stream.Name(), StreamCreated: s.StreamCreated,
		Consumer: p.durable.Name(), ConsumerCreated: s.ConsumerCreated,
	}
}
