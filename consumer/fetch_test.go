package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// Everything published comes once, in whatever portions.
func TestFetchAll(t *testing.T) {
	for _, size := range []struct{ n, maxBytes int }{{1, 0}, {7, 0}, {1000, 0}, {5000, 16 << 20}, {3000, 50_000}} {
		w := newWorld(t)
		d := create(t, w.stream, consumer.DurableConfig{})
		src := source(t, d, consumer.SourceConfig{})
		total := min(3001, size.n*40)
		w.publish(total, 170)
		f := fetched{}
		w.drain(f, d, src, size.n, size.maxBytes)
		w.once(f)
		if err := d.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		st, err := d.State(t.Context())
		if err != nil || st.NumPending != 0 || st.NumAckPending != 0 || st.AckFloor != uint64(total) {
			t.Errorf("n=%d: state %+v, %v", size.n, st, err)
		}
	}
}

// A quiet topic costs one request an expiry and returns none without error.
func TestFetchQuietTopic(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: 300 * time.Millisecond})
	before := w.conn.NATS().Stats().OutMsgs
	start := time.Now()
	for range 3 {
		msgs, err := src.Fetch(t.Context(), 100, 0)
		if err != nil || len(msgs) != 0 {
			t.Fatalf("%d messages, %v", len(msgs), err)
		}
	}
	if took := time.Since(start); took < 800*time.Millisecond || took > 1500*time.Millisecond {
		t.Errorf("three fetches took %v, want about 900ms", took)
	}
	if sent := w.conn.NATS().Stats().OutMsgs - before; sent > 4 {
		t.Errorf("three fetches sent %d requests", sent)
	}
}

// What has arrived is handed over soon after more stops coming, not when the
// expiry ends; and a message wakes a Fetch that waits.
func TestFetchReturnsEarly(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: 5 * time.Second})
	w.publish(50, 100)
	start := time.Now()
	msgs, err := src.Fetch(t.Context(), 1000, 0)
	if err != nil || len(msgs) != 50 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("50 of 1000 took %v", took)
	}
	type result struct {
		msgs []consumer.Message
		at   time.Time
		err  error
	}
	got := make(chan result, 1)
	go func() {
		msgs, err := src.Fetch(t.Context(), 1000, 0)
		got <- result{msgs, time.Now(), err}
	}()
	w.awaitPull(d)
	w.publish(1, 100)
	published := time.Now()
	r := <-got
	if r.err != nil || len(r.msgs) != 1 {
		t.Fatalf("%d messages, %v", len(r.msgs), r.err)
	}
	if took := r.at.Sub(published); took > 500*time.Millisecond {
		t.Errorf("a waiting fetch took %v", took)
	}
}

// Messages of 174 KB, far more than any client limit in all, come once each and
// never more bytes at a time than asked for.
func TestFetchByteLimit(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	const size, count, limit = 174_000, 600, 16 << 20
	w.publish(count, size)
	f := fetched{}
	for len(f) < count {
		msgs, err := src.Fetch(t.Context(), 1000, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(msgs) > limit/size || len(msgs) == 0 {
			t.Fatalf("%d messages of %d bytes at once", len(msgs), size)
		}
		w.check(f, msgs)
		if _, err := d.Ack(msgs...); err != nil {
			t.Fatal(err)
		}
	}
	w.once(f)
}

// Without a byte limit 1,000 large messages come whole: nothing is dropped on
// the way, as it is by a subscription with limits.
func TestFetchManyLarge(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(300, 174_000) // 52 MB: below the server's own limit of 64 MB for what a client has not read
	f := fetched{}
	w.drain(f, d, src, 1000, 0)
	w.once(f)
}

// A message larger than the limit comes by itself, and its neighbours too.
func TestFetchOversize(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(3, 100)
	w.publish(1, 50_000)
	w.publish(3, 100)
	f := fetched{}
	var portions []int
	for len(f) < 7 {
		msgs, err := src.Fetch(t.Context(), 100, 10_000)
		if err != nil {
			t.Fatal(err)
		}
		w.check(f, msgs)
		portions = append(portions, len(msgs))
	}
	if len(portions) != 3 || portions[1] != 1 {
		t.Errorf("portions %v, want 3 1 3", portions)
	}
}

// A consumer at MaxAckPending hands over what it may, and goes on after acks.
func TestFetchMaxAckPending(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{MaxAckPending: 100})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(250, 100)
	start := time.Now()
	msgs, err := src.Fetch(t.Context(), 200, 0)
	if err != nil || len(msgs) != 100 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("100 of 200 took %v", took)
	}
	f := fetched{}
	w.check(f, msgs)
	if _, err := d.Ack(msgs...); err != nil {
		t.Fatal(err)
	}
	w.drain(f, d, src, 200, 0)
	w.once(f)
}

