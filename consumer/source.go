package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// DefaultExpiry is how long a Fetch on a quiet topic waits.
	DefaultExpiry = time.Second
	// DefaultLinger is how long a Fetch that took all there was goes on gathering
	// after its first message.
	DefaultLinger = 40 * time.Millisecond

	// tailWait is how long the last pull of a gathering Fetch may stay open.
	tailWait = 10 * time.Millisecond
	// quietAfter ends a pull's turn when it delivered something and then stopped
	// without saying so: the server is at MaxAckPending and keeps the pull.
	quietAfter = 100 * time.Millisecond
	// lostAfter is after how long without any sign past its expiry a pull is
	// taken for lost: the server that had it is gone.
	lostAfter = 2 * time.Second
	// askAgain is the pause before a pull is repeated that ended without a message
	// and before its time.
	askAgain = 50 * time.Millisecond
	// nobodyFor is for how long nobody may serve the consumer before that is an
	// error: an election takes seconds, the start of a server with a large store
	// longer.
	nobodyFor = 30 * time.Second
	// closeWait bounds what Close waits for the server.
	closeWait = 2 * time.Second
)

// SourceConfig tunes a Source. The zero value is the default.
type SourceConfig struct {
	Expiry time.Duration // 0: DefaultExpiry
	Linger time.Duration // 0: DefaultLinger; negative: none
}

// Source fetches the messages of a durable. It keeps at most one pull request
// at the server, and what that delivers between two calls of Fetch belongs to
// the next. Fetch is for one goroutine at a time; Close may be called from any.
type Source struct {
	durable *Durable
	conn    *Conn
	cfg     SourceConfig
	subject string // of pull requests
	inbox   string // of deliveries, with a trailing dot; the pull's number follows
	sub     *nats.Subscription
	unwatch func()
	drained chan struct{} // closed when the subscription delivered its last message
	wake    chan struct{} // capacity 1: something in mu changed
	nobody  time.Time     // since when nobody serves the consumer; of the goroutine in Fetch

	mu struct {
		sync.Mutex
		buffer []delivered // not yet returned, in order of arrival
		bytes  int         // of buffer, as the server counts
		want   int         // how many the Fetch that waits was asked for
		pull   pull
		fatal  error // permission, closed connection, deleted consumer, foreign delivery
		closed bool
	}
}

type delivered struct {
	Message
	size int // subject, reply, headers and payload: what counts against a pull's byte limit
}

// NewSource subscribes to what the durable will deliver to this process. The
// caller closes the source.
func (d *Durable) NewSource(cfg SourceConfig) (*Source, error) {
	if cfg.Expiry <= 0 {
		cfg.Expiry = DefaultExpiry
	}
	if limit := d.cfg.MaxRequestExpires; limit > 0 {
		cfg.Expiry = min(cfg.Expiry, limit)
	}
	if cfg.Linger == 0 {
		cfg.Linger = DefaultLinger
	}
	c := d.stream.conn
	s := &Source{
		durable: d, conn: c, cfg: cfg,
		subject: c.api + "CONSUMER.MSG.NEXT." + d.stream.name + "." + d.name,
		inbox:   c.nc.NewInbox() + ".",
		drained: make(chan struct{}),
		wake:    make(chan struct{}, 1),
	}
	sub, err := c.nc.Subscribe(s.inbox+"*", s.receive)
	if err != nil {
		return nil, fmt.Errorf("subscribe to deliveries of consumer %s: %w", d.name, c.explain(context.Background(), err))
	}
	s.sub = sub
	// No limit, so that nats.go never drops a message in silence. What is pending
	// is bounded by the one pull that is out.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, errors.Join(fmt.Errorf("lift pending limits of consumer %s: %w", d.name, err), sub.Unsubscribe())
	}
	sub.SetClosedHandler(func(string) { close(s.drained) })
	s.unwatch = c.watch(s.concerns, s.fail)
	return s, nil
}

// concerns reports whether a denied or overrun subject is one this source needs.
func (s *Source) concerns(subject string) bool {
	return subject == s.subject || subject == s.inbox+"*" ||
		subject == apiPrefix+strings.TrimPrefix(s.subject, s.conn.api) // as isAPI has it
}

// fail makes this and every later Fetch return err.
func (s *Source) fail(err error) {
	s.mu.Lock()
	if s.mu.fatal == nil {
		s.mu.fatal = err
	}
	s.mu.Unlock()
	s.signal()
}

func (s *Source) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// receive is the subscription's callback: the only writer of new messages.
func (s *Source) receive(m *nats.Msg) {
	if m.Reply == "" && len(m.Data) == 0 && m.Header.Get("Status") != "" {
		s.receiveStatus(m)
		return
	}
	msg, err := newMessage(m)
	if err != nil {
		s.fail(fmt.Errorf("message on %s of consumer %s: %w", m.Subject, s.durable.name, err))
		return
	}
	size := m.Size()
	s.mu.Lock()
	s.mu.buffer = append(s.mu.buffer, delivered{msg, size})
	s.mu.bytes += size
	have := len(s.mu.buffer)
	tell := s.mu.pull.deliver(size) || have == 1 || have == s.mu.want
	s.mu.Unlock()
	if tell {
		s.signal()
	}
}

// Close gives back what was delivered and not returned, and ends the
// subscription. A Fetch that waits returns ErrClosed. Close is idempotent; it
// takes as long as a round trip, and at most about two seconds.
func (s *Source) Close() error {
	s.mu.Lock()
	already := s.mu.closed
	s.mu.closed = true
	s.mu.Unlock()
	if already {
		return nil
	}
	s.unwatch()
	s.signal()
	err := s.endSubscription()
	s.mu.Lock()
	left := s.mu.buffer
	s.mu.buffer, s.mu.bytes = nil, 0
	s.mu.Unlock()
	return errors.Join(err, s.giveBack(left))
}

// endSubscription unsubscribes and then waits for what the server had sent
// before it knew. Without a connection there is nothing to wait for: what was
// under way comes again after AckWait.
func (s *Source) endSubscription() error {
	if !s.conn.nc.IsConnected() {
		if err := s.sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			return fmt.Errorf("unsubscribe consumer %s: %w", s.durable.name, err)
		}
		return nil
	}
	if err := s.sub.Drain(); err != nil {
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
			return nil
		}
		return fmt.Errorf("drain consumer %s: %w", s.durable.name, err)
	}
	timer := time.NewTimer(closeWait)
	defer timer.Stop()
	select {
	case <-s.drained:
	case <-timer.C: // the server does not answer; what was under way comes again after AckWait
	}
	return nil
}

func (s *Source) giveBack(left []delivered) error {
	if len(left) == 0 {
		return nil
	}
	msgs := make([]Message, len(left))
	for i := range left {
		msgs[i] = left[i].Message
	}
	if n, err := s.durable.publish("nak", []byte(bodyNak), msgs); err != nil {
		return fmt.Errorf("give back %d of %d messages: %w", n, len(msgs), err)
	}
	return nil
}
