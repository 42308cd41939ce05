package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Bodies of the messages a client publishes to an acknowledgement subject.
const (
	bodyAck        = "+ACK"
	bodyNak        = "-NAK"
	bodyInProgress = "+WPI"
)

// Ack tells the server that the messages are done, in the order given and
// without waiting for it. It returns how many were published and the first
// failure; it goes on after one. A lost ack is harmless to a caller that knows
// what it has: the message comes again.
func (d *Durable) Ack(msgs ...Message) (int, error) {
	n, err := d.publish("ack", []byte(bodyAck), msgs)
	if len(msgs) > 0 {
		d.acks.mu.Lock()
		d.acks.mu.last = msgs[len(msgs)-1].reply
		d.acks.mu.Unlock()
	}
	return n, err
}

// InProgress restarts the server's ack wait of the messages, without waiting.
func (d *Durable) InProgress(msgs ...Message) (int, error) {
	return d.publish("extend", []byte(bodyInProgress), msgs)
}

// Nak gives one message back, to be delivered again after delay, to any worker.
// A delay of 0 means at once.
func (d *Durable) Nak(msg Message, delay time.Duration) error {
	_, err := d.publish("nak", nakBody(delay), []Message{msg})
	return err
}

func nakBody(delay time.Duration) []byte {
	if delay <= 0 {
		return []byte(bodyNak)
	}
	body := strconv.AppendInt([]byte(bodyNak+` {"delay": `), delay.Nanoseconds(), 10)
	return append(body, '}')
}

func (d *Durable) publish(act string, body []byte, msgs []Message) (int, error) {
	var first error
	n := 0
	for i := range msgs {
		if msgs[i].reply == "" {
			if first == nil {
				first = fmt.Errorf("%s message %d: %w", act, msgs[i].Seq, ErrNotJetStream)
			}
			continue
		}
		if err := d.stream.conn.nc.Publish(msgs[i].reply, body); err != nil {
			if first == nil {
				first = fmt.Errorf("%s message %d of stream %s: %w", act, msgs[i].Seq, d.stream.name, err)
			}
			continue
		}
		n++
	}
	return n, first
}

// ackReport is what Confirm needs to know of earlier calls.
type ackReport struct {
	mu struct {
		sync.Mutex
		last string // acknowledgement subject of the last ack published
		seen error  // the denial that Confirm returned last
	}
}

// Confirm returns once the server has processed every ack published before. It
// wraps ErrPermission if the server denied one since the last Confirm. A message
// whose ack is confirmed can still come again: a server that is killed forgets
// the acks of the last moments.
//
// The consumer takes acks in the order in which this connection sent them, and
// answers one that asks for it, also when it had that ack before. So the last
// ack is sent once more as a request.
func (d *Durable) Confirm(ctx context.Context) error {
	c := d.stream.conn
	act := fmt.Sprintf("confirm acks of consumer %s", d.name)
	ctx, cancel := context.WithTimeout(ctx, DefaultConfirmTimeout)
	defer cancel()
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("%s: %w", act, c.explain(ctx, err))
	}
	// A denial is sent before the reply to the flush and read in order, so it is
	// the connection's last error by now; its handler may not have run yet.
	if err := d.deniedAck(c.nc.LastError()); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	d.acks.mu.Lock()
	last := d.acks.mu.last
	d.acks.mu.Unlock()
	if last == "" {
		return nil
	}
	if _, err := c.nc.RequestWithContext(ctx, last, []byte(bodyAck)); err != nil {
		if errors.Is(err, nats.ErrNoResponders) {
			return fmt.Errorf("%s: nothing serves the consumer: %w", act, err)
		}
		return fmt.Errorf("%s: %w", act, c.explain(ctx, err))
	}
	return nil
}

// deniedAck returns the connection's last error if it is the denial of an ack
// of this consumer that was not returned before.
func (d *Durable) deniedAck(last error) error {
	denied, ok := deniedSubject(last)
	if !ok || !strings.HasPrefix(denied, ackPrefix) || !strings.Contains(denied, "."+d.stream.name+"."+d.name+".") {
		return nil
	}
	d.acks.mu.Lock()
	defer d.acks.mu.Unlock()
	if last == d.acks.mu.seen { //nolint:errorlint // each denial is an error value of its own
		return nil
	}
	d.acks.mu.seen = last
	return permissionError(last)
}

// DefaultConfirmTimeout bounds Confirm, beside its context.
const DefaultConfirmTimeout = 5 * time.Second
