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
	var reported time.Time
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
		if p.cfg.Once && p.finished(state.AckFloor, state.NumPending, state.NumAckPending) {
			p.drain()
			return nil
		}
	}
}

// finished reports whether every message up to the one Once goes to is acknowledged,
// by whichever worker: nothing is left to deliver, or the ack floor is beyond it.
func (p *pipeline) finished(ackFloor, pending uint64, ackPending int) bool {
	return ackFloor >= p.latest || (pending == 0 && ackPending == 0)
}
