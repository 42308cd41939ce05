package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
)

const (
	// DefaultConsumer is the base of durable names.
	DefaultConsumer = "pst-bridge"
	// DefaultMaxAckPending bounds what all workers of a topic hold together.
	DefaultMaxAckPending = 200_000
	// DefaultMaxWorkers is among how many workers MaxAckPending is divided: peers
	// cannot be counted, so each holds at most its share.
	DefaultMaxWorkers = 8
	// DefaultAckWait is after how long without sign of life the server gives a
	// message to another worker.
	DefaultAckWait = 10 * time.Second

	// MetaTopic and MetaMaxWorkers are the metadata keys of a consumer.
	MetaTopic      = "pst.topic"
	MetaMaxWorkers = "pst.max_workers"
)

// ErrNoConsumer is wrapped when the durable consumer does not exist, or was
// deleted under a Source.
var ErrNoConsumer = errors.New("consumer does not exist")

// DurableConfig names a topic's durable, and says how it is created.
type DurableConfig struct {
	Topic string
	Name  string // empty: ConsumerName(DefaultConsumer, Topic)

	// Used only to create; 0 is the default.
	MaxAckPending int
	MaxWorkers    int
	AckWait       time.Duration
}

// Durable is the durable pull consumer of one topic, which any number of
// processes share. It is safe for concurrent use.
type Durable struct {
	stream *Stream
	topic  string
	name   string
	cfg    jetstream.ConsumerConfig // as the server had it when it was bound
	acks   ackReport
}

// State is what the server says of a durable and its stream, asked one after
// the other: the consumer first.
type State struct {
	ConsumerCreated time.Time
	StreamCreated   time.Time
	StreamFirstSeq  uint64
	StreamLastSeq   uint64
	StreamBytes     uint64 // of all its topics
	StreamMaxBytes  int64  // <= 0: no limit
	AckFloor        uint64 // stream sequence up to which nothing will be delivered again; a new consumer begins below its first message
	Deliveries      uint64 // made so far, of whatever message
	AckedDeliveries uint64 // up to which of them none waits for an ack: they were acknowledged, or their messages purged
	NumPending      uint64 // not yet delivered
	NumAckPending   int    // delivered and not yet acknowledged
	NumRedelivered  int
	Paused          bool
}

// Lookup binds to the topic's durable and verifies it. It wraps ErrNoConsumer if
// there is none, and ErrUnusable, naming each setting, if it can lose messages.
func (s *Stream) Lookup(ctx context.Context, cfg DurableConfig) (*Durable, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	info, err := s.consumerInfo(ctx, cfg.Name)
	if err != nil {
		return nil, err
	}
	return s.bind(info, cfg)
}

// Create makes the topic's durable, delivering all messages of the topic. It
// also succeeds if a usable one exists: two processes may create at once.
func (s *Stream) Create(ctx context.Context, cfg DurableConfig) (*Durable, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	want := jetstream.ConsumerConfig{
		Durable:       cfg.Name,
		Description:   "pst-bridge, topic " + cfg.Topic,
		DeliverPolicy: jetstream.DeliverAllPolicy,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       cfg.AckWait,
		MaxDeliver:    -1,
		FilterSubject: s.Subject(cfg.Topic),
		ReplayPolicy:  jetstream.ReplayInstantPolicy,
		MaxAckPending: cfg.MaxAckPending,
		Metadata: map[string]string{
			MetaTopic:      cfg.Topic,
			MetaMaxWorkers: strconv.Itoa(cfg.MaxWorkers),
		},
	}
	if mutant.On("max-deliver-3") {
		want.MaxDeliver = 3
	}
	info, err := request(ctx, s.conn, fmt.Sprintf("create consumer %s of stream %s", cfg.Name, s.name), []string{s.name, cfg.Name},
		func(ctx context.Context) (*jetstream.ConsumerInfo, error) {
			c, err := s.conn.js.CreateConsumer(ctx, s.name, want)
			if err != nil {
				return nil, err
			}
			return c.CachedInfo(), nil
		})
	switch {
	case errors.Is(err, jetstream.ErrConsumerExists):
		return s.Lookup(ctx, cfg)
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("create consumer %s: stream %s: %w", cfg.Name, s.name, ErrNoStream)
	case isConsumerOverlap(err):
		return nil, fmt.Errorf("%w; another consumer of the work-queue stream already takes %s: use its name with --consumer, or delete it",
			err, s.Subject(cfg.Topic))
	case err != nil:
		return nil, err
	}
	return s.bind(info, cfg)
}

// isConsumerOverlap knows the two answers of the server for a second consumer
// on subjects of a work queue (JSConsumerWQMultipleUnfilteredErr and
// JSConsumerWQConsumerNotUniqueErr), which nats.go does not name.
func isConsumerOverlap(err error) bool {
	apiErr := apiError(err)
	return apiErr != nil && (apiErr.ErrorCode == 10099 || apiErr.ErrorCode == 10100)
}

