package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// Level says how much a finding matters.
type Level string

// The levels of findings.
const (
	LevelOK      Level = "ok"
	LevelUnknown Level = "unknown" // cannot be asked for: not the same as ok
	LevelNote    Level = "note"    // works as it was asked to, at a price
	LevelWarning Level = "warning" // works, and may surprise
	LevelError   Level = "error"   // must not start like this
)

// Finding is one thing that was looked at before anything is fetched.
type Finding struct {
	Level  Level
	Topic  string // the one topic that it concerns, "" for all
	What   string // stream, consumer of orders, storage, ...
	Detail string
	Fix    string // what to do about it, "" where there is nothing to do
}

const (
	// maxSkew is how far the clocks of server and process may be apart.
	maxSkew = 2 * time.Second
	// minAckWait is below what ack wait a delay of the network loses messages to peers.
	minAckWait = time.Second
	// maxChecked bounds how many discovered topics are looked at.
	maxChecked = 100
	// ownPatience bounds what is waited for one topic's own stream.
	ownPatience = 5 * time.Second
)

// Check looks at the configuration against the live server and the storage, and
// changes nothing. The error says that the server did not answer.
func (b *Bridge) Check(ctx context.Context) ([]Finding, error) {
	c := &preflight{b: b}
	for _, look := range []func(context.Context) error{c.streams, c.deadLetters, c.storage, c.topics} {
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	if !c.timed {
		c.note(LevelUnknown, "clock", "check again when a topic has a stream", "the server tells its time with a stream alone")
	}
	return c.found, nil
}

// CheckStorage is the part of Check that asks no server, for where there is none or no
// stream yet.
func (b *Bridge) CheckStorage(ctx context.Context) ([]Finding, error) {
	c := &preflight{b: b}
	c.syncInterval()
	err := c.storage(ctx)
	return c.found, err
}

// preflight gathers findings.
type preflight struct {
	b     *Bridge
	found []Finding

	noTables bool // the storage cannot be read
	timed    bool // the clocks were compared
}

func (c *preflight) note(level Level, what, fix, format string, args ...any) {
	c.found = append(c.found, Finding{Level: level, What: what, Detail: fmt.Sprintf(format, args...), Fix: fix})
}

// streams looks at what concerns all topics.
func (c *preflight) streams(ctx context.Context) error {
	for _, w := range c.b.streams.Warnings() {
		c.note(LevelWarning, "streams "+c.b.streams.String(), "", "%s", w)
	}
	if shared := c.b.streams.One(); shared != nil {
		if err := c.stream(ctx, shared); err != nil {
			return err
		}
	}
	c.syncInterval()
	return nil
}

// syncInterval says what a power failure costs.
func (c *preflight) syncInterval() {
	switch sync := c.b.cfg.SyncInterval; {
	case sync == nil:
		c.note(LevelUnknown, "sync interval", "sync_interval: always in the server's jetstream block, or 3 replicas on machines that do not fail together",
			"the server does not tell how often it syncs its store (2 minutes unless set): a power failure loses what it acknowledged since")
	case *sync > 0:
		c.note(LevelNote, "sync interval", "--wal-sync-interval 0", "the embedded server syncs its store every %v: a power failure loses what it acknowledged since", *sync)
	default:
		c.note(LevelOK, "sync interval", "", "the embedded server syncs its store before it acknowledges")
	}
}

func (c *preflight) stream(ctx context.Context, s *consumer.Stream) error {
	asked := time.Now()
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	what := "stream " + info.Name
	for _, w := range s.Warnings() {
		c.note(LevelWarning, what, "", "%s", w)
	}
	c.note(LevelOK, what, "", "retention %s, %d replicas, %d messages", info.Retention, info.Replicas, info.Messages)
	if info.Clustered && info.Replicas < 3 {
		c.note(LevelWarning, what, "nats stream edit --replicas 3",
			"%d replicas: what is not yet in a table is lost with one server", info.Replicas)
	}
	if !c.timed {
		c.timed = true
		c.clock(info, asked)
	}
	return nil
}

// clock compares the clocks of server and process; the question was asked at asked.
func (c *preflight) clock(info consumer.StreamInfo, asked time.Time) {
	if info.Now.IsZero() {
		c.note(LevelUnknown, "clock", "keep both clocks by NTP", "the server does not tell its time")
	} else if skew := info.Now.Sub(asked.Add(time.Since(asked) / 2)).Round(time.Millisecond); skew.Abs() > maxSkew {
		c.note(LevelWarning, "clock", "keep both clocks by NTP", "the server's clock is %v off this machine's: versions and rows carry times that do not agree", skew)
	} else {
		c.note(LevelOK, "clock", "", "%v apart from the server's", skew)
	}
}

func (c *preflight) deadLetters(ctx context.Context) error {
	dead, err := c.b.streams.EnsureDeadLetters(ctx, consumer.DeadLetterConfig{})
	switch {
	case err == nil:
		for _, w := range dead.Warnings() {
			c.note(LevelWarning, "dead letters", "", "stream %s: %s", dead.Stream(), w)
		}
		c.note(LevelOK, "dead letters", "", "stream %s takes them", consumer.DefaultDeadLetterStream)
	case errors.Is(err, consumer.ErrNoStream) && c.b.cfg.Provision:
		c.note(LevelOK, "dead letters", "", "stream %s is made when the bridge starts", consumer.DefaultDeadLetterStream)
	case errors.Is(err, consumer.ErrNoStream), errors.Is(err, consumer.ErrUnusable):
		c.note(LevelError, "dead letters", "", "%v", err)
	default:
		return err
	}
	return nil
}

func (c *preflight) topics(ctx context.Context) error {
	topics := c.b.cfg.Topics
	if len(topics) == 0 && !c.noTables {
		var err error
		if topics, err = c.b.KnownTopics(ctx); err != nil {
			return err
		}
		topics = topics[:min(len(topics), maxChecked)]
	}
	for _, topic := range topics {
		first := len(c.found)
		if err := c.topic(ctx, topic); err != nil {
			return err
		}
		for i := range c.found[first:] {
			c.found[first+i].Topic = topic
		}
	}
	return nil
}

// topic looks at a topic's stream, if that is its own, and at its consumer. A stream
// that does not answer concerns its topic alone.
func (c *preflight) topic(ctx context.Context, topic string) error {
	if shared := c.b.streams.One(); shared != nil {
		return c.consumer(ctx, shared, topic)
	}
	asking, end := context.WithTimeout(ctx, ownPatience)
	defer end()
	err := c.own(asking, topic)
	if err == nil || ctx.Err() != nil || errors.Is(err, consumer.ErrPermission) || errors.Is(err, consumer.ErrClosed) {
		return err
	}
	c.note(LevelUnknown, "stream of "+topic, "", "%v", err)
	return nil
}

// own looks at a topic's own stream and its consumer.
func (c *preflight) own(ctx context.Context, topic string) error {
	what := "stream of " + topic
	listed := slices.Contains(c.b.cfg.Topics, topic)
	s, err := c.b.streams.Of(ctx, topic)
	switch {
	case errors.Is(err, consumer.ErrNoStream) && !listed:
		return nil // only a table is left of it, and nobody is to write it
	case errors.Is(err, consumer.ErrNoStream) && c.b.cfg.Provision:
		c.note(LevelOK, what, "", "it is made when the topic starts")
		return nil
	case errors.Is(err, consumer.ErrNoStream), errors.Is(err, consumer.ErrUnusable):
		c.note(LevelError, what, "", "%v", err)
		return nil
	case err != nil:
		return err
	}
	if err := c.stream(ctx, s); err != nil {
		return err
	}
	return c.consumer(ctx, s, topic)
}

func (c *preflight) consumer(ctx context.Context, s *consumer.Stream, topic string) error {
	what := "consumer of " + topic
	name, err := consumer.ConsumerName(c.b.cfg.ConsumerName, topic)
	if err != nil {
		c.note(LevelWarning, what, "publish under another topic", "%v: it will not be written", err)
		return nil
	}
	d, err := s.Lookup(ctx, consumer.DurableConfig{Topic: topic, Name: name})
	switch {
	case err == nil:
	case errors.Is(err, consumer.ErrNoConsumer) && c.b.cfg.Provision:
		c.note(LevelOK, what, "", "%s is made when the topic starts", name)
		return nil
	case errors.Is(err, consumer.ErrNoConsumer):
		c.note(LevelError, what, "create it with filter "+s.Subject(topic)+", explicit acks and deliver all; or run with --provision", "%s does not exist", name)
		return nil
	case errors.Is(err, consumer.ErrUnusable):
		c.note(LevelError, what, "nats consumer edit", "%v", err)
		return nil
	default:
		return err
	}
	fine := true
	warn := func(fix, format string, args ...any) {
		fine = false
		c.note(LevelWarning, what, fix, format, args...)
	}
	if until := d.PausedUntil(); time.Now().Before(until) {
		warn("nats consumer resume "+s.Name()+" "+name, "it is paused until %s: nothing is delivered", until.UTC().Format(time.RFC3339))
	}
	if half := max(d.HoldLimit()/2, 1); half < c.b.cfg.BatchRows {
		warn(fmt.Sprintf("raise MaxAckPending to %d, or lower --batch-size", 2*c.b.cfg.BatchRows*d.MaxWorkers()),
			"MaxAckPending %d among %d workers lets a batch have %d messages, --batch-size asks for %d", d.MaxAckPending(), d.MaxWorkers(), half, c.b.cfg.BatchRows)
	}
	if d.AckWait() < minAckWait {
		warn("raise it to 10s", "AckWait %v: a delay of %v gives messages to another worker while this one still has them", d.AckWait(), d.AckWait()*2/3)
	}
	if fine {
		c.note(LevelOK, what, "", "%s: AckWait %v, %d messages for each of %d workers", name, d.AckWait(), d.HoldLimit(), d.MaxWorkers())
	}
	return nil
}

func (c *preflight) storage(ctx context.Context) error {
	if err := sink.CheckStorage(ctx, c.b.cfg.Storage); err != nil {
		c.note(LevelError, "storage", "use a file system with hard links, that this user can write", "%v", err)
		c.noTables = true
		return nil
	}
	c.note(LevelOK, "storage", "", "%s can be written, and of 8 puts of one name 1 wins", c.b.cfg.Storage)
	return nil
}
