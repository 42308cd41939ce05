package schedule

import (
	"maps"
	"slices"
	"time"
)

const ackWait = 10 * time.Second

// message is one publication, by an id of its own: after a rewind two of them can have
// one sequence.
type message struct {
	uid  int64
	seq  uint64
	time time.Time
	kind kind

	delivered int
	delivery  uint64    // the consumer's number of its first delivery
	ready     time.Time // not delivered again before
	acked     bool      // the server took an ack of it
}

// stream models what a consumer of JetStream does to its workers.
type stream struct {
	w         *world
	first     uint64 // nothing below is there any more
	last      uint64
	live      map[uint64]*message // neither acked nor gone
	history   map[int64]*message  // all there ever were
	dead      map[uint64]int64    // dead letters by sequence
	top       uint64              // highest delivered
	dealt     uint64              // deliveries made
	lastTime  time.Time
	acked     bool
	rewound   bool
	purged    bool
	deliverBy int // deliveries of one message at most; 0: any number
}

func newStream(w *world) *stream {
	return &stream{w: w, lastTime: time.Now(), live: map[uint64]*message{}, history: map[int64]*message{}, dead: map[uint64]int64{}}
}

// publish stores a message. Store times are wall clocks of servers: not monotone.
func (s *stream) publish(k kind) {
	s.last++
	at := time.Now().Add(time.Duration(s.w.rng.IntN(2000)-1000) * time.Millisecond)
	if s.rewound {
		at = s.lastTime.Add(time.Second) // a server that comes back late
	}
	if at.After(s.lastTime) {
		s.lastTime = at
	}
	m := &message{uid: int64(len(s.history) + 1), seq: s.last, time: at, kind: k}
	s.live[m.seq], s.history[m.uid] = m, m
}

// fetch deals out up to n messages: those that come again first.
func (s *stream) fetch(n int) []*message {
	var out []*message
	now := time.Now()
	for _, again := range []bool{true, false} {
		for _, seq := range slices.Sorted(maps.Keys(s.live)) {
			m := s.live[seq]
			if len(out) == n || (m.delivered > 0) != again || now.Before(m.ready) {
				continue
			}
			if s.deliverBy > 0 && m.delivered >= s.deliverBy {
				continue
			}
			m.delivered++
			s.dealt++
			if m.delivered == 1 {
				m.delivery = s.dealt
			}
			m.ready = now.Add(ackWait)
			s.top = max(s.top, seq)
			out = append(out, m)
		}
	}
	return out
}

func (s *stream) ack(m *message) {
	if s.live[m.seq] != m {
		return
	}
	m.acked, s.acked = true, true
	delete(s.live, m.seq)
}

// floor is the highest sequence below which nothing will be delivered again.
func (s *stream) floor() uint64 {
	floor := s.top
	for seq, m := range s.live {
		if m.delivered > 0 && seq <= floor {
			floor = seq - 1
		}
	}
	return floor
}

// ackedDeliveries is floor in deliveries, of which each is at its first.
func (s *stream) ackedDeliveries() uint64 {
	floor := s.dealt
	for _, m := range s.live {
		if m.delivered > 0 {
			floor = min(floor, m.delivery-1)
		}
	}
	return floor
}

// bury publishes a dead letter, expecting that there is none of this sequence.
func (s *stream) bury(m *message) {
	if _, there := s.dead[m.seq]; !there {
		s.dead[m.seq] = m.uid
	}
}

// purge removes the oldest messages, delivered or not.
func (s *stream) purge(n int) {
	s.purged = true
	for i, seq := range slices.Sorted(maps.Keys(s.live)) {
		if i < n {
			delete(s.live, seq)
			s.top = max(s.top, seq)
			s.first = seq + 1
		}
	}
}

// rewind loses the last n sequences, as a server does that had not synced them.
func (s *stream) rewind(n uint64) {
	s.rewound = true
	n = min(n, s.last)
	s.last -= n
	for seq := range s.live {
		if seq > s.last {
			delete(s.live, seq)
		}
	}
	s.top = min(s.top, s.last)
	s.first = min(s.first, s.last+1)
}
