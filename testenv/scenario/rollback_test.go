package scenario

import (
	"fmt"
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

// Other topics' messages and purges move the ack floor of a topic that is idle. After a
// clean-up of what others did to its table that is no sign of rows lost, unless the
// consumer counts deliveries that the ledger does not know.
func TestCleanUpWhileATopicIsIdle(t *testing.T) {
	for name, restored := range map[string]bool{"nothing else": false, "after a restore": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			x := r.bridge()
			for n := range 2 {
				r.send("t", fmt.Sprintf(`{"n":%d}`, n))
				r.awaitRows("t", uint64(n+1)) //nolint:gosec // small
			}
			r.awaitAcked("pst-bridge-t")
			x.drain()
			ref := r.table("t")
			if restored {
				if _, err := ref.At(1).Restore(); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if _, err := ref.Update(map[string]string{"n": "n + 10"}, "n >= 0"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ref.CleanupOldVersions(time.Nanosecond, lanceref.KeepUnverified); err != nil {
				t.Fatal(err)
			}
			r.send("other", `{"n":1}`, `{"n":2}`)
			stream, err := r.js.Stream(t.Context(), "PERSISTING")
			if err == nil {
				err = stream.Purge(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			consumer, err := stream.Consumer(t.Context(), "pst-bridge-t")
			if err != nil {
				t.Fatal(err)
			}
			if floor := consumer.CachedInfo().AckFloor.Stream; floor != 4 {
				t.Errorf("the ack floor is %d: the test proves nothing", floor)
			}
			r.send("t", `{"n":2}`)
			if restored {
				if got := r.refused("t"); got != "rolled_back" {
					t.Errorf("stopped as %q", got)
				}
				return
			}
			r.writeAll()
			want(t, r.rows("t", "n"), "[20]", "[21]", "[2]")
		})
	}
}
