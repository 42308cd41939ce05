package consumer_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, natsenv.Leaks()...) }

// connect makes a connection that ends with the test.
func connect(t testing.TB, cfg consumer.Config) *consumer.Conn {
	t.Helper()
	c, err := consumer.Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func ensureStream(t testing.TB, c *consumer.Conn, cfg consumer.StreamConfig) *consumer.Stream {
	t.Helper()
	cfg.Provision = true
	s, err := c.EnsureStream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t testing.TB, s *consumer.Stream, cfg consumer.DurableConfig) *consumer.Durable {
	t.Helper()
	if cfg.Topic == "" {
		cfg.Topic = "demo"
	}
	d, err := s.Create(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func source(t testing.TB, d *consumer.Durable, cfg consumer.SourceConfig) *consumer.Source {
	t.Helper()
	src, err := d.NewSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := src.Close(); err != nil {
			t.Errorf("close source: %v", err)
		}
	})
	return src
}

// world is one node with the stream and topic of most tests.
type world struct {
	t      testing.TB
	node   *natsenv.Node
	conn   *consumer.Conn
	stream *consumer.Stream
	acked  map[uint64]natsenv.Sum
}

func newWorld(t testing.TB) *world {
	t.Helper()
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}, Instance: "test"})
	return &world{
		t: t, node: n, conn: c, acked: map[uint64]natsenv.Sum{},
		stream: ensureStream(t, c, consumer.StreamConfig{}),
	}
}

// publish adds n messages of size bytes to the topic demo and to the history.
func (w *world) publish(n, size int) {
	w.t.Helper()
	acked, err := natsenv.Publish(w.t.Context(), w.conn.JetStream(), "persisting.demo", "", n, func(i int) []byte {
		b := make([]byte, size)
		copy(b, fmt.Sprintf("%d of %d after %d", i, n, len(w.acked)))
		return b
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, a := range acked {
		w.acked[a.Seq] = a.Sum
	}
}

// fetched checks messages against the history and what else was fetched.
type fetched map[uint64]int

func (w *world) check(f fetched, msgs []consumer.Message) {
	w.t.Helper()
	for _, m := range msgs {
		f[m.Seq]++
		if sum, ok := w.acked[m.Seq]; !ok || sum != sha256.Sum256(m.Data) {
			w.t.Fatalf("message %d has a payload that was not published with it", m.Seq)
		}
		if m.Delivered == 0 || m.ConsumerSeq == 0 || m.Subject != "persisting.demo" || time.Since(m.Time).Abs() > time.Hour {
			w.t.Fatalf("message with odd metadata: %+v", m)
		}
	}
}

// drain fetches and acks until everything published has come, and fails when it
// does not come within a minute.
func (w *world) drain(f fetched, d *consumer.Durable, src *consumer.Source, n, maxBytes int) {
	w.t.Helper()
	for end := time.Now().Add(time.Minute); len(f) < len(w.acked); {
		if time.Now().After(end) {
			w.t.Fatalf("%d of %d messages came", len(f), len(w.acked))
		}
		msgs, err := src.Fetch(w.t.Context(), n, maxBytes)
		if err != nil {
			w.t.Fatal(err)
		}
		w.check(f, msgs)
		if _, err := d.Ack(msgs...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// once fails if any message came more than once.
func (w *world) once(f fetched) {
	w.t.Helper()
	for seq, n := range f {
		if n != 1 {
			w.t.Errorf("message %d came %d times", seq, n)
		}
	}
}

// awaitPull waits until the server holds a pull request of the durable.
func (w *world) awaitPull(d *consumer.Durable) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		c, err := w.conn.JetStream().Consumer(w.t.Context(), w.stream.Name(), d.Name())
		if err != nil {
			w.t.Fatal(err)
		}
		if c.CachedInfo().NumWaiting > 0 {
			return
		}
	}
	w.t.Fatal("no pull reached the server")
}
