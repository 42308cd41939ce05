package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fetch is the state of one call of Fetch.
type fetch struct {
	s         *Source
	n         int
	maxBytes  int // 0: no limit
	deadline  time.Time
	pulled    bool // this call sent a pull
	lingered  bool // the gathering pause is over
	tail      bool // the pull after it was sent
	unlimited bool // the next message alone exceeds maxBytes
}

// Fetch returns up to n messages of together at most maxBytes bytes (subject,
// reply, headers and payload; 0: no limit), at least one if there is any: a
// message that alone exceeds maxBytes comes by itself. It returns as soon as
// either limit is reached; when there is no more it gathers for about
// SourceConfig.Linger after the first message; without any it returns none
// after SourceConfig.Expiry. Messages come in the order the server delivered
// them, redeliveries among them, and belong to the caller, who must ack, nak or
// extend each.
//
// While the connection is being made again Fetch returns none, without error.
// When ctx ends, what was gathered is given back to the server. An error that
// wraps ErrNoConsumer, ErrNoStream, ErrPermission or ErrClosed is final.
func (s *Source) Fetch(ctx context.Context, n, maxBytes int) ([]Message, error) {
	if n <= 0 || maxBytes < 0 {
		return nil, fmt.Errorf("fetch %d messages of %d bytes: want at least one message, and no negative limit", n, maxBytes)
	}
	s.mu.Lock()
	s.mu.want = n
	s.mu.Unlock()
	f := fetch{s: s, n: n, maxBytes: maxBytes, deadline: time.Now().Add(s.cfg.Expiry)}
	timer := time.NewTimer(s.cfg.Expiry)
	defer timer.Stop()
	for {
		step, err := f.next(ctx)
		if err != nil {
			return nil, s.abandon(err)
		}
		if step.done {
			return s.take(n, maxBytes), nil
		}
		timer.Reset(step.wait)
		wake := s.wake
		if step.sleep {
			wake = nil
		}
		select {
		case <-wake:
		case <-timer.C:
		case <-ctx.Done():
			return nil, s.abandon(context.Cause(ctx))
		}
	}
}

// step says what Fetch does next: return what there is, or wait.
type step struct {
	done  bool
	wait  time.Duration
	sleep bool // wait out the time, whatever arrives
}

// next looks at the source, starts a pull if none is out, and decides.
func (f *fetch) next(ctx context.Context) (step, error) {
	s := f.s
	now := time.Now()
	s.mu.Lock()
	p := &s.mu.pull
	have, bytes, closed, fatal := len(s.mu.buffer), s.mu.bytes, s.mu.closed, s.mu.fatal
	if p.open && (p.generation != s.conn.generation.Load() ||
		now.After(p.expires.Add(lostAfter)) && now.Sub(p.seen) > lostAfter) {
		p.end(endLost)
	}
	current := *p
	if !p.open {
		p.status = ""
	}
	s.mu.Unlock()
	switch {
	case closed:
		return step{}, fmt.Errorf("fetch from consumer %s: source: %w", s.durable.name, ErrClosed)
	case have >= f.n, f.maxBytes > 0 && bytes >= f.maxBytes:
		return step{done: true}, nil
	case fatal != nil && have > 0: // hand over what is good; the next call fails
		return step{done: true}, nil
	case fatal != nil:
		return step{}, fatal
	case current.open:
		return f.waitFor(&current, have, now), nil
	}
	return f.after(ctx, &current, have, bytes, now)
}

// waitFor decides how long to wait for the pull that is out.
func (f *fetch) waitFor(p *pull, have int, now time.Time) step {
	if have > 0 {
		if quiet := now.Sub(p.seen); quiet < quietAfter {
			return step{wait: quietAfter - quiet}
		}
		return step{done: true}
	}
	if now.After(f.deadline) && now.Sub(f.deadline) > f.s.cfg.Expiry/2 {
		return step{done: true} // left to the next call
	}
	return step{wait: max(f.s.cfg.Expiry/2, 10*time.Millisecond)}
}

