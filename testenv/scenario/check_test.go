package scenario

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Each finding is one line with its fix, and errors refuse to start.
func TestCheck(t *testing.T) {
	r := newRig(t)
	expect := func(code int, parts ...string) {
		t.Helper()
		out := r.command(code, "check")
		for _, p := range parts {
			if !strings.Contains(out, p) {
				t.Errorf("%q is not in\n%s", p, out)
			}
		}
	}
	r.send("t", `{"n":1}`)
	expect(0, "consumer of t", "is made when the topic starts", "sync interval", "unknown", "of 8 puts of one name 1 wins", "apart from the server's")
	if _, err := r.js.Stream(t.Context(), "PERSISTING_DLQ"); err == nil {
		t.Error("check made a stream")
	}
	r.writeAll()
	expect(0, "AckWait 10s, 25000 messages for each of 8 workers", "PERSISTING_DLQ takes them")

	// The stream of dead letters.
	remake := func(cfg jetstream.StreamConfig) {
		t.Helper()
		if err := r.js.DeleteStream(t.Context(), "PERSISTING_DLQ"); err != nil {
			t.Fatal(err)
		}
		cfg.Name, cfg.Subjects = "PERSISTING_DLQ", []string{"persisting_dlq.>"}
		if _, err := r.js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
	}
	remake(jetstream.StreamConfig{MaxAge: time.Hour, MaxMsgs: 5, Storage: jetstream.MemoryStorage})
	expect(0, "max age is 1h0m0s: dead letters", "discard policy is old", "storage is memory")
	remake(jetstream.StreamConfig{Retention: jetstream.WorkQueuePolicy})
	expect(1, "dead letters could not be listed")
	remake(jetstream.StreamConfig{})

	// The consumer of one topic: check says it, run stops the topic and writes others.
	update := func(change func(*jetstream.ConsumerConfig)) {
		t.Helper()
		c, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.CachedInfo().Config
		change(&cfg)
		if _, err := r.js.UpdateConsumer(t.Context(), "PERSISTING", cfg); err != nil {
			t.Fatal(err)
		}
	}
	update(func(c *jetstream.ConsumerConfig) { c.MaxAckPending, c.AckWait = 1000, 500*time.Millisecond })
	expect(0, "lets a batch have 62 messages, --batch-size asks for 10000. Fix: raise MaxAckPending to 160000", "AckWait 500ms")
	r.pause(time.Now().Add(time.Hour))
	expect(0, "it is paused until", "Fix: nats consumer resume PERSISTING pst-bridge-t")
	r.pause(time.Time{})
	update(func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 })
	expect(1, "error", "max deliver is 5")
	r.send("t", `{"n":2}`)
	r.send("other", `{"n":3}`)
	r.command(1, "run", "--once", "--http", "")
	want(t, r.rows("other", "n"), "[3]")
	want(t, r.rows("t", "n"), "[1]")
	if s := r.status("t", 1); s.State != "consumer_unusable" || s.Rows != 1 {
		t.Errorf("status %+v", s)
	}

	// A storage that is none.
	if err := os.WriteFile(r.storage+".file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.storage += ".file"
	expect(1, "error", "storage", "not a directory")

	// The stream.
	if err := r.js.DeleteStream(t.Context(), "PERSISTING"); err != nil {
		t.Fatal(err)
	}
	expect(1, "it is made when the bridge starts", "sync interval", "not a directory")
	r.command(0, "dlq", "list") // dead letters outlive their stream
	r.storage = t.TempDir()
	expect(0, "it is made when the bridge starts", "of 8 puts of one name 1 wins")
	if _, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "PERSISTING", Subjects: []string{"persisting.>"}, Retention: jetstream.InterestPolicy}); err != nil {
		t.Fatal(err)
	}
	expect(1, "error", "retention is interest", "of 8 puts of one name 1 wins")
}