func (cfg DurableConfig) withDefaults() (DurableConfig, error) {
	if err := CheckTopic(cfg.Topic); err != nil {
		return cfg, err
	}
	if cfg.Name == "" {
		name, err := ConsumerName(DefaultConsumer, cfg.Topic)
		if err != nil {
			return cfg, err
		}
		cfg.Name = name
	}
	if cfg.MaxAckPending == 0 {
		cfg.MaxAckPending = DefaultMaxAckPending
	}
	if cfg.MaxWorkers == 0 {
		cfg.MaxWorkers = DefaultMaxWorkers
	}
	if cfg.AckWait == 0 {
		cfg.AckWait = DefaultAckWait
	}
	if cfg.MaxAckPending < 0 || cfg.MaxWorkers < 0 || cfg.AckWait < 0 {
		return cfg, fmt.Errorf("consumer of topic %q: negative limits: MaxAckPending %d, MaxWorkers %d, AckWait %v",
			cfg.Topic, cfg.MaxAckPending, cfg.MaxWorkers, cfg.AckWait)
	}
	return cfg, nil
}

func (s *Stream) bind(info *jetstream.ConsumerInfo, cfg DurableConfig) (*Durable, error) {
	if err := verifyConsumer(info.Config, cfg.Name, s.Subject(cfg.Topic)); err != nil {
		return nil, err
	}
	return &Durable{stream: s, topic: cfg.Topic, name: cfg.Name, cfg: info.Config}, nil
}

func (s *Stream) consumerInfo(ctx context.Context, name string) (*jetstream.ConsumerInfo, error) {
	return request(ctx, s.conn, fmt.Sprintf("look up consumer %s of stream %s", name, s.name), []string{s.name, name},
		func(ctx context.Context) (*jetstream.ConsumerInfo, error) {
			c, err := s.conn.js.Consumer(ctx, s.name, name)
			switch {
			case errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrConsumerDoesNotExist):
				return nil, ErrNoConsumer
			case errors.Is(err, jetstream.ErrStreamNotFound):
				return nil, ErrNoStream
			case errors.Is(err, jetstream.ErrNotPullConsumer):
				return nil, fmt.Errorf("%w: it is a push consumer (delete it, or name another with --consumer)", ErrUnusable)
			case err != nil:
				return nil, err
			}
			return c.CachedInfo(), nil
		})
}

// Name returns the consumer's name.
func (d *Durable) Name() string { return d.name }

// Topic returns the topic it delivers.
func (d *Durable) Topic() string { return d.topic }

// AckWait returns the wait the server applies, whoever made the consumer.
func (d *Durable) AckWait() time.Duration { return d.cfg.AckWait }

// PausedUntil returns until when the server delivered nothing, as it was when the durable
// was bound; zero if it was never paused.
func (d *Durable) PausedUntil() time.Time {
	if d.cfg.PauseUntil == nil {
		return time.Time{}
	}
	return *d.cfg.PauseUntil
}

// MaxAckPending returns what all workers may hold together; <= 0: no limit.
func (d *Durable) MaxAckPending() int { return d.cfg.MaxAckPending }

// MaxWorkers returns among how many workers that is divided.
func (d *Durable) MaxWorkers() int {
	workers, err := strconv.Atoi(d.cfg.Metadata[MetaMaxWorkers])
	if err != nil || workers <= 0 {
		return DefaultMaxWorkers
	}
	return workers
}

// HoldLimit returns how many messages one process may hold unacknowledged: its
// share of MaxAckPending, at least 1.
func (d *Durable) HoldLimit() int {
	pending := d.cfg.MaxAckPending
	if pending <= 0 { // no limit
		pending = DefaultMaxAckPending
	}
	return max(pending/d.MaxWorkers(), 1)
}

// State asks the server for the consumer and the stream. It wraps ErrNoConsumer
// or ErrNoStream if one is gone, and ErrUnusable if the consumer's settings were
// changed so that it can lose messages; that one was made again shows in its created
// time.
func (d *Durable) State(ctx context.Context) (State, error) {
	c, err := d.stream.consumerInfo(ctx, d.name)
	if err != nil {
		return State{}, err
	}
	if err := verifyConsumer(c.Config, d.name, d.stream.Subject(d.topic)); err != nil {
		return State{}, err
	}
	s, err := d.stream.Info(ctx)
	if err != nil {
		return State{}, err
	}
	return State{
		ConsumerCreated: c.Created,
		StreamCreated:   s.Created,
		StreamFirstSeq:  s.FirstSeq,
		StreamLastSeq:   s.LastSeq,
		StreamBytes:     s.Bytes,
		StreamMaxBytes:  s.MaxBytes,
		AckFloor:        c.AckFloor.Stream,
		Deliveries:      c.Delivered.Consumer,
		AckedDeliveries: c.AckFloor.Consumer,
		NumPending:      c.NumPending,
		NumAckPending:   c.NumAckPending,
		NumRedelivered:  c.NumRedelivered,
		Paused:          c.Paused,
	}, nil
}

// DeleteConsumer deletes a consumer of the stream: what it had acknowledged is
// forgotten. ErrNoConsumer says that there is none.
func (s *Stream) DeleteConsumer(ctx context.Context, name string) error {
	_, err := request(ctx, s.conn, fmt.Sprintf("delete consumer %s of stream %s", name, s.name), []string{s.name, name},
		func(ctx context.Context) (struct{}, error) {
			err := s.conn.js.DeleteConsumer(ctx, s.name, name)
			if errors.Is(err, jetstream.ErrConsumerNotFound) {
				err = ErrNoConsumer
			}
			return struct{}{}, err
		})
	return err
}