// after decides what follows a pull that ended (or none at all).
func (f *fetch) after(ctx context.Context, p *pull, have, bytes int, now time.Time) (step, error) {
	s := f.s
	left := f.deadline.Sub(now)
	switch p.status {
	case endNoSuch: // not looked up: it may show for a moment longer
		return step{}, fmt.Errorf("fetch from consumer %s of stream %s: it was deleted: %w",
			s.durable.name, s.durable.stream.name, ErrNoConsumer)
	case endNobody:
		if have == 0 {
			if err := s.whyNobody(ctx, now); err != nil {
				return step{}, err
			}
		}
	case endDrained, endFilled:
		s.nobody = time.Time{}
	case endTooLarge:
		if have > 0 {
			return step{done: true}, nil
		}
		f.unlimited = true
	}
	if have > 0 {
		return f.gather(p, have, bytes)
	}
	if left <= 0 {
		return step{done: true}, nil
	}
	if !s.conn.nc.IsConnected() || idle(p.status) {
		// Ask again a little later, instead of in a circle.
		return step{wait: min(left, askAgain), sleep: true}, nil
	}
	f.pulled = true
	n, maxBytes := f.n, f.maxBytes
	if f.unlimited {
		n, maxBytes = 1, 0
	}
	if err := s.startPull(n, maxBytes, max(left, tailWait)); err != nil {
		return step{}, err
	}
	return step{wait: left + lostAfter}, nil
}

// idle reports whether a pull ended, before its expiry and without a message,
// in a way that would repeat at once.
func idle(status string) bool {
	switch status {
	case endPending, endNobody, endLeader, endWaiting, endLost:
		return true
	}
	return false
}

// gather goes on after a pull that took all there was: a pause, in which more
// may arrive at the server, and one more pull.
func (f *fetch) gather(p *pull, have, bytes int) (step, error) {
	s := f.s
	if f.tail || s.cfg.Linger < 0 || !s.conn.nc.IsConnected() || f.unlimited {
		return step{done: true}, nil
	}
	if f.pulled && !f.lingered && p.status != endFilled {
		f.lingered = true
		return step{wait: s.cfg.Linger, sleep: true}, nil
	}
	f.tail, f.pulled = f.lingered, true
	maxBytes := 0
	if f.maxBytes > 0 {
		maxBytes = f.maxBytes - bytes
	}
	if err := s.startPull(f.n-have, maxBytes, tailWait); err != nil {
		return step{}, err
	}
	return step{wait: quietAfter}, nil
}

// whyNobody asks the server why nobody serves the consumer. While a server is
// elected or starts, that is so for some time and no error.
func (s *Source) whyNobody(ctx context.Context, now time.Time) error {
	if s.nobody.IsZero() {
		s.nobody = now
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err := s.durable.stream.consumerInfo(ctx, s.durable.name)
	switch {
	case errors.Is(err, ErrNoConsumer), errors.Is(err, ErrNoStream), errors.Is(err, ErrPermission), errors.Is(err, ErrClosed):
		return err
	case now.Sub(s.nobody) < nobodyFor:
		return nil
	case err != nil:
		return fmt.Errorf("fetch from consumer %s: nobody serves it for %v: %w", s.durable.name, nobodyFor, err)
	}
	return fmt.Errorf("fetch from consumer %s: nobody serves it for %v, although it is there", s.durable.name, nobodyFor)
}

// take removes from the buffer what one Fetch returns.
func (s *Source) take(n, maxBytes int) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	count, bytes := 0, 0
	for count < min(n, len(s.mu.buffer)) {
		size := s.mu.buffer[count].size
		if count > 0 && maxBytes > 0 && bytes+size > maxBytes {
			break
		}
		bytes += size
		count++
	}
	if count == 0 {
		return nil
	}
	msgs := make([]Message, count)
	for i := range msgs {
		msgs[i] = s.mu.buffer[i].Message
	}
	rest := copy(s.mu.buffer, s.mu.buffer[count:])
	clear(s.mu.buffer[rest:])
	s.mu.buffer = s.mu.buffer[:rest]
	s.mu.bytes -= bytes
	return msgs
}

// abandon gives back what is in the buffer and returns why.
func (s *Source) abandon(why error) error {
	if err := s.release(); err != nil && !errors.Is(why, ErrClosed) {
		return fmt.Errorf("%w (and %w)", why, err)
	}
	return why
}

// release gives back what is in the buffer.
func (s *Source) release() error {
	s.mu.Lock()
	left := s.mu.buffer
	s.mu.buffer, s.mu.bytes = nil, 0
	s.mu.Unlock()
	return s.giveBack(left)
}
