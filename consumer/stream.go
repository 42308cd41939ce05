package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// DefaultStream and DefaultPrefix are the stream and the first subject token
	// of the bridge.
	DefaultStream = "PERSISTING"
	DefaultPrefix = "persisting"
)

// ErrNoStream is wrapped when the stream does not exist and may not be created.
var ErrNoStream = errors.New("stream does not exist")

// Retention is what the stream does with a message once it was acknowledged.
type Retention uint8

const (
	// WorkQueue removes it: the stream is what is not yet in a table.
	WorkQueue Retention = iota
	// Limits keeps it until a limit of the stream is reached.
	Limits
)

func (r Retention) String() string {
	switch r {
	case WorkQueue:
		return "workqueue"
	case Limits:
		return "limits"
	default:
		return fmt.Sprintf("Retention(%d)", uint8(r))
	}
}

// ParseRetention reads "workqueue" (or "work-queue") and "limits".
func ParseRetention(s string) (Retention, error) {
	switch s {
	case "workqueue", "work-queue":
		return WorkQueue, nil
	case "limits":
		return Limits, nil
	}
	return 0, fmt.Errorf("retention %q: want workqueue or limits", s)
}

func (r Retention) policy() jetstream.RetentionPolicy {
	if r == Limits {
		return jetstream.LimitsPolicy
	}
	return jetstream.WorkQueuePolicy
}

// StreamConfig names the stream, and says how it is created if it is missing.
type StreamConfig struct {
	Name      string   // empty: DefaultStream
	Prefix    string   // empty: DefaultPrefix; one or more tokens
	Topics    []string // those the bridge will read; empty: whatever is under the prefix
	Provision bool     // create what is missing; else ErrNoStream
	PerTopic  bool     // for EnsureStreams: each topic has a stream, Name_<topic>

	own string // the one topic that the stream is for, "" for all under the prefix

	// Used only to create.
	Retention  Retention
	MaxBytes   int64 // the stream refuses new messages above it; 0: no limit
	Replicas   int   // 0: 1
	Compressed bool  // S2 on the server's disk
	Memory     bool  // in the server's memory, which ends with it
}

// StreamInfo is a stream at one moment.
type StreamInfo struct {
	Name              string
	Domain            string
	Created           time.Time
	Retention         Retention
	Replicas          int
	FirstSeq, LastSeq uint64
	Messages, Bytes   uint64
	MaxBytes          int64 // <= 0: no limit
	Clustered         bool
	Now               time.Time // the server's clock when it answered; zero if it does not tell
}

// Stream is a stream that was found usable. It is safe for concurrent use.
type Stream struct {
	conn     *Conn
	name     string
	prefix   string
	warnings []string
}

// EnsureStream looks the stream up, creates it if it is missing and
// cfg.Provision allows it, and otherwise verifies it; it never changes one. The
// error names each unusable setting with its fix.
func (c *Conn) EnsureStream(ctx context.Context, cfg StreamConfig) (*Stream, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	info, err := c.streamInfo(ctx, cfg.Name)
	if errors.Is(err, ErrNoStream) && cfg.Provision {
		info, err = c.createStream(ctx, cfg, func(want *jetstream.StreamConfig) {
			want.Description = "messages on their way into Lance tables (pst-bridge)"
			want.AllowDirect = true
		})
	}
	if errors.Is(err, ErrNoStream) {
		err = fmt.Errorf("%w; create it on subjects %q, or let `pst-bridge run --provision` do so", err, cfg.subject())
	}
	if err != nil {
		return nil, err
	}
	warnings, err := verifyStream(info.Config, cfg)
	if err != nil {
		return nil, err
	}
	return &Stream{conn: c, name: cfg.Name, prefix: cfg.Prefix, warnings: warnings}, nil
}

func (cfg StreamConfig) withDefaults() StreamConfig {
	if cfg.Name == "" {
		cfg.Name = DefaultStream
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultPrefix
	}
	return cfg
}

// subject is what the stream takes.
func (cfg StreamConfig) subject() string {
	if cfg.own != "" {
		return cfg.Prefix + "." + cfg.own
	}
	return cfg.Prefix + ".>"
}

func (cfg StreamConfig) check() error {
	if strings.ContainsAny(cfg.Name, " \t\r\n.*>/\\") {
		return fmt.Errorf("stream name %q: white space and . * > / \\ are not allowed", cfg.Name)
	}
	if err := CheckTopic(cfg.Prefix); err != nil {
		return fmt.Errorf("subject prefix: %w", err)
	}
	for _, topic := range cfg.Topics {
		if err := CheckTopic(topic); err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) streamInfo(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	return request(ctx, c, fmt.Sprintf("look up stream %s", name), []string{name},
		func(ctx context.Context) (*jetstream.StreamInfo, error) {
			s, err := c.js.Stream(ctx, name)
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil, ErrNoStream
			}
			if err != nil {
				return nil, err
			}
			return s.CachedInfo(), nil
		})
}

