package bridge

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// Diagnosis is what is known of a topic without writing a row of it.
type Diagnosis struct {
	Topic    string
	Table    *sink.State
	Consumer *consumer.State // nil: there is none
	Name     string          // of the consumer
	Rollback *sink.Rollback  // what was taken back, where the topic stopped for that
	Err      error           // why a pipeline of it would not start; a StopError where an operator is needed
}

// Diagnose looks at a topic as a pipeline does when it starts, and creates nothing.
// The error is about the server; what is wrong with the topic is in the diagnosis.
func (b *Bridge) Diagnose(ctx context.Context, topic string) (d *Diagnosis, err error) {
	from, err := b.origin(ctx, topic)
	if stop := stopped(topic, err); stop != nil {
		return b.withoutStream(ctx, stop)
	}
	if err != nil {
		return nil, err
	}
	p := b.newPipeline(topic, from)
	p.cfg.Provision = false
	defer func() { err = errors.Join(err, p.close()) }()
	d = &Diagnosis{Topic: topic, Err: p.bind(ctx)}
	stop := stopped(topic, d.Err)
	switch {
	case stop != nil && stop.Reason == string(sink.ConsumerMissing) && p.sink != nil && !p.sink.HasEntry(from.stream.Name()):
		d.Err = nil // nothing was written yet: the first run makes both
	case stop != nil:
		d.Err = stop
	}
	if d.Name, err = consumer.ConsumerName(p.cfg.ConsumerName, topic); err != nil {
		return d, nil // the diagnosis says so
	}
	durable := p.durable
	if durable == nil {
		durable, err = from.stream.Lookup(ctx, consumer.DurableConfig{Topic: topic, Name: d.Name})
	}
	switch {
	case err == nil:
		state, err := durable.State(ctx)
		if err != nil {
			return nil, err
		}
		d.Consumer = &state
	case errors.Is(err, consumer.ErrNoConsumer), errors.Is(err, consumer.ErrUnusable):
	default:
		return nil, err
	}
	if p.sink == nil { // the consumer was refused before the table was looked at
		if p.sink, err = sink.Open(ctx, p.sinkConfig()); err != nil {
			return d, nil // one fault after the other
		}
	}
	// Where the table cannot be read, the diagnosis says so already.
	d.Table, _ = p.sink.State(ctx, from.stream.Name())
	if stop != nil && stop.Reason == string(sink.RolledBack) {
		if d.Rollback, err = p.sink.Rollback(ctx, from.stream.Name()); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// withoutStream is the diagnosis of a topic whose own stream cannot be used. Where it is
// only missing, and the table was never filled from it, nothing is wrong.
func (b *Bridge) withoutStream(ctx context.Context, stop *StopError) (d *Diagnosis, err error) {
	d = &Diagnosis{Topic: stop.Topic, Err: stop}
	name, err := b.streams.Name(stop.Topic)
	if err != nil {
		return d, nil // the diagnosis says so
	}
	s, err := sink.Open(ctx, b.newPipeline(stop.Topic, nil).sinkConfig())
	if err != nil {
		return d, nil // one fault after the other
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	d.Table, _ = s.State(ctx, name) // as in Diagnose
	if errors.Is(stop, consumer.ErrNoStream) && !s.HasEntry(name) {
		d.Err = nil
	}
	return d, nil
}

// Rebinding is an operator's decision about a topic.
type Rebinding struct {
	NewEpoch bool   // the stream gives out sequence numbers a second time
	Start    uint64 // NewEpoch: the first of them
}

// Rebind makes a topic's table accept the consumer as it is now, which is made if it is
// missing and may be, and every restore or overwrite there was. It returns what the
// table holds then. Workers that run the topic stop or start anew by themselves.
func (b *Bridge) Rebind(ctx context.Context, topic string, r Rebinding) (*sink.State, error) {
	return b.repair(ctx, topic, func(ctx context.Context, p *pipeline, pos sink.Position, last uint64) error {
		before, err := p.sink.State(ctx, p.stream.Name())
		if err != nil {
			return err
		}
		if e := before.Entry; e != nil && !r.NewEpoch && e.MaxSeq > last {
			return fmt.Errorf("%w: the table holds sequence %d and the stream ends at %d: it was restored or lost its tail and gives out numbers twice, use --new-epoch",
				sink.ErrRefused, e.MaxSeq, last)
		}
		_, err = p.sink.Rebind(ctx, sink.Rebinding{Identity: pos.Identity, NewEpoch: r.NewEpoch, Start: r.Start})
		return err
	})
}

// Rebuild writes the ledger of a topic's table anew from its rows; see sink.Rebuild.
func (b *Bridge) Rebuild(ctx context.Context, topic string) (*sink.State, error) {
	return b.repair(ctx, topic, func(ctx context.Context, p *pipeline, pos sink.Position, _ uint64) error {
		_, err := p.sink.Rebuild(ctx, pos.Identity)
		return err
	})
}

// repair finds a topic's consumer and table, and lets act on them.
func (b *Bridge) repair(ctx context.Context, topic string, act func(ctx context.Context, p *pipeline, pos sink.Position, lastSeq uint64) error) (st *sink.State, err error) {
	from, err := b.origin(ctx, topic)
	if err != nil {
		return nil, err
	}
	name, err := consumer.ConsumerName(b.cfg.ConsumerName, topic)
	if err != nil {
		return nil, err
	}
	cfg := consumer.DurableConfig{Topic: topic, Name: name}
	p := b.newPipeline(topic, from)
	p.hold = newHoldings(0)
	if p.durable, err = from.stream.Lookup(ctx, cfg); errors.Is(err, consumer.ErrNoConsumer) && b.cfg.Provision {
		p.durable, err = from.stream.Create(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	if p.sink, err = sink.Open(ctx, p.sinkConfig()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.sink.Close()) }()
	state, err := p.durable.State(ctx)
	if err != nil {
		return nil, err
	}
	if err := act(ctx, p, p.positionOf(state), state.StreamLastSeq); err != nil {
		return nil, err
	}
	return p.sink.State(ctx, p.stream.Name())
}

// Remove takes away what a stop state names, where that is what resolves it, and says
// what it did: the consumer of a table that is missing, or a damaged newest version.
// Other states are refused.
func (b *Bridge) Remove(ctx context.Context, stop *StopError) (did string, err error) {
	switch sink.Reason(stop.Reason) {
	case sink.TableMissing:
		name, err := consumer.ConsumerName(b.cfg.ConsumerName, stop.Topic)
		if err != nil {
			return "", err
		}
		from, err := b.origin(ctx, stop.Topic)
		if err != nil {
			return "", err
		}
		if err := from.stream.DeleteConsumer(ctx, name); err != nil {
			return "", err
		}
		return fmt.Sprintf("consumer %s of stream %s is deleted; the next run makes table and consumer anew, from the first message that the stream still has", name, from.stream.Name()), nil
	case sink.TableUnreadable:
		return b.setAside(ctx, stop.Topic)
	default:
		return "", fmt.Errorf("%w: %s is not resolved by removing something", sink.ErrRefused, stop.Reason)
	}
}

// setAside takes a damaged newest version out of a table. Messages that were
// acknowledged for it alone are in no version then, which nothing else would tell.
func (b *Bridge) setAside(ctx context.Context, topic string) (did string, err error) {
	s, err := sink.OpenDamaged(ctx, b.newPipeline(topic, nil).sinkConfig())
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	key, err := s.SetAside(ctx)
	if err != nil {
		return "", err
	}
	did = fmt.Sprintf("the newest version is in %s now, and the one before is the newest", key)
	d, err := b.Diagnose(ctx, topic)
	if err == nil && d.Table != nil && d.Table.Version == 0 {
		return fmt.Sprintf("the newest version is in %s now; it was the only one, so there is no table: put one back from a copy", key), nil
	}
	if err != nil || d.Table == nil || d.Table.Entry == nil || d.Consumer == nil {
		return did, err
	}
	if top := d.Table.Entry.MaxSeq; d.Consumer.AckFloor > top {
		did += fmt.Sprintf("; sequences %d to %d were acknowledged and are in no version: `pst-bridge replay %s --from %d` before the workers start again",
			top+1, d.Consumer.AckFloor, topic, top+1)
	}
	return did, nil
}
