package consumer

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotKept is wrapped where acknowledged messages are asked for that the stream
// does not keep.
var ErrNotKept = errors.New("not kept")

// Read yields the messages of a topic with sequences from first to last that the
// stream still has, in order, whether they were acknowledged or not, and takes nothing
// from the topic's consumer: they cannot be acknowledged. It makes a consumer of its
// own for that time. A work-queue stream keeps no acknowledged message, and gives
// ErrNotKept. An error ends the sequence.
func (s *Stream) Read(ctx context.Context, topic string, first, last uint64) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		if err := s.read(ctx, topic, first, last, func(m Message) bool { return yield(m, nil) }); err != nil {
			yield(Message{}, fmt.Errorf("read messages %d to %d of stream %s: %w", first, last, s.name, err))
		}
	}
}

func (s *Stream) read(ctx context.Context, topic string, first, last uint64, yield func(Message) bool) error {
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	if info.Retention == WorkQueue {
		return fmt.Errorf("%w: the stream's retention is work-queue, which drops a message once it is acknowledged", ErrNotKept)
	}
	if info.Messages == 0 || first > info.LastSeq || last < info.FirstSeq {
		return nil
	}
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{s.Subject(topic)},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy, OptStartSeq: max(first, info.FirstSeq),
	}
	return s.conn.scan(ctx, s.name, cfg, func(m jetstream.Msg, meta *jetstream.MsgMetadata) (bool, error) {
		if meta.Sequence.Stream > last {
			return false, nil
		}
		return yield(Message{
			Seq: meta.Sequence.Stream, ConsumerSeq: meta.Sequence.Consumer, Time: meta.Timestamp.UTC(), Delivered: 1,
			Subject: m.Subject(), Header: m.Headers(), Data: m.Data(),
		}), nil
	})
}

// scan visits what a stream holds now, in order, through a consumer of its own.
func (c *Conn) scan(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig, visit func(jetstream.Msg, *jetstream.MsgMetadata) (more bool, err error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer c.watch(func(denied string) bool {
		return strings.HasPrefix(denied, c.inboxPrefix) || c.isAPI(denied) && strings.Contains(denied, "."+stream+".")
	}, func(err error) { cancel(err) })()
	if err := c.visit(ctx, stream, cfg, visit); err != nil {
		return c.explain(ctx, err)
	}
	return nil
}

func (c *Conn) visit(ctx context.Context, stream string, cfg jetstream.OrderedConsumerConfig, visit func(jetstream.Msg, *jetstream.MsgMetadata) (more bool, err error)) error {
	ordered, err := c.js.OrderedConsumer(ctx, stream, cfg)
	if err != nil {
		return err
	}
	state, err := ordered.Info(ctx)
	if err != nil || state.NumPending == 0 {
		return err
	}
	msgs, err := ordered.Messages()
	if err != nil {
		return err
	}
	defer msgs.Stop()
	defer context.AfterFunc(ctx, msgs.Stop)()
	for {
		m, err := msgs.Next()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if more, err := visit(m, meta); err != nil || !more || meta.NumPending == 0 {
			return err
		}
	}
}
