package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A missing stream is created as the design says, and found again.
func TestStreamIsCreated(t *testing.T) {
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}})
	ctx := t.Context()

	_, err := c.EnsureStream(ctx, consumer.StreamConfig{})
	if !errors.Is(err, consumer.ErrNoStream) || !strings.Contains(err.Error(), "PERSISTING") {
		t.Fatalf("without provisioning: %v", err)
	}
	s := ensureStream(t, c, consumer.StreamConfig{MaxBytes: 1 << 20, Compressed: true})
	js, err := c.JetStream().Stream(ctx, "PERSISTING")
	if err != nil {
		t.Fatal(err)
	}
	got := js.CachedInfo().Config
	if got.Retention != jetstream.WorkQueuePolicy || got.Storage != jetstream.FileStorage ||
		got.Discard != jetstream.DiscardNew || got.MaxBytes != 1<<20 || got.Compression != jetstream.S2Compression ||
		len(got.Subjects) != 1 || got.Subjects[0] != "persisting.>" {
		t.Errorf("created as %+v", got)
	}
	if w := s.Warnings(); len(w) != 0 {
		t.Errorf("warnings %q", w)
	}
	again := ensureStream(t, c, consumer.StreamConfig{Retention: consumer.Limits})
	if w := again.Warnings(); len(w) != 1 || !strings.Contains(w[0], "retention") {
		t.Errorf("warnings %q", w)
	}
	info, err := again.Info(ctx)
	if err != nil || info.Retention != consumer.WorkQueue || info.Created.IsZero() || info.LastSeq != 0 || info.MaxBytes != 1<<20 {
		t.Errorf("info %+v, %v", info, err)
	}
}

// A stream may be kept in memory, which is said, and another limit is not imposed.
func TestStreamInMemory(t *testing.T) {
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}})
	w := strings.Join(ensureStream(t, c, consumer.StreamConfig{Memory: true, Compressed: true}).Warnings(), "; ")
	if !strings.Contains(w, "storage is memory") {
		t.Errorf("warnings %q", w)
	}
	w = strings.Join(ensureStream(t, c, consumer.StreamConfig{MaxBytes: 5000}).Warnings(), "; ")
	if !strings.Contains(w, "its byte limit is 0, not 5000") {
		t.Errorf("warnings %q", w)
	}
}

// A stream the user made is taken, or each unusable setting is named.
func TestStreamOfTheUser(t *testing.T) {
	for _, tc := range []struct {
		name    string
		have    jetstream.StreamConfig
		want    consumer.StreamConfig
		refused string // empty: usable
		warned  string
	}{
		{"exact", jetstream.StreamConfig{Subjects: []string{"persisting.>"}}, consumer.StreamConfig{Retention: consumer.Limits}, "", ""},
		{"wider", jetstream.StreamConfig{Subjects: []string{">"}, NoAck: true}, consumer.StreamConfig{Retention: consumer.Limits}, "", "no_ack"},
		{"listed", jetstream.StreamConfig{Subjects: []string{"persisting.a"}}, consumer.StreamConfig{Topics: []string{"a"}, Retention: consumer.Limits}, "", ""},
		{"not all listed", jetstream.StreamConfig{Subjects: []string{"persisting.a"}}, consumer.StreamConfig{Topics: []string{"a", "b"}}, "persisting.b", ""},
		{"narrow", jetstream.StreamConfig{Subjects: []string{"persisting.a"}}, consumer.StreamConfig{}, "do not cover persisting.>", ""},
		{"interest", jetstream.StreamConfig{Subjects: []string{"persisting.>"}, Retention: jetstream.InterestPolicy}, consumer.StreamConfig{}, "interest", ""},
		{"both", jetstream.StreamConfig{Subjects: []string{"x"}, Retention: jetstream.InterestPolicy}, consumer.StreamConfig{}, "interest, which", ""},
		{"memory", jetstream.StreamConfig{Subjects: []string{"persisting.>"}, Storage: jetstream.MemoryStorage}, consumer.StreamConfig{}, "", "memory"},
		{"old", jetstream.StreamConfig{Subjects: []string{"persisting.>"}, MaxBytes: 1 << 20}, consumer.StreamConfig{}, "", "discard policy"},
		{"age", jetstream.StreamConfig{Subjects: []string{"persisting.>"}, MaxAge: time.Hour}, consumer.StreamConfig{}, "", "max age"},
		{"per subject", jetstream.StreamConfig{Subjects: []string{"persisting.>"}, MaxMsgsPerSubject: 3}, consumer.StreamConfig{}, "", "per subject"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
			tc.have.Name = "USERS"
			if _, err := c.JetStream().CreateStream(t.Context(), tc.have); err != nil {
				t.Fatal(err)
			}
			tc.want.Name = "USERS"
			tc.want.Provision = true
			s, err := c.EnsureStream(t.Context(), tc.want)
			if tc.refused != "" {
				if !errors.Is(err, consumer.ErrUnusable) || !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("got %v, want a refusal that says %q", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if warnings := strings.Join(s.Warnings(), "; "); !strings.Contains(warnings, tc.warned) || tc.warned == "" && warnings != "" && tc.want.Retention == consumer.Limits {
				t.Errorf("warnings %q, want %q", warnings, tc.warned)
			}
		})
	}
}

// Subjects taken by another stream are told with that stream's name.
func TestStreamOverlap(t *testing.T) {
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}})
	if _, err := c.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"persisting.a"}}); err != nil {
		t.Fatal(err)
	}
	_, err := c.EnsureStream(t.Context(), consumer.StreamConfig{Provision: true})
	if err == nil || !strings.Contains(err.Error(), "stream OTHER already") {
		t.Errorf("got %v", err)
	}
}

