package consumer

import (
	"fmt"
	"sync"
	"time"
)

// LeaseCap is after how many ack waits a lease gives a message up: a stuck
// process must not keep it from its peers for ever.
const LeaseCap = 10

// LeaseConfig says how a Lease keeps messages alive.
type LeaseConfig struct {
	AckWait time.Duration // of the consumer; must be positive
	Cap     time.Duration // total time a message is kept; 0: LeaseCap ack waits

	// Extend restarts the ack wait of messages; Durable.InProgress does. The
	// messages carry no payload and no headers.
	Extend func(...Message) (int, error)
	// Expired, if set, is told the sequences given up after Cap. They are no
	// longer held; the server will deliver them again.
	Expired func(seqs []uint64)
	// Failed, if set, is told that messages could not be extended. It is tried
	// again at the next turn.
	Failed func(err error)
}

// Lease keeps the messages a process holds from being delivered to others. One
// goroutine extends each between AckWait/4 and AckWait/3 after Hold or after its
// last extension. It is safe for concurrent use; Close it when done.
type Lease struct {
	cfg  LeaseConfig
	stop chan struct{}
	done chan struct{}

	mu struct {
		sync.Mutex
		held   map[uint64]holding
		groups []group // by time of their next turn, which is their order
		closed bool
	}
}

// holding is one held message.
type holding struct {
	reply string
	since time.Time // of Hold
	turn  time.Time // of the group it is in: an older group has nothing to do for it
}

// group is what was held or extended at the same moment.
type group struct {
	turn time.Time
	seqs []uint64
}

// NewLease starts a lease.
func NewLease(cfg LeaseConfig) (*Lease, error) {
	if cfg.AckWait <= 0 || cfg.Extend == nil {
		return nil, fmt.Errorf("lease: AckWait %v and Extend must be set", cfg.AckWait)
	}
	if cfg.Cap <= 0 {
		cfg.Cap = LeaseCap * cfg.AckWait
	}
	l := &Lease{cfg: cfg, stop: make(chan struct{}), done: make(chan struct{})}
	l.mu.held = map[uint64]holding{}
	go l.run()
	return l, nil
}

// Hold keeps messages alive from now on. A message that is held already gets
// the newer acknowledgement subject and starts anew: it was delivered again.
func (l *Lease) Hold(msgs ...Message) {
	if len(msgs) == 0 {
		return
	}
	now := time.Now()
	seqs := make([]uint64, len(msgs))
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range msgs {
		seqs[i] = msgs[i].Seq
		l.mu.held[msgs[i].Seq] = holding{reply: msgs[i].reply, since: now, turn: now}
	}
	l.mu.groups = append(l.mu.groups, group{turn: now, seqs: seqs})
}

// Release stops keeping messages alive, by stream sequence. Unknown sequences
// are ignored.
func (l *Lease) Release(seqs ...uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, seq := range seqs {
		delete(l.mu.held, seq)
	}
}

// ReleaseMessages is Release by message.
func (l *Lease) ReleaseMessages(msgs ...Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range msgs {
		delete(l.mu.held, msgs[i].Seq)
	}
}

// Held returns how many messages are kept alive.
func (l *Lease) Held() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mu.held)
}

// Close stops extending and waits for the goroutine. What is still held is
// forgotten, not acknowledged.
func (l *Lease) Close() {
	l.mu.Lock()
	already := l.mu.closed
	l.mu.closed = true
	l.mu.Unlock()
	if !already {
		close(l.stop)
	}
	<-l.done
}

// run takes a turn every AckWait/12. A group is due at AckWait/4, so that it is
// served before AckWait/3.
func (l *Lease) run() {
	defer close(l.done)
	ticker := time.NewTicker(max(l.cfg.AckWait/12, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-ticker.C:
			l.turn(time.Now())
		}
	}
}

// turn extends what is due and gives up what was held too long.
func (l *Lease) turn(now time.Time) {
	due, expired := l.collect(now)
	if len(expired) > 0 && l.cfg.Expired != nil {
		l.cfg.Expired(expired)
	}
	if len(due) == 0 {
		return
	}
	if n, err := l.cfg.Extend(due...); err != nil && l.cfg.Failed != nil {
		l.cfg.Failed(fmt.Errorf("extend %d of %d messages: %w", n, len(due), err))
	}
}

// collect takes the due groups out and puts what is still held of them into one
// new group.
func (l *Lease) collect(now time.Time) (due []Message, expired []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var next []uint64
	n := 0
	for ; n < len(l.mu.groups) && now.Sub(l.mu.groups[n].turn) >= l.cfg.AckWait/4; n++ {
		g := l.mu.groups[n]
		for _, seq := range g.seqs {
			h, ok := l.mu.held[seq]
			switch {
			case !ok || !h.turn.Equal(g.turn): // released, or held again since
			case now.Sub(h.since) >= l.cfg.Cap:
				delete(l.mu.held, seq)
				expired = append(expired, seq)
			default:
				h.turn = now
				l.mu.held[seq] = h
				due = append(due, Message{Seq: seq, reply: h.reply})
				next = append(next, seq)
			}
		}
	}
	l.mu.groups = append(l.mu.groups[:0], l.mu.groups[n:]...)
	if len(next) > 0 {
		l.mu.groups = append(l.mu.groups, group{turn: now, seqs: next})
	}
	return due, expired
}
