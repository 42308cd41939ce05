package consumer_test

import (
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// first fetches until one message comes and returns it with the time it took.
func first(t testing.TB, src *consumer.Source) (consumer.Message, time.Duration) {
	t.Helper()
	start := time.Now()
	for time.Since(start) < time.Minute {
		msgs, err := src.Fetch(t.Context(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(msgs) == 1 {
			return msgs[0], time.Since(start)
		}
	}
	t.Fatal("no message came")
	return consumer.Message{}, 0
}

// A message without sign of life comes again after the ack wait, marked so; its
// new copy can be acknowledged, and so can its old one.
func TestRedelivery(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{AckWait: time.Second})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(1, 10)
	m1, _ := first(t, src)
	m2, after := first(t, src)
	if m1.Seq != m2.Seq || m1.Delivered != 1 || m2.Delivered != 2 || m2.ConsumerSeq <= m1.ConsumerSeq || !m1.Time.Equal(m2.Time) {
		t.Errorf("%+v came again as %+v", m1, m2)
	}
	if after < 500*time.Millisecond || after > 5*time.Second {
		t.Errorf("came again after %v", after)
	}
	m1.Data, m1.Header = nil, nil
	if _, err := d.Ack(m1); err != nil {
		t.Fatal(err)
	}
	if err := d.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	st, err := d.State(t.Context())
	if err != nil || st.NumAckPending != 0 || st.AckFloor != 1 {
		t.Errorf("state %+v, %v", st, err)
	}
}

// A lease keeps a message from coming again, for as long as it is held.
func TestInProgressKeeps(t *testing.T) {
	w := newWorld(t)
	const wait = time.Second
	d := create(t, w.stream, consumer.DurableConfig{AckWait: wait})
	src := source(t, d, consumer.SourceConfig{Expiry: 200 * time.Millisecond})
	w.publish(1, 10)
	m, _ := first(t, src)
	l, err := consumer.NewLease(consumer.LeaseConfig{AckWait: wait, Extend: d.InProgress})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Hold(m)
	for start := time.Now(); time.Since(start) < 4*wait; {
		if msgs, err := src.Fetch(t.Context(), 1, 0); err != nil || len(msgs) != 0 {
			t.Fatalf("%d messages came after %v, %v", len(msgs), time.Since(start), err)
		}
	}
	l.Release(m.Seq)
	if again, after := first(t, src); again.Seq != m.Seq || after > 5*wait {
		t.Errorf("message %d came %v after the release", again.Seq, after)
	}
}

// A message given back with a delay comes after it, and not after the ack wait.
func TestNakDelay(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{AckWait: time.Hour})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(1, 10)
	m, _ := first(t, src)
	if err := d.Nak(m, 700*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	m, after := first(t, src)
	if m.Delivered != 2 || after < 600*time.Millisecond || after > 5*time.Second {
		t.Errorf("delivery %d came after %v, want 700ms", m.Delivered, after)
	}
	if err := d.Nak(m, 0); err != nil {
		t.Fatal(err)
	}
	if m, after = first(t, src); m.Delivered != 3 || after > 2*time.Second {
		t.Errorf("delivery %d came after %v, want at once", m.Delivered, after)
	}
}

// A message that was not fetched cannot be acknowledged, and says so; the others
// of the call are.
func TestAckOfNothing(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	if err := d.Confirm(t.Context()); err != nil {
		t.Errorf("confirm without acks: %v", err)
	}
	w.publish(1, 10)
	m, _ := first(t, src)
	if n, err := d.Ack(consumer.Message{Seq: 9}, m); n != 1 || err == nil {
		t.Errorf("published %d, %v", n, err)
	}
	if n, err := d.Ack(); n != 0 || err != nil {
		t.Errorf("published %d of none, %v", n, err)
	}
	if err := d.Confirm(t.Context()); err != nil {
		t.Error(err)
	}
	if st, err := d.State(t.Context()); err != nil || st.NumAckPending != 0 {
		t.Errorf("state %+v, %v", st, err)
	}
}

// Confirm means that the consumer has taken every ack, thousands at once.
func TestConfirm(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	const n = 20_000
	w.publish(n, 50)
	for done := 0; done < n; {
		msgs, err := src.Fetch(t.Context(), n, 0)
		if err != nil {
			t.Fatal(err)
		}
		done += len(msgs)
		if _, err := d.Ack(msgs...); err != nil {
			t.Fatal(err)
		}
		if err := d.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		// More may have been delivered meanwhile: Fetch returns when it is quiet for a moment.
		if st, err := d.State(t.Context()); err != nil || st.AckFloor != uint64(done) || done == n && st.NumAckPending != 0 {
			t.Fatalf("after %d: state %+v, %v", done, st, err)
		}
	}
}
