package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// stopped prepares a topic with one acknowledged row, breaks something, publishes
// another row, and requires the stop state: nothing more may be acknowledged.
func stopped(t *testing.T, reason string, breakIt func(r *rig)) {
	t.Helper()
	r := newRig(t)
	r.send("t", `{"n":1}`)
	r.writeAll()
	breakIt(r)
	r.send("t", `{"n":2}`)
	if got := r.refused("t"); got != reason {
		t.Errorf("stopped as %s, want %s", got, reason)
	}
	// What is acknowledged leaves the work queue. The consumer's own count of what is left
	// can stay at 0 for a message published right after a change of its settings.
	stream, err := r.js.Stream(t.Context(), "PERSISTING")
	if err == nil {
		_, err = stream.GetLastMsgForSubject(t.Context(), "persisting.t")
	}
	if err != nil {
		t.Errorf("the second message was acknowledged: %v", err)
	}
	// Another topic is not held up.
	r.send("other", `{"n":3}`)
	r.writeAll(func(c *bridge.Config) { c.Topics = []string{"other"} })
	want(t, r.rows("other", "n"), "[3]")
}

func TestTableMissing(t *testing.T) {
	stopped(t, "table_missing", func(r *rig) {
		if err := os.RemoveAll(filepath.Join(r.storage, "t.lance")); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTableReplaced(t *testing.T) {
	stopped(t, "ledger_missing", func(r *rig) {
		dir := filepath.Join(r.storage, "t.lance")
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		schema, rec := oneColumn(t, 7)
		defer rec.Release()
		if _, err := r.table("t").Create(lanceref.WriteOptions{}, schema, rec); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTableReplacedWhileRunning(t *testing.T) {
	r := newRig(t)
	x := r.bridge()
	r.send("t", `{"n":1}`)
	r.awaitRows("t", 1)
	r.awaitAcked("pst-bridge-t")
	dir := filepath.Join(r.storage, "t.lance")
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Fatal(err)
	}
	schema, rec := oneColumn(t, 7)
	defer rec.Release()
	if _, err := r.table("t").Create(lanceref.WriteOptions{}, schema, rec); err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"n":2}`)
	state := x.awaitStop("t")
	if state.Reason != "table_replaced" {
		t.Errorf("stopped as %v", state)
	}
	if n, err := r.table("t").Count(""); err != nil || n != 1 {
		t.Errorf("the foreign table has %d rows, %v", n, err)
	}
}

func TestRolledBackByRestore(t *testing.T) {
	stopped(t, "rolled_back", func(r *rig) {
		r.send("t", `{"n":1.5}`, `{"m":1}`)
		r.writeAll()
		if _, err := r.table("t").At(1).Restore(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestRolledBackByOverwrite(t *testing.T) {
	stopped(t, "rolled_back", func(r *rig) {
		schema, rec := oneColumn(t, 7)
		defer rec.Release()
		if _, err := r.table("t").Overwrite(lanceref.WriteOptions{}, schema, rec); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConsumerMissing(t *testing.T) {
	stopped(t, "consumer_missing", func(r *rig) {
		if err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestConsumerReplaced(t *testing.T) {
	stopped(t, "consumer_replaced", func(r *rig) {
		if err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t"); err != nil {
			t.Fatal(err)
		}
		r.durable("t", ackWait)
	})
}

func TestConsumerUnusable(t *testing.T) {
	stopped(t, "consumer_unusable", func(r *rig) {
		c, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
		if err != nil {
			t.Fatal(err)
		}
		cfg := c.CachedInfo().Config
		cfg.MaxDeliver = 3
		if _, err := r.js.UpdateConsumer(t.Context(), "PERSISTING", cfg); err != nil {
			t.Fatal(err)
		}
	})
}

// Settings that lose messages stop a topic also while it runs, and what the server
// gives up is heard of.
func TestMaxDeliverWhileRunning(t *testing.T) {
	r := newRig(t)
	r.durable("t", 3*time.Second)
	c, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
	if err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"n":1}`)
	msg, err := c.Next() // and it is never acknowledged
	if err != nil {
		t.Fatal(err)
	}
	given := make(chan uint64, 10)
	x := r.bridge(func(c *bridge.Config) {
		c.Topics = []string{"t"}
		c.Events.GivenUp = func(_ string, seq, _ uint64) { given <- seq }
	})
	eventually(t, "the topic runs", func() bool { return x.b.Status()["t"].Phase == bridge.PhaseRunning })
	cfg := c.CachedInfo().Config
	cfg.MaxDeliver = 1
	if _, err := r.js.UpdateConsumer(t.Context(), "PERSISTING", cfg); err != nil {
		t.Fatal(err)
	}
	select {
	case seq := <-given:
		if meta, err := msg.Metadata(); err != nil || seq != meta.Sequence.Stream {
			t.Errorf("the server gave up %d, %v", seq, err)
		}
	case <-time.After(patience):
		t.Fatal("nothing was heard of the message that the server gave up")
	}
	if s := x.awaitStop("t"); s.Reason != "consumer_unusable" {
		t.Errorf("stopped as %v", s)
	}
	// Without the limit it is not delivered either: that is no end of a run.
	cfg.MaxDeliver = -1
	if _, err := r.js.UpdateConsumer(t.Context(), "PERSISTING", cfg); err != nil {
		t.Fatal(err)
	}
	if got := r.refused("t"); got != "consumer_unusable" {
		t.Errorf("stopped as %s", got)
	}
	if err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t"); err != nil {
		t.Fatal(err)
	}
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]")
}

func TestStreamRecreated(t *testing.T) {
	stopped(t, "stream_recreated", func(r *rig) {
		if err := r.js.DeleteStream(t.Context(), "PERSISTING"); err != nil {
			t.Fatal(err)
		}
		r.stream(jetstream.WorkQueuePolicy)
		r.durable("t", ackWait)
	})
}

func TestLedgerOfANewerRelease(t *testing.T) {
	stopped(t, "ledger_newer", func(r *rig) {
		entry := strings.Replace(r.ledger("t"), `"format":1`, `"format":2`, 1)
		if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING": &entry}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLedgerDeleted(t *testing.T) {
	stopped(t, "ledger_missing", func(r *rig) {
		if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING": nil}); err != nil {
			t.Fatal(err)
		}
	})
}

// A stream takes its consumers along when it is deleted: it is the stream that is told,
// as its sequences are others.
func TestStreamRecreatedWithoutConsumer(t *testing.T) {
	stopped(t, "stream_recreated", func(r *rig) {
		if err := r.js.DeleteStream(t.Context(), "PERSISTING"); err != nil {
			t.Fatal(err)
		}
		r.stream(jetstream.WorkQueuePolicy)
	})
}

// A stream that is put back to an earlier state gives its numbers out again, and
// nothing in its information says so: its creation time and the consumer's are kept.
func TestStreamRewound(t *testing.T) {
	for name, c := range map[string]struct{ again, rows []string }{
		"shorter than the ledger": {[]string{`{"n":30}`}, []string{"[1,null]", "[2,null]", "[3,null]", "[30,1]", "[4,null]"}},
		"longer than the ledger": {
			[]string{`{"n":30}`, `{"n":40}`, `{"n":50}`},
			[]string{"[1,null]", "[2,null]", "[3,null]", "[30,1]", "[4,null]", "[40,1]", "[50,1]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRigWith(t, jetstream.LimitsPolicy)
			r.durable("t", ackWait)
			r.send("t", `{"n":1}`, `{"n":2}`)
			r.putBack(func() {
				r.send("t", `{"n":3}`, `{"n":4}`)
				r.writeAll()
			})
			r.send("t", c.again...)
			if got := r.refused("t"); got != "stream_rewound" {
				t.Errorf("stopped as %s", got)
			}
			want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]")
			r.command(0, "rebind", "t", "--new-epoch", "--start", "3")
			r.writeAll()
			want(t, r.rows("t", "n", "_nats_epoch"), c.rows...)
		})
	}
}

// putBack copies the server's store, does something, and puts the copy in its place.
func (r *rig) putBack(meanwhile func()) {
	r.t.Helper()
	backup := filepath.Join(r.t.TempDir(), "backup")
	r.restart(func() { copyDir(r.t, r.node.StoreDir(), backup) })
	meanwhile()
	r.restart(func() {
		if err := os.RemoveAll(r.node.StoreDir()); err != nil {
			r.t.Fatal(err)
		}
		copyDir(r.t, backup, r.node.StoreDir())
	})
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}
