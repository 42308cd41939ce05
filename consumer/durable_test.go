package consumer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// Looking up is apart from creating, and creating twice is once.
func TestDurableIsCreated(t *testing.T) {
	w := newWorld(t)
	cfg := consumer.DurableConfig{Topic: "a.b"}
	if _, err := w.stream.Lookup(t.Context(), cfg); !errors.Is(err, consumer.ErrNoConsumer) {
		t.Fatalf("lookup before: %v", err)
	}
	d := create(t, w.stream, cfg)
	if d.Name() != "pst-bridge-a_x2Eb" || d.Topic() != "a.b" || d.AckWait() != 10*time.Second || d.HoldLimit() != 25_000 {
		t.Errorf("created %s of %s with %v, %d", d.Name(), d.Topic(), d.AckWait(), d.HoldLimit())
	}
	before, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	create(t, w.stream, cfg)
	d, err = w.stream.Lookup(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	after, err := d.State(t.Context())
	if err != nil || !after.ConsumerCreated.Equal(before.ConsumerCreated) {
		t.Errorf("created twice: %v, %v, %v", before.ConsumerCreated, after.ConsumerCreated, err)
	}
	c, err := w.conn.JetStream().Consumer(t.Context(), "PERSISTING", d.Name())
	if err != nil {
		t.Fatal(err)
	}
	got := c.CachedInfo().Config
	if got.AckPolicy != jetstream.AckExplicitPolicy || got.DeliverPolicy != jetstream.DeliverAllPolicy || got.MaxDeliver != -1 ||
		got.FilterSubject != "persisting.a.b" || got.MaxAckPending != 200_000 || got.InactiveThreshold != 0 || len(got.BackOff) != 0 ||
		got.Metadata["pst.max_workers"] != "8" || got.Metadata["pst.topic"] != "a.b" {
		t.Errorf("created as %+v", got)
	}
}

// A usable consumer of other sizes is taken as it is.
func TestDurableOfOtherSizes(t *testing.T) {
	w := newWorld(t)
	create(t, w.stream, consumer.DurableConfig{MaxAckPending: 500, MaxWorkers: 5, AckWait: 3 * time.Second})
	d := create(t, w.stream, consumer.DurableConfig{})
	if d.HoldLimit() != 100 || d.AckWait() != 3*time.Second {
		t.Errorf("hold limit %d, ack wait %v", d.HoldLimit(), d.AckWait())
	}
}

// Every setting that can lose a message is refused by name, by Lookup and by
// Create.
func TestDurableRefusals(t *testing.T) {
	w := newWorld(t)
	ensureStream(t, w.conn, consumer.StreamConfig{Name: "KEPT", Prefix: "kept", Retention: consumer.Limits})
	s, err := w.conn.EnsureStream(t.Context(), consumer.StreamConfig{Name: "KEPT", Prefix: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, says string
		change     func(*jetstream.ConsumerConfig)
	}{
		{"max deliver", "max deliver is 5", func(c *jetstream.ConsumerConfig) { c.MaxDeliver = 5 }},
		{"back-off", "back-off", func(c *jetstream.ConsumerConfig) {
			c.MaxDeliver, c.BackOff = 3, []time.Duration{time.Second, time.Minute}
		}},
		{"inactive", "inactive threshold is 1h", func(c *jetstream.ConsumerConfig) { c.InactiveThreshold = time.Hour }},
		{"ack none", "ack policy is none", func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckNonePolicy }},
		{"ack all", "ack policy is all", func(c *jetstream.ConsumerConfig) { c.AckPolicy = jetstream.AckAllPolicy }},
		{"new", "deliver policy is new", func(c *jetstream.ConsumerConfig) { c.DeliverPolicy = jetstream.DeliverNewPolicy }},
		{"start", "deliver policy is by_start_sequence", func(c *jetstream.ConsumerConfig) {
			c.DeliverPolicy, c.OptStartSeq = jetstream.DeliverByStartSequencePolicy, 2
		}},
		{"last per subject", "deliver policy is last_per_subject", func(c *jetstream.ConsumerConfig) { c.DeliverPolicy = jetstream.DeliverLastPerSubjectPolicy }},
		{"wrong filter", `filter is ["kept.other"] (set exactly "kept.demo")`, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "kept.other" }},
		{"no filter", `filter is []`, func(c *jetstream.ConsumerConfig) { c.FilterSubject = "" }},
		{"two filters", `filter is ["kept.demo" "kept.other"]`, func(c *jetstream.ConsumerConfig) {
			c.FilterSubject, c.FilterSubjects = "", []string{"kept.demo", "kept.other"}
		}},
		{"headers only", "headers only", func(c *jetstream.ConsumerConfig) { c.HeadersOnly = true }},
		{"priority", "priority policy", func(c *jetstream.ConsumerConfig) {
			c.PriorityPolicy, c.PriorityGroups = jetstream.PriorityPolicyOverflow, []string{"g"}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			have := jetstream.ConsumerConfig{
				Durable: "d", AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: -1, FilterSubject: "kept.demo",
			}
			tc.change(&have)
			if _, err := w.conn.JetStream().CreateConsumer(t.Context(), "KEPT", have); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := w.conn.JetStream().DeleteConsumer(t.Context(), "KEPT", "d"); err != nil {
					t.Error(err)
				}
			}()
			cfg := consumer.DurableConfig{Topic: "demo", Name: "d"}
			_, errLookup := s.Lookup(t.Context(), cfg)
			_, errCreate := s.Create(t.Context(), cfg)
			for _, err := range []error{errLookup, errCreate} {
				if !errors.Is(err, consumer.ErrUnusable) || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("got %v, want a refusal that says %q", err, tc.says)
				}
			}
		})
	}
}

// A push consumer is refused.
func TestDurableRefusesPush(t *testing.T) {
	w := newWorld(t)
	_, err := w.conn.JetStream().CreatePushConsumer(t.Context(), "PERSISTING", jetstream.ConsumerConfig{
		Durable: "d", DeliverSubject: "to.me", AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: "persisting.demo",
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.stream.Lookup(t.Context(), consumer.DurableConfig{Topic: "demo", Name: "d"})
	if !errors.Is(err, consumer.ErrUnusable) || !strings.Contains(err.Error(), "push") {
		t.Errorf("got %v", err)
	}
}

// A second consumer on a work queue's topic is explained.
func TestDurableOverlap(t *testing.T) {
	w := newWorld(t)
	create(t, w.stream, consumer.DurableConfig{Name: "first"})
	_, err := w.stream.Create(t.Context(), consumer.DurableConfig{Topic: "demo", Name: "second"})
	if err == nil || !strings.Contains(err.Error(), "already takes persisting.demo") {
		t.Errorf("got %v", err)
	}
}

func TestDurableConfigRefuses(t *testing.T) {
	w := newWorld(t)
	for _, cfg := range []consumer.DurableConfig{
		{}, {Topic: "a.*"}, {Topic: "a", MaxAckPending: -1}, {Topic: "a", AckWait: -1}, {Topic: strings.Repeat("x", 300)},
	} {
		if _, err := w.stream.Create(t.Context(), cfg); err == nil {
			t.Errorf("%.80v was created", cfg)
		}
	}
}
