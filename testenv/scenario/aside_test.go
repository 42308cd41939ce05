package scenario

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// stoppedHolder gives the lease to a worker that shows no more sign of life.
func (r *rig) stoppedHolder(topic string) (over func()) {
	r.t.Helper()
	set := func(text *string) {
		r.t.Helper()
		if _, err := r.table(topic).UpdateConfig(map[string]*string{"pst.lease": text}); err != nil {
			r.t.Fatal(err)
		}
	}
	text := fmt.Sprintf(`{"holder":"stopped","expires":%q,"doing":"nothing"}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	set(&text)
	return sync.OnceFunc(func() { set(nil) })
}

// While a worker that stands still has the lease, rows that fit go in: those of the
// batch in which another message needs the new type, and those of the batches after it.
// The message that has to wait is kept alive, and goes in when the lease is over.
func TestRowsThatFitDoNotWait(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	r.writeAll()
	over := r.stoppedHolder("t")
	var mu sync.Mutex
	var batches []bridge.Committed
	r.bridge(func(c *bridge.Config) {
		c.Lease, c.BatchRows, c.FlushInterval = time.Hour, 4, time.Hour
		c.Events.Committed = func(_ string, b bridge.Committed) {
			mu.Lock()
			defer mu.Unlock()
			batches = append(batches, b)
		}
	})
	t.Cleanup(over) // the bridge waits for it when it is drained
	r.send("t", `{"n":2}`, `{"n":0.5}`, `{"n":"no number"}`, `{"n":4}`, `{"n":5}`)
	r.awaitRows("t", 4)
	r.send("t", `{"n":6}`, `{"n":7}`, `{"n":8}`, `{"n":9}`)
	r.awaitRows("t", 8)
	eventually(t, "the dead letter is published", func() bool { return len(r.deadLetters("t")) == 1 })
	requireTypes(t, r.table("t"), map[string]string{"n": "int64"})
	info, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "all but one message are acknowledged", func() bool {
		state, err := info.Info(t.Context())
		return err == nil && state.NumAckPending == 1 && state.NumPending == 0
	})
	over()
	r.awaitRows("t", 9)
	requireTypes(t, r.table("t"), map[string]string{"n": "double"})
	want(t, r.rows("t", "n"), `[1]`, `[2]`, `[0.5]`, `[4]`, `[5]`, `[6]`, `[7]`, `[8]`, `[9]`)
	eventually(t, "all is acknowledged", func() bool {
		state, err := info.Info(t.Context())
		return err == nil && state.NumAckPending == 0
	})
	mu.Lock()
	defer mu.Unlock()
	if len(batches) != 3 || batches[0].Messages != 4 || batches[0].DeadLetters != 1 || batches[1].Rows != 4 || batches[2].Messages != 1 || len(batches[2].Widened) != 1 {
		t.Errorf("batches %+v", batches)
	}
}

// A second batch with messages that need the new type waits: one batch is set aside at
// most. What fits of it goes in before, and nothing is lost when the bridge is drained.
func TestOneBatchIsSetAside(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	r.writeAll()
	over := r.stoppedHolder("t")
	x := r.bridge(func(c *bridge.Config) { c.Lease, c.BatchRows, c.FlushInterval = time.Hour, 2, time.Hour })
	t.Cleanup(over)
	r.send("t", `{"n":0.5}`, `{"n":1.5}`) // none fits
	r.send("t", `{"n":2}`, `{"n":2.5}`)
	r.awaitRows("t", 2)
	r.send("t", `{"n":3}`, `{"n":3.5}`)
	over()
	r.awaitRows("t", 7)
	x.drain()
	want(t, r.rows("t", "n"), `[1]`, `[0.5]`, `[1.5]`, `[2]`, `[2.5]`, `[3]`, `[3.5]`)
}

// A replay has nothing else to do: it waits for the lease.
func TestReplayWaitsForTheLease(t *testing.T) {
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.send("t", `{"n":1}`)
	r.writeAll()
	r.send("t", `{"n":0.5}`, `{"n":2}`)
	text := fmt.Sprintf(`{"holder":"stopped","expires":%q}`, time.Now().Add(2*time.Second).UTC().Format(time.RFC3339Nano))
	if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.lease": &text}); err != nil {
		t.Fatal(err)
	}
	x := r.bridge(func(c *bridge.Config) { c.Topics = []string{"other"} })
	done, err := x.b.Replay(t.Context(), "t", 1, nil)
	if err != nil || done.Rows != 2 || done.Duplicates != 1 {
		t.Errorf("replayed %+v, %v", done, err)
	}
	want(t, r.rows("t", "n"), `[1]`, `[0.5]`, `[2]`)
}