func TestStreamConfigRefuses(t *testing.T) {
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}})
	for _, cfg := range []consumer.StreamConfig{
		{Name: "a.b"}, {Name: "a b"}, {Prefix: "a.>"}, {Prefix: "a..b"}, {Topics: []string{"ok", "*"}},
	} {
		if _, err := c.EnsureStream(t.Context(), cfg); err == nil || errors.Is(err, consumer.ErrNoStream) {
			t.Errorf("%+v: %v", cfg, err)
		}
	}
}

// Topics are all tokens after the prefix, with their messages.
func TestTopics(t *testing.T) {
	n := natsenv.Start(t)
	c := connect(t, consumer.Config{Servers: []string{n.URL()}})
	s := ensureStream(t, c, consumer.StreamConfig{Prefix: "in.persisting", Name: "P"})
	for subject, count := range map[string]int{"in.persisting.a": 3, "in.persisting.a.b": 2, "in.persisting.A": 1} {
		if _, err := natsenv.Publish(t.Context(), c.JetStream(), subject, "", count, func(int) []byte { return []byte("x") }); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := s.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 3 || topics["a"] != 3 || topics["a.b"] != 2 || topics["A"] != 1 {
		t.Errorf("topics %v", topics)
	}
	if err := c.JetStream().DeleteStream(t.Context(), "P"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Topics(t.Context()); !errors.Is(err, consumer.ErrNoStream) {
		t.Errorf("topics of a deleted stream: %v", err)
	}
	if _, err := s.Info(t.Context()); !errors.Is(err, consumer.ErrNoStream) {
		t.Errorf("info of a deleted stream: %v", err)
	}
}

// A stream that was deleted and made again has another created time.
func TestStreamMadeAgain(t *testing.T) {
	w := newWorld(t)
	// The server removes the folder of all streams a moment after the last one was
	// deleted, and fails to make another in between.
	if _, err := w.conn.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEEP", Subjects: []string{"keep"}}); err != nil {
		t.Fatal(err)
	}
	w.publish(3, 10)
	d := create(t, w.stream, consumer.DurableConfig{})
	before, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if before.NumPending != 3 || before.StreamLastSeq != 3 || before.AckFloor != 0 {
		t.Errorf("state %+v", before)
	}
	if err := w.conn.JetStream().DeleteStream(t.Context(), "PERSISTING"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.State(t.Context()); !errors.Is(err, consumer.ErrNoStream) && !errors.Is(err, consumer.ErrNoConsumer) {
		t.Errorf("state without a stream: %v", err)
	}
	s := ensureStream(t, w.conn, consumer.StreamConfig{})
	after, err := create(t, s, consumer.DurableConfig{}).State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if after.StreamCreated.Equal(before.StreamCreated) || after.ConsumerCreated.Equal(before.ConsumerCreated) {
		t.Errorf("created times did not change: %+v, %+v", before, after)
	}
}