// A consumer with limits of its own on pulls is asked within them.
func TestFetchRequestLimits(t *testing.T) {
	w := newWorld(t)
	_, err := w.conn.JetStream().CreateConsumer(t.Context(), "PERSISTING", jetstream.ConsumerConfig{
		Durable: "limited", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "persisting.demo", MaxDeliver: -1,
		MaxRequestBatch: 10, MaxRequestExpires: 300 * time.Millisecond, MaxRequestMaxBytes: 5000,
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.stream.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo", Name: "limited"})
	if err != nil {
		t.Fatal(err)
	}
	src := source(t, d, consumer.SourceConfig{})
	w.publish(300, 100)
	f := fetched{}
	w.drain(f, d, src, 100, 0)
	w.once(f)
	if msgs, err := src.Fetch(t.Context(), 100, 0); err != nil || len(msgs) != 0 {
		t.Errorf("%d messages, %v", len(msgs), err)
	}
}

// Two sources share a durable: all comes, and nothing twice.
func TestFetchShared(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	w.publish(20_000, 100)
	sources := []*consumer.Source{
		source(t, d, consumer.SourceConfig{Expiry: 200 * time.Millisecond}),
		source(t, d, consumer.SourceConfig{Expiry: 200 * time.Millisecond}),
	}
	type portion struct {
		from int
		msgs []consumer.Message
		err  error
	}
	got := make(chan portion)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	time.AfterFunc(30*time.Second, cancel)
	for i, src := range sources {
		go func() {
			for {
				msgs, err := src.Fetch(ctx, 1000, 0)
				got <- portion{i, msgs, err}
				if err != nil {
					return
				}
			}
		}()
	}
	f, share := fetched{}, [2]int{}
	for running := 2; running > 0; {
		p := <-got
		if p.err != nil {
			if !errors.Is(p.err, context.Canceled) {
				t.Error(p.err)
			}
			running--
		}
		w.check(f, p.msgs)
		share[p.from] += len(p.msgs)
		if _, err := d.Ack(p.msgs...); err != nil {
			t.Fatal(err)
		}
		if len(f) == len(w.acked) {
			cancel()
		}
	}
	if len(f) != 20_000 || share[0] == 0 || share[1] == 0 {
		t.Errorf("%d came, shared %v", len(f), share)
	}
	w.once(f)
}

// Messages of a Fetch that was cancelled, or that its source had when it was
// closed, come again at once and not after the ack wait.
func TestFetchGivesBack(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{MaxAckPending: 50, AckWait: time.Hour})
	src, err := d.NewSource(consumer.SourceConfig{Linger: 30 * time.Second, Expiry: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	w.publish(40, 100)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if msgs, err := src.Fetch(ctx, 100, 0); !errors.Is(err, context.DeadlineExceeded) || len(msgs) != 0 {
		t.Fatalf("%d messages, %v", len(msgs), err)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if err := src.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	if _, err := src.Fetch(t.Context(), 1, 0); !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("fetch after close: %v", err)
	}
	f := fetched{}
	other := source(t, d, consumer.SourceConfig{})
	start := time.Now()
	w.drain(f, d, other, 100, 0)
	w.once(f)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("coming again took %v", took)
	}
}

// Close wakes a Fetch that waits.
func TestCloseWakesFetch(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: time.Minute})
	got := make(chan error, 1)
	go func() {
		_, err := src.Fetch(t.Context(), 1, 0)
		got <- err
	}()
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A deleted consumer and a deleted stream end a Fetch with the reason.
func TestFetchDeletedConsumer(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: 10 * time.Second})
	got := make(chan error, 1)
	go func() {
		_, err := src.Fetch(t.Context(), 1, 0)
		got <- err
	}()
	w.awaitPull(d)
	if err := w.conn.JetStream().DeleteConsumer(t.Context(), "PERSISTING", d.Name()); err != nil {
		t.Fatal(err)
	}
	if err := <-got; !errors.Is(err, consumer.ErrNoConsumer) {
		t.Errorf("under a waiting fetch: %v", err)
	}
	start := time.Now()
	if _, err := src.Fetch(t.Context(), 1, 0); !errors.Is(err, consumer.ErrNoConsumer) || time.Since(start) > 2*time.Second {
		t.Errorf("afterwards: %v after %v", err, time.Since(start))
	}
	if err := w.conn.JetStream().DeleteStream(t.Context(), "PERSISTING"); err != nil {
		t.Fatal(err)
	}
	if _, err := src.Fetch(t.Context(), 1, 0); !errors.Is(err, consumer.ErrNoStream) && !errors.Is(err, consumer.ErrNoConsumer) {
		t.Errorf("without a stream: %v", err)
	}
}

func TestFetchRefuses(t *testing.T) {
	w := newWorld(t)
	src := source(t, create(t, w.stream, consumer.DurableConfig{}), consumer.SourceConfig{})
	for _, c := range [][2]int{{0, 0}, {-1, 0}, {1, -1}} {
		if _, err := src.Fetch(t.Context(), c[0], c[1]); err == nil {
			t.Errorf("Fetch(%d, %d) was accepted", c[0], c[1])
		}
	}
}