// createStream creates a stream by cfg, after more has added to it.
func (c *Conn) createStream(ctx context.Context, cfg StreamConfig, more func(*jetstream.StreamConfig)) (*jetstream.StreamInfo, error) {
	want := jetstream.StreamConfig{
		Name:      cfg.Name,
		Subjects:  []string{cfg.subject()},
		Retention: cfg.Retention.policy(),
		Storage:   jetstream.FileStorage,
		Discard:   jetstream.DiscardNew,
		MaxBytes:  -1,
		Replicas:  max(cfg.Replicas, 1),
	}
	more(&want)
	if cfg.MaxBytes > 0 {
		want.MaxBytes = cfg.MaxBytes
	}
	if cfg.Memory {
		want.Storage = jetstream.MemoryStorage
	} else if cfg.Compressed {
		want.Compression = jetstream.S2Compression
	}
	info, err := request(ctx, c, fmt.Sprintf("create stream %s", cfg.Name), []string{cfg.Name},
		func(ctx context.Context) (*jetstream.StreamInfo, error) {
			s, err := c.js.CreateStream(ctx, want)
			if err != nil {
				return nil, err
			}
			return s.CachedInfo(), nil
		})
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return c.streamInfo(ctx, cfg.Name) // another process was faster; it is verified like any other
	}
	if apiErr := apiError(err); apiErr != nil && apiErr.ErrorCode == errSubjectsOverlap {
		return nil, c.taken(ctx, cfg, err)
	}
	return info, err
}

// errSubjectsOverlap is JSStreamSubjectOverlapErr of the server, which nats.go
// does not name.
const errSubjectsOverlap jetstream.ErrorCode = 10065

// taken is the error for subjects that other streams take.
func (c *Conn) taken(ctx context.Context, cfg StreamConfig, err error) error {
	names, _ := c.streamNames(ctx, cfg.subject()) // without an answer they stay unnamed
	return fmt.Errorf("%w: %w; %s", ErrTaken, err, cfg.takenBy(names))
}

// CheckSubjects returns ErrTaken if a stream by cfg could not be made, because others
// take its subjects.
func (c *Conn) CheckSubjects(ctx context.Context, cfg StreamConfig) error {
	cfg = cfg.withDefaults()
	names, err := c.streamNames(ctx, cfg.subject())
	if err != nil || len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", ErrTaken, cfg.takenBy(names))
}

// takenBy says which streams take the subjects of cfg, and what to do.
func (cfg StreamConfig) takenBy(names []string) string {
	holder, next := "another stream", "use it with --stream, or another --subject-prefix"
	if len(names) > 0 {
		holder = "stream " + strings.Join(names, ", ")
		if _, own := topicOf(cfg.Name, names[0]); own {
			next = "use --stream-per-topic, or another --subject-prefix"
		}
	}
	if cfg.own != "" {
		next = "leave out --stream-per-topic; or write all that is in it, and delete it; or use another --stream and --subject-prefix"
	}
	return fmt.Sprintf("%s already takes %s: %s", holder, cfg.subject(), next)
}

func apiError(err error) *jetstream.APIError {
	var js jetstream.JetStreamError
	if errors.As(err, &js) {
		return js.APIError()
	}
	return nil
}

// Name returns the stream's name.
func (s *Stream) Name() string { return s.name }

// Prefix returns the subject tokens before a topic.
func (s *Stream) Prefix() string { return s.prefix }

// Warnings returns what was found usable but may surprise, for the log.
func (s *Stream) Warnings() []string { return s.warnings }

// Subject returns the subject of a topic.
func (s *Stream) Subject(topic string) string { return s.prefix + "." + topic }

// Topic returns the topic of a subject: all tokens after the prefix.
func (s *Stream) Topic(subject string) (string, bool) {
	return strings.CutPrefix(subject, s.prefix+".")
}

// Info asks the server for the stream's state. A deleted stream is ErrNoStream;
// one that was made again has another Created.
func (s *Stream) Info(ctx context.Context) (StreamInfo, error) {
	info, err := s.conn.streamInfo(ctx, s.name)
	if err != nil {
		return StreamInfo{}, err
	}
	return convertStreamInfo(info), nil
}

func convertStreamInfo(info *jetstream.StreamInfo) StreamInfo {
	r := WorkQueue
	if info.Config.Retention == jetstream.LimitsPolicy {
		r = Limits
	}
	return StreamInfo{
		Name: info.Config.Name, Domain: info.Domain, Created: info.Created,
		Retention: r, Replicas: info.Config.Replicas,
		FirstSeq: info.State.FirstSeq, LastSeq: info.State.LastSeq,
		Messages: info.State.Msgs, Bytes: info.State.Bytes, MaxBytes: info.Config.MaxBytes,
		Clustered: info.Cluster != nil && info.Cluster.Name != "", Now: info.TimeStamp,
	}
}

// Topics returns the topics that have messages in the stream now, and how many.
// A subject whose tail is no topic by CheckTopic is listed too: the caller
// decides whom to tell.
func (s *Stream) Topics(ctx context.Context) (map[string]uint64, error) {
	return request(ctx, s.conn, fmt.Sprintf("list the topics of stream %s", s.name), []string{s.name},
		func(ctx context.Context) (map[string]uint64, error) {
			js, err := s.conn.js.Stream(ctx, s.name)
			if errors.Is(err, jetstream.ErrStreamNotFound) {
				return nil, ErrNoStream
			}
			if err != nil {
				return nil, err
			}
			info, err := js.Info(ctx, jetstream.WithSubjectFilter(s.prefix+".>"))
			if err != nil {
				return nil, err
			}
			topics := make(map[string]uint64, len(info.State.Subjects))
			for subject, n := range info.State.Subjects {
				if topic, ok := s.Topic(subject); ok {
					topics[topic] = n
				}
			}
			return topics, nil
		})
}
