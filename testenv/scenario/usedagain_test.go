package scenario

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// A schedule of package schedule found this, here for the real server: a stream is put
// back, one worker holds a sequence that is used again, and another one records later
// messages. What the first one holds is still not what the table has.
func TestSequenceIsUsedAgainBehindAnotherWorker(t *testing.T) {
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.durable("t", time.Hour)
	r.send("t", `{"n":1}`, `{"n":2}`)
	r.putBack(func() {
		r.send("t", `{"n":3}`, `{"n":4}`)
		r.writeAll()
	})
	r.send("t", `{"n":30}`)
	r.send("other", `{}`) // the stream is as long as the table says
	only := func(c *bridge.Config) { c.Topics = []string{"t"} }
	first := r.stall(only)
	<-first.fetched
	r.send("t", `{"n":50}`)
	<-first.fetched
	r.send("t", `{"n":60}`)
	second := r.bridge(only)
	r.awaitRows("t", 5)
	second.drain()
	first.release()
	if state := first.awaitStop("t"); state.Reason != "stream_rewound" {
		t.Errorf("stopped as %s: %v", state.Reason, state.Err)
	}
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]", "[60]")
	r.await("pst-bridge-t", "two are not acknowledged", func(info *jetstream.ConsumerInfo) bool { return info.NumAckPending == 2 })
	r.command(0, "rebind", "t", "--new-epoch", "--start", "3")
	r.writeAll(only)
	want(t, r.rows("t", "n", "_nats_epoch"), "[1,null]", "[2,null]", "[3,null]", "[30,1]", "[4,null]", "[50,1]", "[60,null]")
}
