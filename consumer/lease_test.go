package consumer

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// server counts, per sequence, how long a message went without sign of life.
type server struct {
	mu      sync.Mutex
	last    map[uint64]time.Time
	longest map[uint64]time.Duration
	subject map[uint64]string
	turns   map[uint64]int
	fail    error
}

func (s *server) extend(msgs ...Message) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, s.fail
	}
	for _, m := range msgs {
		now := time.Now()
		s.longest[m.Seq] = max(s.longest[m.Seq], now.Sub(s.last[m.Seq]))
		s.last[m.Seq] = now
		s.subject[m.Seq] = m.reply
		s.turns[m.Seq]++
	}
	return len(msgs), nil
}

func (s *server) receive(l *Lease, msgs ...Message) {
	s.mu.Lock()
	for _, m := range msgs {
		s.last[m.Seq] = time.Now()
	}
	s.mu.Unlock()
	l.Hold(msgs...)
}

func newServer() *server {
	return &server{last: map[uint64]time.Time{}, longest: map[uint64]time.Duration{}, subject: map[uint64]string{}, turns: map[uint64]int{}}
}

func messages(from, to uint64) []Message {
	var msgs []Message
	for seq := from; seq <= to; seq++ {
		msgs = append(msgs, Message{Seq: seq, reply: "first"})
	}
	return msgs
}

func newLease(t *testing.T, cfg LeaseConfig) *Lease {
	t.Helper()
	l, err := NewLease(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Messages held at odd moments are extended at least every AckWait/3, and not
// again after their release.
func TestLeaseExtends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 10 * time.Second
		s := newServer()
		l := newLease(t, LeaseConfig{AckWait: wait, Extend: s.extend})
		defer l.Close()
		for i := range uint64(10) {
			s.receive(l, messages(i*100, i*100+99)...)
			time.Sleep(317 * time.Millisecond)
		}
		s.receive(l, messages(900, 901)...) // delivered again: one extension a turn, not two
		l.Release(5, 6)
		l.ReleaseMessages(messages(7, 7)...)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if got := l.Held(); got != 997 {
			t.Errorf("%d held, want 997", got)
		}
		for seq, longest := range s.longest {
			if longest > wait/3 {
				t.Errorf("message %d went %v without an extension", seq, longest)
			}
		}
		if again, other := s.turns[901], s.turns[902]; again > other {
			t.Errorf("a message held twice was extended %d times, others %d times", again, other)
		}
		for _, seq := range []uint64{5, 6, 7} {
			if since := time.Since(s.last[seq]); since < 40*time.Second {
				t.Errorf("message %d was extended after its release, %v ago", seq, since)
			}
		}
		if since := time.Since(s.last[8]); since > wait/3 {
			t.Errorf("message 8 was not extended for %v", since)
		}
	})
}

// After ten ack waits a message is given up, and said to be.
func TestLeaseExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 6 * time.Second
		s := newServer()
		var expired []uint64
		var at []time.Duration
		start := time.Now()
		l := newLease(t, LeaseConfig{AckWait: wait, Extend: s.extend, Expired: func(seqs []uint64) {
			expired = append(expired, seqs...)
			at = append(at, time.Since(start))
		}})
		defer l.Close()
		s.receive(l, messages(1, 3)...)
		time.Sleep(30 * time.Second)
		s.receive(l, Message{Seq: 2, reply: "second"}) // delivered again: starts anew
		time.Sleep(35 * time.Second)
		synctest.Wait()
		slices.Sort(expired)
		if !slices.Equal(expired, []uint64{1, 3}) || at[0] < 10*wait || at[0] > 10*wait+wait/3 {
			t.Errorf("expired %v at %v, want 1 and 3 at about a minute", expired, at)
		}
		if s.subject[2] != "second" || l.Held() != 1 {
			t.Errorf("message 2 was extended on %q, %d held", s.subject[2], l.Held())
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if len(expired) != 3 || l.Held() != 0 {
			t.Errorf("expired %v, %d held", expired, l.Held())
		}
	})
}

// A failed extension is told and tried again.
func TestLeaseRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		var failures []error
		s.fail = errors.New("no connection")
		l := newLease(t, LeaseConfig{AckWait: 12 * time.Second, Extend: s.extend, Failed: func(err error) {
			failures = append(failures, err)
		}})
		defer l.Close()
		s.receive(l, messages(1, 1)...)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if len(failures) != 1 || !errors.Is(failures[0], s.fail) {
			t.Fatalf("failures %v", failures)
		}
		s.mu.Lock()
		s.fail = nil
		s.mu.Unlock()
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if len(s.longest) != 1 {
			t.Error("not extended after the failure")
		}
	})
}

// Close ends the goroutine, twice is allowed, and nothing is extended afterwards.
func TestLeaseClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer()
		l := newLease(t, LeaseConfig{AckWait: time.Second, Extend: s.extend})
		s.receive(l, messages(1, 1)...)
		l.Close()
		l.Close()
		time.Sleep(5 * time.Second)
		if len(s.longest) != 0 {
			t.Error("extended after Close")
		}
	})
	if _, err := NewLease(LeaseConfig{}); err == nil {
		t.Error("a lease without AckWait was made")
	}
}
