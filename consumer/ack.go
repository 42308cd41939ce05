package consumer

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
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
	return d.publish("ack", []byte(bodyAck), msgs)
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

// ackReport remembers which asynchronous error Confirm reported last.
type ackReport struct {
	mu struct {
		sync.Mutex
		seen error
	}
}

// Confirm returns once the server this process is connected to has processed
// everything published before. It wraps ErrPermission if the server denied an
// acknowledgement since the last Confirm. In a cluster the consumer's leader may
// be another server, to which acks are forwarded: a message of a confirmed ack
// can still come again.
func (d *Durable) Confirm(ctx context.Context) error {
	c := d.stream.conn
	if _, ok := ctx.Deadline(); !ok { // FlushWithContext wants one
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, DefaultConfirmTimeout)
		defer cancel()
	}
	if err := c.nc.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("confirm acks of stream %s: %w", d.stream.name, c.explain(ctx, err))
	}
	// A denial is sent before the reply to the flush and read in order, so it is
	// the connection's last error by now; its handler may not have run yet.
	last := c.nc.LastError()
	denied, ok := deniedSubject(last)
	if !ok || !strings.HasPrefix(denied, ackPrefix) || !strings.Contains(denied, "."+d.stream.name+"."+d.name+".") {
		return nil
	}
	d.acks.mu.Lock()
	fresh := last != d.acks.mu.seen // each denial is an error value of its own
	d.acks.mu.seen = last
	d.acks.mu.Unlock()
	if fresh {
		return fmt.Errorf("confirm acks of stream %s: %w", d.stream.name, permissionError(last))
	}
	return nil
}

// DefaultConfirmTimeout bounds Confirm when its context has no deadline.
const DefaultConfirmTimeout = 5 * time.Second
