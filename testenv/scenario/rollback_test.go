package scenario

import (
	"sync"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// A restore takes back a row below what the older ledger holds, so no ack floor gives
// it away, and a clean-up removes the version that had the row. The restore is there.
func TestRolledBackBehindACleanUp(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	fetched := make(chan struct{}, 10)
	a := r.bridge(func(c *bridge.Config) {
		c.BatchRows = 1
		c.Events.Fetched = func(string, bridge.Fetched) { fetched <- struct{}{} }
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == bridge.MomentSealed {
				<-release
			}
		}
	})
	t.Cleanup(free)
	r.send("t", `{"n":1}`) // held by a, which waits
	<-fetched
	r.send("t", `{"n":2}`) // fetched by a, which pulls no more
	<-fetched
	b := r.bridge()
	r.send("t", `{"n":3}`)
	r.awaitRows("t", 1)
	free()
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
