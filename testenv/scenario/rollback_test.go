package scenario

import (
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// A restore takes back a row below what the older ledger holds, so no ack floor gives
// it away, and a clean-up removes the version that had the row. The restore is there.
func TestRolledBackBehindACleanUp(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	a := r.stall()
	a.hold(r, "t", `{"n":1}`, `{"n":2}`)
	b := r.bridge()
	r.send("t", `{"n":3}`)
	r.awaitRows("t", 1)
	a.release()
	r.awaitRows("t", 3)
	r.awaitAcked("pst-bridge-t")
	a.drain()
	b.drain()
	ref := r.table("t")
	if _, err := ref.At(1).Restore(); err != nil {
		t.Fatal(err)
	}
	if _, err := ref.CleanupOldVersions(time.Nanosecond, lanceref.KeepUnverified); err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"n":4}`)
	if got := r.refused("t"); got != "rolled_back" {
		t.Errorf("stopped as %s", got)
	}
}

// On a stream that topics share, a clean-up of what others did to one table is no
// sign of rows lost: the consumer's ack floor ends at the topic's own messages.
func TestCleanUpOnASharedStream(t *testing.T) {
	r := newRig(t)
	x := r.bridge()
	r.send("other", `{"n":1}`, `{"n":2}`)
	r.send("t", `{"n":1}`)
	r.send("other", `{"n":3}`, `{"n":4}`)
	r.awaitAcked("pst-bridge-other")
	r.awaitAcked("pst-bridge-t")
	x.drain()
	ref := r.table("t")
	for range 3 {
		if _, err := ref.Update(map[string]string{"n": "n + 10"}, "n >= 0"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ref.CleanupOldVersions(time.Nanosecond, lanceref.KeepUnverified); err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"n":2}`)
	r.writeAll()
	want(t, r.rows("t", "n"), "[31]", "[2]")
}
