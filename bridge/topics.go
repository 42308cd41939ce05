package bridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// discover starts the listed topics at once, or else those that have messages in the
// shared stream or a stream of their own, as they appear, until the bridge drains. With Once it looks one time.
func (b *Bridge) discover(ctx context.Context, start func(topic string)) error {
	for _, topic := range b.cfg.Topics {
		if _, known := b.Status()[topic]; !known {
			start(topic)
		}
	}
	ticker := time.NewTicker(DefaultDiscovery)
	defer ticker.Stop()
	for looked := false; ; looked = true {
		counts, err := b.streams.Topics(ctx)
		switch {
		case err == nil:
			if shared := b.streams.One(); shared != nil {
				b.setShares(ctx, shared, counts)
			}
		case ctx.Err() != nil:
			return nil
		case !looked:
			return err
		default:
			// The pipelines report what is wrong with the connection; look again next time.
		}
		if len(b.cfg.Topics) == 0 {
			states := b.Status()
			for topic := range counts {
				if _, known := states[topic]; !known {
					start(topic)
				}
			}
		}
		if b.cfg.Once {
			return nil
		}
		select {
		case <-ticker.C:
		case <-b.draining.Done():
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// KnownTopics lists the topics that have messages in the shared stream, or a stream of
// their own, or a table in the storage, in order.
func (b *Bridge) KnownTopics(ctx context.Context) ([]string, error) {
	counts, err := b.streams.Topics(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := sink.Topics(b.cfg.Storage)
	if err != nil {
		return nil, err
	}
	for _, topic := range tables {
		counts[topic] += 0
	}
	return slices.Sorted(maps.Keys(counts)), nil
}

// pressureFrom is the part of a stream's byte limit from which on open batches are
// written whatever their size: at the limit publishers are refused.
const pressureFrom = 0.8

// nearlyFull reports whether a stream comes near its byte limit, if it has one.
func nearlyFull(bytes uint64, limit int64) bool {
	return limit > 0 && float64(bytes) >= pressureFrom*float64(limit)
}

// setShares divides the shared stream's bytes among its topics by their messages, and
// writes what is held where the stream is nearly full.
func (b *Bridge) setShares(ctx context.Context, shared *consumer.Stream, counts map[string]uint64) {
	info, err := shared.Info(ctx)
	if err != nil || info.Messages == 0 {
		return
	}
	if nearlyFull(info.Bytes, info.MaxBytes) {
		b.budget.pressAll(RollPressure)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.mu.shares)
	for topic, n := range counts {
		b.mu.shares[topic] = uint64(float64(info.Bytes) * float64(n) / float64(info.Messages))
	}
}

func (b *Bridge) share(topic string) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.shares[topic]
}

// String shows a state on one line.
func (s TopicState) String() string {
	switch {
	case s.Reason != "":
		return fmt.Sprintf("%s (%s)", s.Phase, s.Reason)
	case s.Err != nil:
		return fmt.Sprintf("%s (%v)", s.Phase, s.Err)
	default:
		return string(s.Phase)
	}
}
