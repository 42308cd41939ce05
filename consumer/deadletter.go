package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// DefaultDeadLetterStream and DefaultDeadLetterPrefix are where messages go
	// that cannot become rows; the prefix is outside DefaultPrefix, else a dead
	// letter would be fetched as a message.
	DefaultDeadLetterStream = "PERSISTING_DLQ"
	DefaultDeadLetterPrefix = "persisting_dlq"

	// MaxReason bounds the Pst-Error header, in bytes.
	MaxReason = 1024
)

// Headers of a dead letter. The first four are named as the server names them
// in direct gets and republished messages. A header of the original that begins
// with Nats- or Pst- is kept under HeaderOriginal + its name, since the server
// would act on it, or it would hide ours.
const (
	HeaderStream     = "Nats-Stream"
	HeaderSequence   = "Nats-Sequence"
	HeaderSubject    = "Nats-Subject"
	HeaderTime       = "Nats-Time-Stamp" // RFC 3339 with nanoseconds, UTC
	HeaderErrorClass = "Pst-Error-Class"
	HeaderError      = "Pst-Error"
	HeaderOriginal   = "Pst-Original-"
	// HeaderEncoding is "gzip" if the payload had to be compressed to fit beside
	// the added headers.
	HeaderEncoding = "Pst-Encoding"
	// HeaderTruncated is the original's payload length if even the compressed
	// payload did not fit and the payload was cut.
	HeaderTruncated = "Pst-Truncated"
	// HeaderDropped is how many names of the original's headers are missing,
	// because there was no room for them beside ours.
	HeaderDropped = "Pst-Headers-Dropped"
)

// DeadLetterConfig names the stream for dead letters.
type DeadLetterConfig struct {
	Name      string // empty: DefaultDeadLetterStream
	Prefix    string // empty: DefaultDeadLetterPrefix
	Provision bool   // create it if missing; else ErrNoStream
	Replicas  int    // used to create; 0: 1
}

// DeadLetters publishes messages that cannot become rows. It is safe for
// concurrent use.
type DeadLetters struct {
	of     *Streams // of the messages
	name   string
	prefix string

	warnings []string
}

// EnsureDeadLetters looks up the stream for the dead letters of all topics, creates it
// if it is missing and may be, and verifies that it keeps what is published.
func (s *Streams) EnsureDeadLetters(ctx context.Context, cfg DeadLetterConfig) (*DeadLetters, error) {
	if cfg.Name == "" {
		cfg.Name = DefaultDeadLetterStream
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultDeadLetterPrefix
	}
	if err := CheckTopic(cfg.Prefix); err != nil {
		return nil, fmt.Errorf("dead letter prefix: %w", err)
	}
	if subjectCovers(s.cfg.Prefix+".>", cfg.Prefix+".x") {
		return nil, fmt.Errorf("dead letter prefix %q is under %q: dead letters would be fetched again", cfg.Prefix, s.cfg.Prefix)
	}
	c := s.conn
	info, err := c.streamInfo(ctx, cfg.Name)
	if errors.Is(err, ErrNoStream) && cfg.Provision {
		info, err = c.createStream(ctx, StreamConfig{
			Name: cfg.Name, Prefix: cfg.Prefix, Retention: Limits, Replicas: cfg.Replicas,
		}, func(want *jetstream.StreamConfig) {
			// Without direct gets, whose answers carry headers of the same names as
			// ours, about the dead letter itself.
			want.Description = "messages that could not become rows (pst-bridge)"
		})
	}
	if errors.Is(err, ErrNoStream) {
		err = fmt.Errorf("%w; create it on subjects %q with retention limits, or let `pst-bridge run --provision` do so", err, cfg.Prefix+".>")
	}
	if err != nil {
		return nil, err
	}
	_, err = verifyStream(info.Config, StreamConfig{Name: cfg.Name, Prefix: cfg.Prefix, Retention: Limits})
	if err != nil {
		return nil, err
	}
	var faults []string
	if info.Config.NoAck {
		faults = append(faults, "it does not acknowledge (set no_ack false)")
	}
	if info.Config.Retention == jetstream.WorkQueuePolicy {
		faults = append(faults, "retention is workqueue: dead letters could not be listed nor replayed (make it anew with retention limits)")
	}
	if err := unusable("stream "+cfg.Name, faults); err != nil {
		return nil, err
	}
	return &DeadLetters{of: s, name: cfg.Name, prefix: cfg.Prefix, warnings: forgetting(info.Config)}, nil
}

