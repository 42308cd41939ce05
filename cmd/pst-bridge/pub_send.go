package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Bounds of what is published and not yet acknowledged, and of the patience for
// an acknowledgement. nats.go itself allows 4,000.
const (
	maxOutstanding      = 2048
	maxOutstandingBytes = 32 << 20
	ackPatience         = 10 * time.Second
	lastPatience        = 2 * time.Second // after a failure, for those already on their way
)

var (
	errNoAck       = fmt.Errorf("no acknowledgement within %v", ackPatience)
	errInterrupted = errors.New("interrupted")
)

// publisher publishes payloads to one subject and collects their
// acknowledgements in order. It is used by one goroutine.
type publisher struct {
	js      jetstream.JetStream
	subject string
	stream  string
	// perTopic: the stream is the topic's own.
	perTopic bool
	id       msgID
	acked    *bar
	denied   chan error // capacity 1: the server denied the subject or its answers

	queue []outstanding // oldest first
	bytes int
	res   published
}

// outstanding is a message without its acknowledgement yet.
type outstanding struct {
	at     position
	lines  int
	size   int
	ack    jetstream.PubAckFuture
	failed bool // its error was seen already
}

// publish publishes everything. On an error the result says what was
// acknowledged and where the first message is that was not.
func (p *publisher) publish(ctx context.Context, all iter.Seq2[payload, error]) (published, error) {
	for next, err := range all {
		if err == nil {
			err = p.send(next)
		}
		for err == nil && (len(p.queue) >= maxOutstanding || p.bytes >= maxOutstandingBytes) {
			err = p.collect(ctx)
		}
		if err != nil {
			return p.fail(next.at, err)
		}
	}
	for len(p.queue) > 0 {
		if err := p.collect(ctx); err != nil {
			return p.fail(position{}, err)
		}
	}
	return p.res, nil
}

// send publishes one payload without waiting for its acknowledgement.
func (p *publisher) send(next payload) error {
	opts := []jetstream.PublishOpt{jetstream.WithExpectStream(p.stream)}
	id, err := p.id.of(next)
	if err != nil {
		return err
	}
	if id != "" {
		opts = append(opts, jetstream.WithMsgID(id))
	}
	ack, err := p.js.PublishMsgAsync(&nats.Msg{Subject: p.subject, Data: next.data}, opts...)
	if err != nil {
		return fmt.Errorf("publish %s: %w", next.at, err)
	}
	p.queue = append(p.queue, outstanding{at: next.at, lines: next.lines, size: len(next.data), ack: ack})
	p.bytes += len(next.data)
	return nil
}

// collect waits for the oldest acknowledgement. On an error the message stays
// the oldest.
func (p *publisher) collect(ctx context.Context) error {
	oldest := &p.queue[0]
	patience := time.NewTimer(ackPatience)
	defer patience.Stop()
	select {
	case ack := <-oldest.ack.Ok():
		p.count(*oldest, ack)
		p.bytes -= oldest.size
		p.queue = p.queue[1:]
		return nil
	case err := <-oldest.ack.Err():
		oldest.failed = true
		return fmt.Errorf("publish %s: %w", oldest.at, p.explain(err))
	case err := <-p.denied:
		for i := range p.queue {
			p.queue[i].failed = true
		}
		return fmt.Errorf("publish %s: %w", oldest.at, err)
	case <-patience.C:
		return fmt.Errorf("publish %s: %w", oldest.at, errNoAck)
	case <-ctx.Done():
		return fmt.Errorf("publish %s: %w", oldest.at, errInterrupted)
	}
}

// errOtherStream is JSStreamNotMatchErr of the server, which nats.go does not name.
const errOtherStream jetstream.ErrorCode = 10060

// explain says what it means that no stream took a message, or another one.
func (p *publisher) explain(err error) error {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		next := "a run of the bridge, or a pub that may, makes it"
		if p.perTopic {
			next = "a run of the bridge with --stream-per-topic and --topics, or a pub that may, makes it"
		}
		return fmt.Errorf("no stream takes subject %s: %s does not exist, or has other subjects (%w); %s", p.subject, p.stream, err, next)
	case errors.As(err, &api) && api.ErrorCode == errOtherStream:
		next := "name it with --stream, or use --stream-per-topic as the bridge does"
		if p.perTopic {
			next = "leave out --stream-per-topic, as the bridge does"
		}
		return fmt.Errorf("another stream than %s takes subject %s: %s (%w)", p.stream, p.subject, next, err)
	}
	return err
}

// deny notes that the server denied the subject. It may be called by any goroutine.
func (p *publisher) deny(err error) {
	select {
	case p.denied <- err:
	default: // told already
	}
}

// count adds an acknowledged message to the result.
func (p *publisher) count(m outstanding, ack *jetstream.PubAck) {
	p.res.Messages++
	p.res.Lines += m.lines
	if ack.Duplicate {
		p.res.Duplicates++
	}
	p.acked.set(int64(p.res.Messages))
}

// fail waits a little for the acknowledgements still on their way and sets the
// place to resume: the oldest message without one, else reached, where
// reading or publishing itself failed.
func (p *publisher) fail(reached position, err error) (published, error) {
	patience, cancel := context.WithTimeout(context.Background(), lastPatience)
	defer cancel()
	var first *position
	for _, m := range p.queue {
		ack := m.wait(patience)
		switch {
		case ack == nil && first == nil:
			first = &m.at
		case ack != nil:
			p.count(m, ack)
			if first != nil {
				p.res.Later++
			}
		}
	}
	if first == nil && reached.File != "" {
		first = &reached
	}
	p.res.Resume = first
	return p.res, err
}

// wait returns the acknowledgement of m, or nil if there is none before ctx ends.
func (m outstanding) wait(ctx context.Context) *jetstream.PubAck {
	if m.failed {
		return nil
	}
	select {
	case ack := <-m.ack.Ok():
		return ack
	default:
	}
	select {
	case ack := <-m.ack.Ok():
		return ack
	case <-m.ack.Err(): //nolint:errcheck // it says no more than that there is no acknowledgement
	case <-ctx.Done():
	}
	return nil
}
