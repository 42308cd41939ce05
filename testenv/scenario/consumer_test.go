package scenario

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// reset sets the topic's consumer to a sequence, as an operator can: it delivers from
// there on again, whatever was acknowledged. 0 is its ack floor.
func (r *rig) reset(topic string, seq uint64) {
	r.t.Helper()
	subject := fmt.Sprintf("$JS.API.CONSUMER.RESET.%s.pst-bridge-%s", r.home(topic), topic)
	reply, err := r.js.Conn().Request(subject, fmt.Appendf(nil, `{"seq":%d}`, seq), patience)
	if err != nil {
		r.t.Fatal(err)
	}
	var answer struct{ Error any }
	if err := json.Unmarshal(reply.Data, &answer); err != nil || answer.Error != nil {
		r.t.Fatalf("reset to %d: %s, %v", seq, reply.Data, err)
	}
}

// adjust changes the settings of topic t's consumer.
func (r *rig) adjust(change func(*jetstream.ConsumerConfig)) {
	r.t.Helper()
	c, err := r.js.Consumer(r.t.Context(), "PERSISTING", "pst-bridge-t")
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := c.CachedInfo().Config
	change(&cfg)
	if _, err := r.js.UpdateConsumer(r.t.Context(), "PERSISTING", cfg); err != nil {
		r.t.Fatal(err)
	}
}

// pause stops or resumes deliveries of topic t.
func (r *rig) pause(until time.Time) {
	r.t.Helper()
	if _, err := r.js.PauseConsumer(r.t.Context(), "PERSISTING", "pst-bridge-t", until); err != nil {
		r.t.Fatal(err)
	}
}

// counted is what commits say of messages that make no rows.
type counted struct{ duplicates, skipped atomic.Int64 }

func (n *counted) watch(c *bridge.Config) {
	c.BatchRows = 100
	c.Events.Committed = func(_ string, c bridge.Committed) {
		n.duplicates.Add(int64(c.Duplicates))
		n.skipped.Add(int64(c.SteppedOver)) //nolint:gosec // a count of messages
	}
}

// The consumer is set back under running workers: all is delivered again, to workers
// that hold some of it and to others, and nothing is written twice.
func TestConsumerIsSetBack(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.durable("t", ackWait)
	acked := r.publish("t", "p", 500)
	var n counted
	x, y := r.bridge(n.watch), r.bridge(n.watch)
	r.awaitRows("t", 500)
	r.awaitAcked("pst-bridge-t")
	r.reset("t", 1)
	eventually(t, "all is delivered again", func() bool { return n.duplicates.Load() >= 500 })
	for _, seq := range []uint64{400, 500, 1, 250, 499} { // while messages are held; all that is below is written
		acked = append(acked, r.publishFrom("t", "p", len(acked), 300)...)
		r.reset("t", seq)
	}
	r.reset("t", 0)
	r.awaitRows("t", uint64(len(acked)))
	r.awaitAcked("pst-bridge-t")
	x.drain()
	y.drain()
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
	if n := n.skipped.Load(); n != 0 {
		t.Errorf("%d sequences count as gone", n)
	}
}

// Set forward, the consumer does not deliver what is between. Set back before a commit,
// it does; after one, what was left out is counted, and stays out.
func TestConsumerIsSetForward(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.durable("t", ackWait)
	r.send("t", `{"n":1}`)
	var n counted
	x := r.bridge(n.watch)
	r.awaitRows("t", 1)
	r.awaitAcked("pst-bridge-t")
	leaveOut := func(rows ...string) {
		t.Helper()
		r.pause(time.Now().Add(time.Hour))
		r.send("t", rows...)
	}
	leaveOut(`{"n":2}`, `{"n":3}`, `{"n":4}`)
	r.reset("t", 4)
	r.reset("t", 2)
	r.pause(time.Time{})
	r.awaitRows("t", 4)
	r.awaitAcked("pst-bridge-t")

	leaveOut(`{"n":5}`, `{"n":6}`, `{"n":7}`)
	r.reset("t", 7)
	r.pause(time.Time{})
	r.awaitRows("t", 5)
	r.awaitAcked("pst-bridge-t")
	r.send("t", `{"n":8}`) // the floor rises with commits
	r.awaitRows("t", 6)
	r.awaitAcked("pst-bridge-t")
	if n := n.skipped.Load(); n != 2 {
		t.Errorf("%d sequences count as gone, want 2", n)
	}
	r.reset("t", 1)
	eventually(t, "all is delivered again", func() bool { return n.duplicates.Load() >= 8 })
	r.awaitAcked("pst-bridge-t")
	x.drain()
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]", "[7]", "[8]")
}

// A consumer that was deleted under load and made again delivers all from the first
// message on: once the operator accepts it, nothing is written twice.
func TestConsumerIsMadeAgain(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.durable("t", ackWait)
	acked := r.publish("t", "p", 500)
	var n counted
	x := r.bridge(n.watch)
	r.awaitRows("t", 500)
	acked = append(acked, r.publishFrom("t", "p", 500, 500)...)
	if err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t"); err != nil {
		t.Fatal(err)
	}
	if s := x.awaitStop("t"); s.Reason != "consumer_missing" {
		t.Errorf("stopped as %v", s)
	}
	r.command(0, "rebind", "t", "--consumer")
	y := r.bridge(n.watch)
	r.awaitRows("t", 1000)
	r.awaitAcked("pst-bridge-t")
	y.drain()
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
	if got := n.duplicates.Load(); got < 500 {
		t.Errorf("%d messages were delivered again: the test proves nothing", got)
	}
}

// Settings change under load: pauses, shorter and longer ack waits and fewer messages
// under way cost time, another filter stops every worker of the topic, also an idle one.
func TestConsumerIsChangedWhileRunning(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.durable("t", time.Hour)
	var n counted
	// Listed, so that both work on it: a bridge that looks around finds a topic only
	// while its stream holds messages of it, and the other may have taken all.
	listed := func(c *bridge.Config) { n.watch(c); c.Topics = []string{"t"} }
	x, y := r.bridge(listed), r.bridge(listed)
	var acked []natsenv.Acked
	for _, change := range []func(){
		func() { r.pause(time.Now().Add(time.Hour)) },
		func() { r.pause(time.Time{}) },
		func() { r.pause(time.Now().Add(300 * time.Millisecond)) },
		func() { r.adjust(func(c *jetstream.ConsumerConfig) { c.AckWait = 100 * time.Millisecond }) },
		func() { r.adjust(func(c *jetstream.ConsumerConfig) { c.MaxAckPending = 50 }) },
		func() {
			r.adjust(func(c *jetstream.ConsumerConfig) { c.AckWait, c.MaxAckPending = time.Minute, 100_000 })
		},
	} {
		acked = append(acked, r.publishFrom("t", "p", len(acked), 300)...)
		change()
	}
	r.awaitRows("t", uint64(len(acked)))
	r.awaitAcked("pst-bridge-t")
	r.adjust(func(c *jetstream.ConsumerConfig) { c.FilterSubject = "persisting.other" })
	for _, b := range []*running{x, y} {
		if s := b.awaitStop("t"); s.Reason != "consumer_unusable" {
			t.Errorf("stopped as %v", s)
		}
	}
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
}
