package consumer

import "testing"

// A Fetch takes of what an earlier pull left no more than it was asked for, in
// order, and leaves the rest to the next.
func TestTake(t *testing.T) {
	s := &Source{}
	for seq := range uint64(10) {
		s.mu.buffer = append(s.mu.buffer, delivered{Message{Seq: seq}, 100})
		s.mu.bytes += 100
	}
	next := uint64(0)
	for _, c := range []struct{ n, maxBytes, want int }{
		{3, 0, 3}, {5, 250, 2}, {5, 50, 1}, {100, 200, 2}, {100, 10_000, 2}, {1, 0, 0},
	} {
		msgs := s.take(c.n, c.maxBytes)
		if len(msgs) != c.want {
			t.Errorf("take(%d, %d) gave %d, want %d", c.n, c.maxBytes, len(msgs), c.want)
		}
		for _, m := range msgs {
			if m.Seq != next {
				t.Errorf("message %d, want %d", m.Seq, next)
			}
			next++
		}
		if s.mu.bytes != 100*len(s.mu.buffer) {
			t.Errorf("%d bytes counted for %d messages", s.mu.bytes, len(s.mu.buffer))
		}
	}
}
