package consumer

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNoDeadLetter is wrapped where there is no dead letter of the given id.
var ErrNoDeadLetter = errors.New("no such dead letter")

// maxDeadLetter bounds what a compressed dead letter may expand to: no server takes
// larger messages.
const maxDeadLetter = 64 << 20

// DeadLetter is a message that did not become rows.
type DeadLetter struct {
	ID        uint64 // sequence in the stream of dead letters
	Topic     string
	Subject   string // that it was published to
	Stream    string
	Epoch     uint32 // of the stream's sequences
	Sequence  uint64
	Time      time.Time // when its stream stored it
	Class     string
	Reason    string
	Truncated int         // length that the payload had, if it had to be cut; else 0
	Dropped   int         // how many names of its headers are missing, for lack of room
	Header    nats.Header // as it was published, names that begin with Nats- behind HeaderOriginal
	Data      []byte      // as it was published
}

// List yields the dead letters of a topic, of all topics for "", oldest first. An
// error ends the sequence.
func (d *DeadLetters) List(ctx context.Context, topic string) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		filter := d.prefix + ".>"
		if topic != "" {
			filter = d.prefix + "." + topic + ".*.*"
		}
		err := d.of.conn.scan(ctx, d.name, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}}, func(m jetstream.Msg, meta *jetstream.MsgMetadata) (bool, error) {
			l, err := d.parse(meta.Sequence.Stream, m.Subject(), m.Headers(), m.Data())
			if err != nil {
				return false, err
			}
			return yield(l, nil), nil
		})
		if err != nil {
			yield(DeadLetter{}, fmt.Errorf("list dead letters: %w", err))
		}
	}
}

// Get returns one dead letter by its id.
func (d *DeadLetters) Get(ctx context.Context, id uint64) (DeadLetter, error) {
	c := d.of.conn
	act := fmt.Sprintf("get dead letter %d", id)
	m, err := request(ctx, c, act, []string{d.name}, func(ctx context.Context) (*jetstream.RawStreamMsg, error) {
		s, err := c.js.Stream(ctx, d.name)
		if err != nil {
			return nil, err
		}
		m, err := s.GetMsg(ctx, id)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			err = ErrNoDeadLetter
		}
		return m, err
	})
	if err != nil {
		return DeadLetter{}, err
	}
	return d.parse(m.Sequence, m.Subject, m.Header, m.Data)
}

// Replay publishes the message of a dead letter to its subject again, as a new message
// with a new sequence, and then removes the dead letter unless keep is set. Repeated
// after a crash in between, it publishes no second copy within the stream's duplicate
// window. A message of which a part is missing is refused.
func (d *DeadLetters) Replay(ctx context.Context, l DeadLetter, keep bool) error {
	if l.Truncated > 0 {
		return fmt.Errorf("replay dead letter %d: %w: its payload of %d bytes had to be cut", l.ID, ErrNotKept, l.Truncated)
	}
	if l.Dropped > 0 {
		return fmt.Errorf("replay dead letter %d: %w: headers of %d names had to be left out", l.ID, ErrNotKept, l.Dropped)
	}
	out := &nats.Msg{Subject: l.Subject, Header: nats.Header{}, Data: l.Data}
	for name, values := range l.Header {
		if !strings.HasPrefix(name, HeaderOriginal) {
			out.Header[name] = values
		}
	}
	stream, err := d.of.Name(l.Topic)
	if err != nil {
		return err
	}
	c := d.of.conn
	id := fmt.Sprintf("pst-replay-%s-%d-%d", l.Stream, l.Epoch, l.Sequence)
	if _, err := c.publish(ctx, out, jetstream.WithMsgID(id), jetstream.WithExpectStream(stream)); err != nil {
		return fmt.Errorf("replay dead letter %d: %w", l.ID, err)
	}
	if keep {
		return nil
	}
	_, err = request(ctx, c, fmt.Sprintf("remove dead letter %d", l.ID), []string{d.name}, func(ctx context.Context) (struct{}, error) {
		s, err := c.js.Stream(ctx, d.name)
		if err == nil {
			err = s.DeleteMsg(ctx, l.ID)
		}
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			err = nil // the first answer was lost
		}
		return struct{}{}, err
	})
	return err
}

// parse reads a message of the stream of dead letters.
func (d *DeadLetters) parse(id uint64, subject string, h nats.Header, data []byte) (DeadLetter, error) {
	l := DeadLetter{
		ID: id, Subject: h.Get(HeaderSubject), Stream: h.Get(HeaderStream),
		Class: h.Get(HeaderErrorClass), Reason: h.Get(HeaderError), Header: nats.Header{}, Data: data,
	}
	rest := strings.TrimPrefix(subject, d.prefix+".")
	tokens := strings.Split(rest, ".")
	if len(tokens) < 3 || l.Subject == "" {
		return l, fmt.Errorf("message %d on %s is no dead letter of pst-bridge", id, subject)
	}
	n := len(tokens)
	epoch, err1 := strconv.ParseUint(tokens[n-2], 10, 32)
	seq, err2 := strconv.ParseUint(tokens[n-1], 10, 64)
	stored, err3 := time.Parse(time.RFC3339Nano, h.Get(HeaderTime))
	if err := errors.Join(err1, err2, err3); err != nil {
		return l, fmt.Errorf("message %d on %s is no dead letter of pst-bridge: %w", id, subject, err)
	}
	l.Topic, l.Epoch, l.Sequence, l.Time = strings.Join(tokens[:n-2], "."), uint32(epoch), seq, stored
	l.Truncated, _ = strconv.Atoi(h.Get(HeaderTruncated)) // absent: 0
	l.Dropped, _ = strconv.Atoi(h.Get(HeaderDropped))
	own := map[string]bool{
		HeaderStream: true, HeaderSequence: true, HeaderSubject: true, HeaderTime: true,
		HeaderErrorClass: true, HeaderError: true, HeaderEncoding: true, HeaderTruncated: true, HeaderDropped: true,
		jetstream.ExpectedLastSubjSeqHeader: true,
	}
	for name, values := range h {
		if own[name] {
			continue
		}
		if original, ok := strings.CutPrefix(name, HeaderOriginal); ok && !strings.HasPrefix(strings.ToLower(original), "nats-") {
			name = original
		}
		l.Header[name] = values
	}
	if h.Get(HeaderEncoding) == "gzip" {
		var err error
		if l.Data, err = expand(data); err != nil {
			return l, fmt.Errorf("dead letter %d: %w", id, err)
		}
	}
	return l, nil
}

func expand(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expand payload: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(r, maxDeadLetter+1))
	if err == nil && len(out) > maxDeadLetter {
		err = fmt.Errorf("more than %d bytes", maxDeadLetter)
	}
	if err != nil {
		return nil, fmt.Errorf("expand payload: %w", err)
	}
	return out, nil
}