// forgetting names the settings with which a stream drops dead letters that nobody has seen.
func forgetting(have jetstream.StreamConfig) (warnings []string) {
	if have.Storage == jetstream.MemoryStorage {
		warnings = append(warnings, "storage is memory: dead letters are lost when the server stops (make it anew with file storage)")
	}
	if have.Discard == jetstream.DiscardOld && (have.MaxBytes > 0 || have.MaxMsgs > 0) {
		warnings = append(warnings, "discard policy is old: a full stream drops dead letters (set discard new)")
	}
	if have.MaxAge > 0 {
		warnings = append(warnings, fmt.Sprintf("max age is %v: dead letters older than that are dropped (set 0)", have.MaxAge))
	}
	return warnings
}

// Warnings returns what was found usable but may surprise, for the log.
func (d *DeadLetters) Warnings() []string { return d.warnings }

// Stream returns the name of the stream for dead letters.
func (d *DeadLetters) Stream() string { return d.name }

// Subject returns where the dead letter of a message goes. One message has one
// subject per epoch, which makes Publish idempotent.
func (d *DeadLetters) Subject(msg Message, epoch uint32) (string, error) {
	topic, ok := strings.CutPrefix(msg.Subject, d.of.cfg.Prefix+".")
	if !ok {
		return "", fmt.Errorf("dead letter of message %d: subject %q is not under %q", msg.Seq, msg.Subject, d.of.cfg.Prefix)
	}
	return fmt.Sprintf("%s.%s.%d.%d", d.prefix, topic, epoch, msg.Seq), nil
}

// Publish stores the dead letter of a message and waits until it is stored. It
// succeeds without storing a second one if it is there already. class is one
// word, reason a sentence; reason is cut at MaxReason bytes and control
// characters become spaces. It does not acknowledge the message.
func (d *DeadLetters) Publish(ctx context.Context, msg Message, epoch uint32, class, reason string) error {
	subject, err := d.Subject(msg, epoch)
	if err != nil {
		return err
	}
	stream, err := d.of.Name(strings.TrimPrefix(msg.Subject, d.of.cfg.Prefix+"."))
	if err != nil {
		return err
	}
	limit := int(d.of.conn.nc.MaxPayload())
	out := &nats.Msg{Subject: subject, Header: header(msg, stream, class, reason, min(limit, maxHeaders))}
	if err := fit(out, msg.Data, limit); err != nil {
		return fmt.Errorf("dead letter of message %d: %w", msg.Seq, err)
	}
	return d.store(ctx, out)
}

const (
	// otherPublishWait is how long another publish of the same dead letter is
	// waited for, and otherPublishPause how long between two looks.
	otherPublishWait  = 5 * time.Second
	otherPublishPause = 50 * time.Millisecond
)

// store puts a dead letter and succeeds if it is stored, by whomever. The server
// answers "wrong last sequence" where something is stored on the subject: this dead
// letter, or that of another stream which held the topic before or after, and whose
// numbers are the same; ours then goes on top of it. A replicated stream answers so
// also while another publish to the subject is under way, which may yet fail: then the
// put is repeated until the one or the other is stored.
func (d *DeadLetters) store(ctx context.Context, out *nats.Msg) error {
	last := uint64(0)
	for end := time.Now().Add(otherPublishWait); ; {
		_, err := d.of.conn.publish(ctx, out, jetstream.WithExpectLastSequencePerSubject(last))
		if !isWrongLast(err) {
			return err
		}
		stored, missing := d.last(ctx, out.Subject)
		switch {
		case missing == nil && stored.Header.Get(HeaderStream) == out.Header.Get(HeaderStream):
			return nil
		case missing == nil && stored.Sequence != last:
			last = stored.Sequence
			continue
		case missing == nil: // another publish on top of it is under way
		case errors.Is(missing, jetstream.ErrMsgNotFound):
			last = 0
		default:
			return fmt.Errorf("%w (%w)", err, missing)
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w (%w)", err, missing)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
		case <-time.After(otherPublishPause):
		}
	}
}

// isWrongLast knows the two answers of the server for a subject that does not end where
// the publisher expects.
func isWrongLast(err error) bool {
	apiErr := apiError(err)
	return apiErr != nil && (apiErr.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		apiErr.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// publish stores one message, and waits until it is stored.
func (c *Conn) publish(ctx context.Context, out *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer c.OnDenied(out.Subject, func(err error) { cancel(err) })()
	ack, err := c.js.PublishMsg(ctx, out, opts...)
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", out.Subject, c.explain(ctx, err))
	}
	return ack, nil
}

// last returns the newest dead letter on a subject.
func (d *DeadLetters) last(ctx context.Context, subject string) (*jetstream.RawStreamMsg, error) {
	c := d.of.conn
	return request(ctx, c, "look up dead letter "+subject, []string{d.name},
		func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
			s, err := c.js.Stream(ctx, d.name)
			if err != nil {
				return nil, err
			}
			return s.GetLastMsgForSubject(ctx, subject)
		})
}
