package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

const (
	// lagInterval is how often a topic's lag is asked for: it costs the server a request.
	lagInterval = 5 * time.Second
	// onceInterval is how often a pipeline under Once looks whether it is done.
	onceInterval = 100 * time.Millisecond
	// leftPatience is how long a work queue may take to remove what was acknowledged.
	leftPatience = 3 * time.Second
)

// watch reports lag, and drains a pipeline that runs once when its topic is done.
func (p *pipeline) watch(ctx context.Context) error {
	interval := lagInterval
	switch {
	case p.cfg.Once:
		interval = onceInterval
	case p.alone:
		interval = DefaultDiscovery // nobody else looks how full the stream is
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var reported, leftSince time.Time
	asking, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(p.draining, stop)() // a drain does not wait for an answer
	for {
		select {
		case <-p.draining.Done():
			return nil
		case <-ctx.Done():
			return nil // another stage knows why
		case <-ticker.C:
		}
		state, err := p.durable.State(asking)
		switch {
		case err == nil:
		case errors.Is(err, consumer.ErrNoConsumer), errors.Is(err, consumer.ErrNoStream), errors.Is(err, consumer.ErrUnusable):
			return fmt.Errorf("ask for the consumer's lag: %w", err)
		default:
			continue // only a question; where the server is really away, the other stages know
		}
		wal := p.share()
		if p.alone {
			wal = state.StreamBytes
			if nearlyFull(state.StreamBytes, state.StreamMaxBytes) {
				p.press(RollPressure)
			}
		}
		if p.cfg.Events.Lag != nil && time.Since(reported) >= lagInterval {
			reported = time.Now()
			p.cfg.Events.Lag(p.topic, Lag{Pending: state.NumPending, AckPending: state.NumAckPending, WALBytes: wal})
		}
		if !p.cfg.Once || !p.finished(state.AckFloor, state.NumPending, state.NumAckPending) {
			leftSince = time.Time{}
			continue
		}
		left, err := p.leftBehind(asking, state)
		switch {
		case err != nil:
			continue // only a question, as above
		case left == 0:
			p.drain()
			return nil
		case leftSince.IsZero():
			leftSince = time.Now()
		case time.Since(leftSince) > leftPatience:
			return &StopError{Topic: p.topic, Reason: consumerUnusable, Err: fmt.Errorf("%d messages are in stream %s that consumer %s does not deliver any more, because it had a MaxDeliver:"+
				" delete it, then `pst-bridge rebind %s --consumer`, which makes it anew", left, p.stream.Name(), p.durable.Name(), p.topic)}
		}
	}
}

// leftBehind returns how many messages of the topic are in the stream and will be delivered
// to nobody, 0 where that cannot be told: the server gives messages up that were
// delivered too often while the consumer had a MaxDeliver. Acknowledged messages that a work
// queue has not removed yet are counted, too.
func (p *pipeline) leftBehind(ctx context.Context, s consumer.State) (uint64, error) {
	if s.NumPending > 0 || s.NumAckPending > 0 {
		return 0, nil // later ones
	}
	info, err := p.stream.Info(ctx)
	if err != nil || info.Retention == consumer.Limits && s.AckedDeliveries == s.Deliveries {
		return 0, err
	}
	topics, err := p.stream.Topics(ctx)
	return topics[p.topic], err
}

// finished reports whether every message up to the one Once goes to is acknowledged,
// by whichever worker: nothing is left to deliver, or the ack floor is beyond it.
func (p *pipeline) finished(ackFloor, pending uint64, ackPending int) bool {
	return ackFloor >= p.latest || (pending == 0 && ackPending == 0)
}
