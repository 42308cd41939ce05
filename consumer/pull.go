package consumer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// pull is the one request that is at the server. Its number is the last token
// of the subject to which it is answered, so that a late answer to an earlier
// one is told apart; deliveries do not carry it.
type pull struct {
	number   uint64
	open     bool
	messages int       // still to come
	bytes    int       // still allowed; meaningless if unlimited
	limited  bool      // has a byte limit
	got      int       // delivered so far
	seen     time.Time // last sign of life, or the start
	expires  time.Time // when the server gives up
	status   string    // how it ended: one of the constants below, or empty

	generation uint64 // of the connection; after a reconnect the pull may be gone
}

// How a pull can end, other than by being filled.
const (
	endDrained  = "drained"  // nothing more to deliver, or expired
	endTooLarge = "large"    // the next message exceeds what is left of the byte limit
	endNobody   = "nobody"   // no server serves the consumer at the moment
	endLeader   = "leader"   // the server that had it stops serving it
	endFilled   = "filled"   // as many messages or bytes as asked for
	endPending  = "pending"  // other workers' pulls are served first
	endLost     = "lost"     // no sign of it any more
	endRefused  = "refused"  // the server does not take such a pull: an error
	endNoSuch   = "deleted"  // the consumer was deleted
	endWaiting  = "too many" // too many pulls wait at the consumer
)

// deliver counts a message and reports whether the pull ended with it.
func (p *pull) deliver(size int) bool {
	p.seen = time.Now()
	p.got++
	if !p.open {
		return false
	}
	p.messages--
	p.bytes -= size
	if p.messages <= 0 || p.limited && p.bytes <= 0 {
		p.end(endFilled)
		return true
	}
	return false
}

func (p *pull) end(status string) {
	p.open = false
	p.status = status
}

// pullRequest is the body of a request to CONSUMER.MSG.NEXT. With no_wait and
// an expiry the server answers at once with what there is; if there is nothing
// it waits for the first message until the expiry, and then ends the pull as
// soon as there is no more (server v2.15, one-shot pull; measured).
type pullRequest struct {
	Batch    int           `json:"batch"`
	MaxBytes int           `json:"max_bytes,omitempty"`
	Expires  time.Duration `json:"expires"`
	NoWait   bool          `json:"no_wait"`
}

// startPull publishes a request for up to n messages and maxBytes bytes (0: no
// limit), clamped to what the consumer allows.
func (s *Source) startPull(n, maxBytes int, expiry time.Duration) error {
	limits := &s.durable.cfg
	if limits.MaxRequestBatch > 0 {
		n = min(n, limits.MaxRequestBatch)
	}
	if limit := limits.MaxRequestMaxBytes; limit > 0 && (maxBytes == 0 || maxBytes > limit) {
		maxBytes = limit
	}
	body, err := json.Marshal(pullRequest{Batch: n, MaxBytes: maxBytes, Expires: expiry, NoWait: true})
	if err != nil {
		return fmt.Errorf("pull from consumer %s: %w", s.durable.name, err)
	}
	now := time.Now()
	s.mu.Lock()
	number := s.mu.pull.number + 1
	s.mu.pull = pull{
		number: number, open: true, messages: n, bytes: maxBytes, limited: maxBytes > 0,
		seen: now, expires: now.Add(expiry), generation: s.conn.generation.Load(),
	}
	s.mu.Unlock()
	err = s.conn.nc.PublishRequest(s.subject, s.inbox+strconv.FormatUint(number, 10), body)
	if err != nil {
		s.mu.Lock()
		s.mu.pull.end(endLost)
		s.mu.Unlock()
		if errors.Is(err, nats.ErrConnectionClosed) {
			err = fmt.Errorf("%w: %w", ErrClosed, err)
		}
		return fmt.Errorf("pull from consumer %s: %w", s.durable.name, err)
	}
	return nil
}

// receiveStatus takes the server's word on a pull: a message without payload
// and reply, with a code and a description as headers.
func (s *Source) receiveStatus(m *nats.Msg) {
	number, ok := parseDecimal(strings.TrimPrefix(m.Subject, s.inbox))
	code, text := m.Header.Get("Status"), m.Header.Get("Description")
	how := endOf(code, text)
	s.mu.Lock()
	p := &s.mu.pull
	current := ok && p.open && p.number == number
	if current {
		p.seen = time.Now()
		if how != "" {
			p.end(how)
		}
		if how == endRefused && s.mu.fatal == nil {
			s.mu.fatal = fmt.Errorf("pull from consumer %s: the server answered %s %s", s.durable.name, code, text)
		}
	}
	s.mu.Unlock()
	if current {
		s.signal()
	}
}

// endOf says what a status means for its pull; empty: it goes on. Codes and
// texts are those of server v2.15 (consumer.go), compared without case.
func endOf(code, text string) string {
	text = strings.ToLower(text)
	has := func(part string) bool { return strings.Contains(text, part) }
	switch code {
	case "100": // idle heartbeat
		return ""
	case "404":
		return endDrained
	case "408":
		if has("requests pending") {
			return endPending
		}
		return endDrained
	case "503":
		return endNobody
	case "409":
		switch {
		case has("exceeds maxbytes"):
			return endTooLarge
		case has("batch completed"):
			return endFilled
		case has("consumer deleted"):
			return endNoSuch
		case has("leadership"), has("server shutdown"):
			return endLeader
		case has("maxwaiting"):
			return endWaiting
		case has("maxackpending"):
			return endDrained
		}
	}
	return endRefused
}
