package bridge

import (
	"context"
	"errors"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// origin is where a topic's messages come from, as it was when the topic started. It
// does not change, but for what came from there.
type origin struct {
	stream *consumer.Stream
	domain string
	latest uint64 // the last sequence that the stream had given out
	alone  bool   // the stream is the topic's own
	dealt  dealt
}

// origin finds the stream of a topic, or makes the topic's own. It is a StopError if the
// topic has none that can be used.
func (b *Bridge) origin(ctx context.Context, topic string) (*origin, error) {
	stream, err := b.streams.Ensure(ctx, topic)
	switch {
	case errors.Is(err, consumer.ErrNoStream), errors.Is(err, consumer.ErrTaken), errors.Is(err, consumer.ErrUnusable):
		return nil, &StopError{Topic: topic, Reason: streamUnusable, Err: err}
	case err != nil:
		return nil, err
	}
	info, err := stream.Info(ctx)
	if err != nil {
		return nil, err
	}
	return &origin{stream: stream, domain: info.Domain, latest: info.LastSeq, alone: b.streams.One() == nil}, nil
}

// work runs one pipeline of a topic. The first one whose stream answers sets from, which
// the later ones go on with.
func (b *Bridge) work(ctx context.Context, topic string, from **origin) error {
	if *from == nil {
		asking, stop := context.WithCancel(ctx)
		defer stop()
		defer context.AfterFunc(b.draining, stop)() // a drain does not wait for an answer
		found, err := b.origin(asking, topic)
		if err != nil {
			return err
		}
		*from = found
	}
	return b.newPipeline(topic, *from).run(ctx)
}
