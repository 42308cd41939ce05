package consumer_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

func perTopic(t testing.TB, c *consumer.Conn, topics ...string) *consumer.Streams {
	t.Helper()
	s, err := c.EnsureStreams(t.Context(), consumer.StreamConfig{PerTopic: true, Provision: true, Topics: topics, MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A listed topic's own stream is made with its subject alone, and is what another
// process that lists no topics finds. Looking at a topic makes nothing.
func TestStreamOfATopic(t *testing.T) {
	c := connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
	if w := perTopic(t, c).Warnings(); len(w) != 1 || !strings.Contains(w[0], "no topic has a stream yet") {
		t.Errorf("warnings %q", w)
	}
	streams := perTopic(t, c, "a.b", "DLQ")
	for topic, name := range map[string]string{"a.b": "PERSISTING_a_x2Eb", "DLQ": "PERSISTING__x44LQ"} {
		if _, err := streams.Of(t.Context(), topic); !errors.Is(err, consumer.ErrNoStream) {
			t.Errorf("before it was made: %v", err)
		}
		if _, err := perTopic(t, c).Ensure(t.Context(), topic); !errors.Is(err, consumer.ErrNoStream) {
			t.Errorf("not listed: %v", err)
		}
		s, err := streams.Ensure(t.Context(), topic)
		if err != nil || s.Name() != name || s.Subject(topic) != "persisting."+topic {
			t.Fatalf("%+v, %v", s, err)
		}
		js, err := c.JetStream().Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if cfg := js.CachedInfo().Config; !slices.Equal(cfg.Subjects, []string{"persisting." + topic}) || cfg.MaxBytes != 1<<20 {
			t.Errorf("made as %+v", cfg)
		}
		if again, err := streams.Of(t.Context(), topic); err != nil || len(again.Warnings()) != 0 {
			t.Errorf("once more: %v", err)
		}
	}
	if _, err := c.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: "ELSE", Subjects: []string{"persisting.else", "other"}}); err != nil {
		t.Fatal(err)
	}
	found := perTopic(t, c)
	topics, err := found.Topics(t.Context())
	if err != nil || !slices.Equal(slices.Sorted(maps.Keys(topics)), []string{"DLQ", "a.b"}) {
		t.Errorf("topics %v, %v", topics, err)
	}
	if w := found.Warnings(); len(w) != 1 || !strings.Contains(w[0], "streams ELSE take subjects under persisting") {
		t.Errorf("warnings %q", w)
	}
}

// A shared stream and streams of topics exclude each other, and each says what to do.
func TestSharedStreamInTheWay(t *testing.T) {
	c := connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
	ensureStream(t, c, consumer.StreamConfig{})
	_, err := c.EnsureStreams(t.Context(), consumer.StreamConfig{PerTopic: true, Provision: true})
	if !errors.Is(err, consumer.ErrUnusable) || !strings.Contains(err.Error(), "leave out --stream-per-topic") {
		t.Errorf("no topics listed: %v", err)
	}
	_, err = perTopic(t, c, "a").Ensure(t.Context(), "a")
	if !errors.Is(err, consumer.ErrTaken) || !strings.Contains(err.Error(), "stream PERSISTING already takes persisting.a") {
		t.Errorf("topic listed: %v", err)
	}

	c = connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
	if _, err := perTopic(t, c, "a").Ensure(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	_, err = c.EnsureStream(t.Context(), consumer.StreamConfig{Provision: true})
	if !errors.Is(err, consumer.ErrTaken) || !strings.Contains(err.Error(), "PERSISTING_a already") || !strings.Contains(err.Error(), "use --stream-per-topic") {
		t.Errorf("shared: %v", err)
	}
}

// A stream of the right name that does not take the topic is refused, and one that takes
// more is warned of.
func TestStreamOfATopicOfTheUser(t *testing.T) {
	c := connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
	for name, subjects := range map[string][]string{"PERSISTING_a": {"persisting.b"}, "PERSISTING_c": {"persisting.c", "persisting.d"}} {
		if _, err := c.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: subjects}); err != nil {
			t.Fatal(err)
		}
	}
	streams := perTopic(t, c, "a", "c")
	if _, err := streams.Ensure(t.Context(), "a"); !errors.Is(err, consumer.ErrUnusable) || !strings.Contains(err.Error(), "do not cover persisting.a") {
		t.Errorf("got %v", err)
	}
	s, err := streams.Ensure(t.Context(), "c")
	if err != nil || !strings.Contains(strings.Join(s.Warnings(), "; "), "what is not persisting.c is not written") {
		t.Errorf("%+v, %v", s, err)
	}
}

// The dead letter of a topic with its own stream says which, and goes back there.
func TestDeadLetterOfATopicWithAStream(t *testing.T) {
	c := connect(t, consumer.Config{Servers: []string{natsenv.Start(t).URL()}})
	streams := perTopic(t, c, "a", "b")
	for _, topic := range []string{"a", "b"} {
		if _, err := streams.Ensure(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
	}
	dl, err := streams.EnsureDeadLetters(t.Context(), consumer.DeadLetterConfig{Provision: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := dl.Publish(t.Context(), consumer.Message{Seq: 1, Subject: "persisting.b", Data: []byte("x")}, 0, "c", "r"); err != nil {
		t.Fatal(err)
	}
	l, err := dl.Get(t.Context(), 1)
	if err != nil || l.Stream != "PERSISTING_b" || l.Topic != "b" {
		t.Fatalf("%+v, %v", l, err)
	}
	if err := dl.Replay(t.Context(), l, false); err != nil {
		t.Fatal(err)
	}
	s, err := streams.Of(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := s.Info(t.Context()); err != nil || info.Messages != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}
