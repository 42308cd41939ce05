package scenario

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// A purge moves the consumer's ack floor over messages that workers still hold. What
// was delivered becomes rows, and nobody takes a held message for one that came twice.
func TestPurgeWhileMessagesAreHeld(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	r.send("t", `{"n":1}`)
	r.writeAll()
	a := r.stall()
	a.hold(r, "t", `{"n":2}`, `{"n":3}`)
	fetched := make(chan struct{}, 10)
	b := r.bridge(func(c *bridge.Config) {
		c.FlushInterval = time.Hour
		c.Events.Fetched = func(string, bridge.Fetched) { fetched <- struct{}{} }
	})
	r.send("t", `{"n":4}`) // held by b
	<-fetched
	stream, err := r.js.Stream(t.Context(), "PERSISTING")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.release()
	r.awaitRows("t", 3)
	a.drain()
	b.drain()
	if state := b.b.Status()["t"]; state.Phase != bridge.PhaseDone {
		t.Errorf("the topic did not go on: %v", state)
	}
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]")
}

// A batch that cannot be staged is written later, also if there are more encoders and
// no other message comes.
func TestOneOfSeveralEncodersFails(t *testing.T) {
	r := newRig(t)
	x := r.bridge(func(c *bridge.Config) { c.Encoders = 3 })
	r.send("t", `{"n":1}`)
	r.awaitRows("t", 1)
	mend := r.breakStorage("t", "data")
	r.send("t", `{"n":2}`)
	eventually(t, "the storage fails", func() bool { return x.b.Status()["t"].Phase == bridge.PhaseRetrying })
	mend()
	r.awaitRows("t", 2)
	x.drain()
	want(t, r.rows("t", "n"), "[1]", "[2]")
}

// A drain ends a bridge that runs once, also while a topic cannot be written.
func TestDrainWhileATopicIsRetried(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	if err := os.WriteFile(r.storage, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	x := r.bridge(func(c *bridge.Config) { c.Once = true })
	eventually(t, "the topic is retried", func() bool { return x.b.Status()["t"].Phase == bridge.PhaseRetrying })
	x.b.Drain()
	if err := x.wait(); err == nil {
		t.Error("nothing was written, yet the bridge ended well")
	}
}

// A row without any value, for a table that has none of the bridge's own columns.
func TestEmptyRowInABareTable(t *testing.T) {
	r := newRig(t)
	bare := func(c *bridge.Config) { c.Columns = bridge.Columns{NoSeq: true, NoTime: true} }
	r.send("t", `{"n":1}`)
	r.writeAll(bare)
	r.send("t", `{}`)
	r.writeAll(bare)
	r.send("t", `{"n":null}`, `{"m":null}`)
	r.writeAll(bare)
	if n, err := r.table("t").Count(""); err != nil || n != 4 {
		t.Errorf("%d rows, want 4; %v", n, err)
	}
}

// The ledger decides what becomes a dead letter: none is published before its commit.
func TestNoDeadLetterBeforeItsCommit(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	r.send("t", `{"n":1}`, `bad`)
	p := r.worker(string(bridge.MomentBeforePut) + "=kill@1")
	if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
		t.Fatalf("%+v\n%s", exit, p.Stderr())
	}
	if dead := r.deadLetters("t"); len(dead) != 0 {
		t.Errorf("no commit has happened, and there are dead letters: %v", dead)
	}
	r.once()
	want(t, r.rows("t", "n"), "[1]")
	if dead := r.deadLetters("t"); len(dead) != 1 {
		t.Errorf("dead letters %v", dead)
	}
}

// A commit that takes longer than the lease lasts: the messages go to another worker,
// which writes them, and the first finds them written.
func TestLeaseEndsBeforeTheCommit(t *testing.T) {
	r := newRig(t)
	r.durable("t", 300*time.Millisecond)
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	waiting := make(chan struct{}, 100)
	a := r.bridge(func(c *bridge.Config) {
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == bridge.MomentBeforePut {
				waiting <- struct{}{}
				<-release
			}
		}
	})
	t.Cleanup(free)
	r.send("t", `{"n":1}`, `{"n":2}`)
	<-waiting
	b := r.bridge()
	r.awaitRows("t", 2)
	free()
	r.send("t", `{"n":3}`)
	r.awaitRows("t", 3)
	r.awaitAcked("pst-bridge-t")
	a.drain()
	b.drain()
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]")
}

// A process that may hold one message at a time writes them one by one.
func TestOneMessageAtATime(t *testing.T) {
	r := newRig(t)
	_, err := r.js.CreateConsumer(t.Context(), "PERSISTING", jetstream.ConsumerConfig{
		Durable: "pst-bridge-t", FilterSubject: "persisting.t", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"n":1}`, `bad`, `{}`, `{"n":4}`)
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]", "[null]", "[4]")
}

// Contradictions that come up while the topic runs stop it as those at its start do.
func TestStopsWhileRunning(t *testing.T) {
	for reason, breakIt := range map[string]func(*rig) error{
		"rolled_back": func(r *rig) error {
			_, err := r.table("t").At(1).Restore()
			return err
		},
		"consumer_missing": func(r *rig) error {
			return r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t")
		},
		"consumer_replaced": func(r *rig) error {
			err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t")
			r.durable("t", ackWait)
			return err
		},
		"stream_recreated": func(r *rig) error {
			err := r.js.DeleteStream(t.Context(), "PERSISTING")
			r.stream(jetstream.WorkQueuePolicy)
			r.durable("t", ackWait)
			return err
		},
	} {
		t.Run(reason, func(t *testing.T) {
			r := newRig(t)
			x := r.bridge()
			for n := range 2 {
				r.send("t", fmt.Sprintf(`{"n":%d}`, n))
				r.awaitRows("t", uint64(n+1))
			}
			r.awaitAcked("pst-bridge-t")
			if err := breakIt(r); err != nil {
				t.Fatal(err)
			}
			r.send("t", `{"n":2}`)
			if state := x.awaitStop("t"); state.Reason != reason {
				t.Errorf("stopped as %v", state)
			}
			if n, err := r.table("t").Count("n = 2"); err != nil || n != 0 {
				t.Errorf("the table was written all the same: %d rows, %v", n, err)
			}
		})
	}
}
