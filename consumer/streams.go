package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

// ErrTaken is wrapped where a stream cannot be made because another one takes its
// subjects. The message names that one and what to do.
var ErrTaken = errors.New("another stream takes its subjects")

// Streams finds the stream of a topic: the one that all topics share, or one of the
// topic's own, which has its own byte limit and holds up nobody else when it is full.
// It is safe for concurrent use.
type Streams struct {
	conn     *Conn
	cfg      StreamConfig
	shared   *Stream // nil: each topic has its own
	warnings []string
}

// Shared returns the streams of topics that all have the same one.
func Shared(s *Stream) *Streams {
	return &Streams{conn: s.conn, cfg: StreamConfig{Name: s.name, Prefix: s.prefix}, shared: s}
}

// NamedStreams names the streams of cfg and looks none up: for what can be done without
// them, as dead letters outlive the streams they came from.
func (c *Conn) NamedStreams(cfg StreamConfig) (*Streams, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.PerTopic {
		return &Streams{conn: c, cfg: cfg}, nil
	}
	return Shared(&Stream{conn: c, name: cfg.Name, prefix: cfg.Prefix}), nil
}

// EnsureStreams is EnsureStream without cfg.PerTopic. With it no stream is looked up yet:
// Of and Ensure do that topic by topic, so that one without an answer holds up no other.
// Where cfg lists no topics, a shared stream on the same subjects is refused.
func (c *Conn) EnsureStreams(ctx context.Context, cfg StreamConfig) (*Streams, error) {
	if !cfg.PerTopic {
		s, err := c.EnsureStream(ctx, cfg)
		if err != nil {
			return nil, err
		}
		return Shared(s), nil
	}
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Streams{conn: c, cfg: cfg}
	if len(cfg.Topics) > 0 {
		return s, nil
	}
	topics, others, err := s.list(ctx)
	switch {
	case err != nil:
		return nil, err
	case slices.Contains(others, cfg.Name):
		return nil, unusable("stream "+cfg.Name, []string{fmt.Sprintf("it takes subjects under %s, which streams for each topic then cannot have"+
			" (leave out --stream-per-topic; or write all that is in it, delete it and begin with the flag; or use another --stream and --subject-prefix)", cfg.Prefix)})
	case len(others) > 0:
		s.warnings = append(s.warnings, fmt.Sprintf("streams %s take subjects under %s and are no topic's own: what they hold is not written (use another --stream or --subject-prefix, or delete them)",
			strings.Join(others, ", "), cfg.Prefix))
	case len(topics) == 0:
		s.warnings = append(s.warnings, "no topic has a stream yet: publishers have no responders until run --topics or pub made one")
	}
	return s, nil
}

// StreamName returns the name of a topic's own stream, base + "_" + the topic escaped
// to [A-Za-z0-9_-] as ConsumerName does. For one base it is injective.
func StreamName(base, topic string) (string, error) {
	if err := CheckTopic(topic); err != nil {
		return "", err
	}
	name := base + "_" + escape.Bytes(topic, nameByte)
	if name == DefaultDeadLetterStream {
		name = base + "_" + escape.Byte(topic[0]) + topic[1:]
	}
	if len(name) > MaxNameLength {
		return "", fmt.Errorf("stream name of topic %q has %d bytes, more than %d: shorten the topic or --stream", topic, len(name), MaxNameLength)
	}
	return name, nil
}

// topicOf undoes StreamName.
func topicOf(base, name string) (topic string, ok bool) {
	tail, ok := strings.CutPrefix(name, base+"_")
	if !ok {
		return "", false
	}
	topic = escape.Undo(tail)
	again, err := StreamName(base, topic)
	return topic, err == nil && again == name
}

// One returns the stream that all topics share, or nil if each has its own.
func (s *Streams) One() *Stream { return s.shared }

// Warnings returns what may surprise about all topics, for the log; what may about one
// stream is that stream's.
func (s *Streams) Warnings() []string { return s.warnings }

// String names the streams.
func (s *Streams) String() string {
	if s.shared != nil {
		return s.shared.name
	}
	return s.cfg.Name + "_<topic>"
}

// Name returns the name of a topic's stream.
func (s *Streams) Name(topic string) (string, error) {
	if s.shared != nil {
		return s.shared.name, nil
	}
	return StreamName(s.cfg.Name, topic)
}

// Subject returns the subject of a topic.
func (s *Streams) Subject(topic string) string { return s.cfg.Prefix + "." + topic }

// Of looks the stream of a topic up and verifies it: ErrNoStream says that there is
// none, ErrUnusable that it would lose messages.
func (s *Streams) Of(ctx context.Context, topic string) (*Stream, error) {
	return s.stream(ctx, topic, func(*StreamConfig) {})
}

// Ensure is Of, and makes the stream if it is missing, the topic is listed and
// StreamConfig.Provision allows it. A topic that is not listed was found by its stream,
// which somebody deleted since. ErrTaken says that another stream is in the way.
func (s *Streams) Ensure(ctx context.Context, topic string) (*Stream, error) {
	return s.stream(ctx, topic, func(cfg *StreamConfig) {
		cfg.Provision = s.cfg.Provision && slices.Contains(s.cfg.Topics, topic)
	})
}

func (s *Streams) stream(ctx context.Context, topic string, change func(*StreamConfig)) (*Stream, error) {
	if s.shared != nil {
		return s.shared, nil
	}
	cfg := s.cfg
	cfg.Provision, cfg.Topics, cfg.own = false, []string{topic}, topic
	change(&cfg)
	var err error
	if cfg.Name, err = StreamName(s.cfg.Name, topic); err != nil {
		return nil, err
	}
	return s.conn.EnsureStream(ctx, cfg)
}

// Topics returns the topics there are: those with messages in the shared stream, and how
// many, or those with a stream of their own, without a number. Listed topics that have
// their own streams are not asked for.
func (s *Streams) Topics(ctx context.Context) (map[string]uint64, error) {
	if s.shared != nil {
		return s.shared.Topics(ctx)
	}
	topics := s.cfg.Topics
	if len(topics) == 0 {
		var err error
		if topics, _, err = s.list(ctx); err != nil {
			return nil, err
		}
	}
	found := make(map[string]uint64, len(topics))
	for _, topic := range topics {
		found[topic] = 0
	}
	return found, nil
}

// list returns the topics with a stream of their own, and the other streams under the
// prefix. It asks for names alone: they are known also of streams that have no leader.
func (s *Streams) list(ctx context.Context) (topics, others []string, err error) {
	names, err := s.conn.streamNames(ctx, s.cfg.Prefix+".>")
	for _, name := range names {
		if topic, ok := topicOf(s.cfg.Name, name); ok {
			topics = append(topics, topic)
		} else {
			others = append(others, name)
		}
	}
	return topics, others, err
}

// streamNames returns the streams that take subjects which a filter matches.
func (c *Conn) streamNames(ctx context.Context, filter string) ([]string, error) {
	return request(ctx, c, "list the streams on "+filter, []string{"NAMES"},
		func(ctx context.Context) (names []string, err error) {
			list := c.js.StreamNames(ctx, jetstream.WithStreamListSubject(filter))
			for name := range list.Name() {
				names = append(names, name)
			}
			return names, list.Err()
		})
}
