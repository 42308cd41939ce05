package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

const (
	// A topic that failed starts again after a pause that doubles up to restartMax.
	restartMin = time.Second
	restartMax = 30 * time.Second
	// steady is how long a run must have lasted for the next pause to be short again.
	steady = time.Minute
)

// Bridge runs the pipelines of one process. Run it once; Drain and Status may be
// called from anywhere meanwhile.
type Bridge struct {
	cfg     Config
	streams *consumer.Streams
	dead    *consumer.DeadLetters
	budget  *budget

	draining context.Context //nolint:containedctx // done when the bridge shall drain; it bounds no call
	drain    context.CancelFunc

	mu struct {
		sync.Mutex
		topics map[string]TopicState
		shares map[string]uint64 // of the shared stream's bytes
	}
}

// New prepares a bridge on the streams of its topics. The configuration is validated, nothing is touched.
func New(cfg Config, streams *consumer.Streams) (*Bridge, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	b := &Bridge{cfg: cfg.withDefaults(), streams: streams}
	b.budget = newBudget(b.cfg.Memory)
	b.draining, b.drain = context.WithCancel(context.Background())
	b.mu.topics = map[string]TopicState{}
	b.mu.shares = map[string]uint64{}
	return b, nil
}

// Drain stops fetching; what is held is committed and acknowledged, then Run returns.
func (b *Bridge) Drain() { b.drain() }

// Status returns what each topic is doing.
func (b *Bridge) Status() map[string]TopicState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.mu.topics)
}

// Run moves messages until the bridge drained, or, with Once, until everything that
// each topic's stream held when it started is committed and acknowledged. When ctx ends first it
// returns the cause: nothing uncommitted was acknowledged. With Once it returns a
// StopError for each topic that had to stop; otherwise stopped topics only show in
// Status, and the others go on.
func (b *Bridge) Run(ctx context.Context) error {
	defer b.drain()
	var err error
	b.dead, err = b.streams.EnsureDeadLetters(ctx, consumer.DeadLetterConfig{Provision: b.cfg.Provision})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	start := func(topic string) {
		b.note(topic, TopicState{Phase: PhaseStarting})
		running.Go(func() { b.topic(ctx, topic) })
	}
	err = b.discover(ctx, start)
	if err != nil {
		b.drain() // else the topics that were listed would run on, and nobody would hear of it
	}
	running.Wait()
	early := b.draining.Err() != nil
	if err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return b.outcome(early)
}

// outcome is the error of a bridge that ran to its end; early means that it was drained.
func (b *Bridge) outcome(early bool) error {
	if !b.cfg.Once {
		return nil
	}
	if early {
		return errors.New("drained before everything in the stream was written")
	}
	var errs []error
	states := b.Status()
	for _, topic := range slices.Sorted(maps.Keys(states)) {
		if states[topic].Phase != PhaseDone {
			errs = append(errs, states[topic].Err)
		}
	}
	return errors.Join(errs...)
}

// topic keeps one topic's pipeline running: a passing error starts it again after a
// pause, a contradiction ends it.
func (b *Bridge) topic(ctx context.Context, topic string) {
	pause := restartMin
	var from *origin
	for {
		began := time.Now()
		err := b.work(ctx, topic, &from)
		stop := stopped(topic, err)
		switch {
		case err == nil:
			b.note(topic, TopicState{Phase: PhaseDone})
			return
		case stop != nil:
			b.note(topic, TopicState{Phase: PhaseStopped, Reason: stop.Reason, Err: stop})
			return
		case ctx.Err() != nil:
			b.note(topic, TopicState{Phase: PhaseDone, Err: err})
			return
		}
		if time.Since(began) > steady {
			pause = restartMin
		}
		b.note(topic, TopicState{Phase: PhaseRetrying, Err: fmt.Errorf("topic %s: %w", topic, err)})
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter needs no secrecy
		case <-b.draining.Done():
			return
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, restartMax)
	}
}

func (b *Bridge) newPipeline(topic string, from *origin) *pipeline {
	p := &pipeline{
		cfg: b.cfg, topic: topic, origin: from, dead: b.dead,
		share: func() uint64 { return b.share(topic) }, settling: make(chan struct{}, 1),
		budget: b.budget, pressed: make(chan string, 1),
	}
	p.cfg.Events.State = b.note
	p.draining, p.drain = context.WithCancel(b.draining)
	return p
}

func (b *Bridge) note(topic string, s TopicState) {
	if s.Since.IsZero() {
		s.Since = time.Now()
	}
	b.mu.Lock()
	b.mu.topics[topic] = s
	b.mu.Unlock()
	if b.cfg.Events.State != nil {
		b.cfg.Events.State(topic, s)
	}
}
