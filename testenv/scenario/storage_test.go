package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// breakStorage makes a directory of a table fail every access, until the returned
// function is called.
func (r *rig) breakStorage(topic, dir string) (mend func()) {
	r.t.Helper()
	dir = filepath.Join(r.storage, topic+".lance", dir)
	if err := os.Rename(dir, dir+".away"); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return func() {
		r.t.Helper()
		if err := os.Remove(dir); err != nil {
			r.t.Fatal(err)
		}
		if err := os.Rename(dir+".away", dir); err != nil {
			r.t.Fatal(err)
		}
	}
}

// A storage that fails for longer than the ack wait costs time and nothing else: the
// commit is tried again, the messages are kept alive, and none is delivered twice.
func TestStorageFailsForAWhile(t *testing.T) {
	for _, dir := range []string{"data", "_transactions"} {
		t.Run(dir, func(t *testing.T) {
			r := newRig(t)
			r.durable("t", time.Second)
			var retries atomic.Int64
			x := r.bridge(func(c *bridge.Config) {
				c.Encoders = 2
				c.Events.CommitRetried = func(string, error) { retries.Add(1) }
			})
			r.send("t", `{"n":1}`)
			r.awaitRows("t", 1)
			mend := r.breakStorage("t", dir)
			r.send("t", `{"n":2}`, `{"m":3}`)
			eventually(t, "the commit is tried for longer than the ack wait", func() bool { return retries.Load() >= 7 })
			if s := x.b.Status()["t"]; s.Phase != bridge.PhaseRetrying || !strings.Contains(s.Err.Error(), "the storage fails") {
				t.Errorf("state %v", s)
			}
			mend()
			r.awaitRows("t", 3)
			eventually(t, "the topic runs again", func() bool { return x.b.Status()["t"].Phase == bridge.PhaseRunning })
			x.drain()
			want(t, r.rows("t", "n", "m"), "[1,null]", "[2,null]", "[null,3]")
			r.await("pst-bridge-t", "every message was delivered once", func(info *jetstream.ConsumerInfo) bool {
				return info.Delivered.Consumer == 3 && info.AckFloor.Stream == 3
			})
		})
	}
}

// A storage that fails for longer than ten ack waits makes the bridge give the messages
// back, for others to try, and begin again.
func TestStorageFailsForLong(t *testing.T) {
	r := newRig(t)
	r.durable("t", 300*time.Millisecond)
	gaveUp := make(chan struct{}, 1)
	x := r.bridge(func(c *bridge.Config) {
		c.Events.State = func(_ string, s bridge.TopicState) {
			if s.Phase == bridge.PhaseRetrying && strings.Contains(s.Err.Error(), "could not be committed to within 3s") {
				select {
				case gaveUp <- struct{}{}:
				default:
				}
			}
		}
	})
	r.send("t", `{"n":1}`)
	r.awaitRows("t", 1)
	mend := r.breakStorage("t", "_transactions")
	r.send("t", `{"n":2}`)
	select {
	case <-gaveUp:
	case <-time.After(patience):
		t.Fatalf("the pipeline did not give up: %v", x.b.Status())
	}
	mend()
	r.awaitRows("t", 2)
	x.drain()
	want(t, r.rows("t", "n"), "[1]", "[2]")
	r.await("pst-bridge-t", "everything is acknowledged", func(info *jetstream.ConsumerInfo) bool {
		return info.AckFloor.Stream == 2 && info.NumAckPending == 0
	})
}
