package scenario

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A worker is parted from the server while it holds messages: both ways, so that it
// hears nothing, so that it is not heard, and on and off. Its messages go to another
// worker, and when the link is whole again its own late commits and acknowledgements
// change nothing.
func TestWorkerIsParted(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]func(*natsenv.Link){
		"both ways":        (*natsenv.Link).Part,
		"it hears nothing": func(l *natsenv.Link) { l.Hold(natsenv.FromServer) },
		"nobody hears it":  func(l *natsenv.Link) { l.Hold(natsenv.ToServer) },
		"on and off":       flap,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.durable("t", time.Second)
			link := natsenv.StartLink(t, strings.TrimPrefix(r.urls, "nats://"))
			t.Cleanup(link.Join) // before the bridge is drained
			holds, parted := make(chan struct{}, 1000), make(chan struct{})
			var again atomic.Int64
			x := r.bridgeAt(link.URL(), func(c *bridge.Config) {
				c.BatchRows = 100
				c.Events.Reached = func(_ string, m bridge.Moment) {
					if m == bridge.MomentBeforePut {
						holds <- struct{}{}
						<-parted
					}
				}
			})
			acked := r.publish("t", "p", 500)
			<-holds
			part(link)
			y := r.bridge(func(c *bridge.Config) {
				c.BatchRows = 100
				c.Events.Fetched = func(_ string, f bridge.Fetched) { again.Add(int64(f.Redelivered)) }
			})
			close(parted) // what it was about to put it puts
			acked = append(acked, r.publishFrom("t", "p", len(acked), 500)...)
			r.awaitRows("t", uint64(len(acked)))
			if name != "on and off" {
				r.awaitAcked("pst-bridge-t")
				if again.Load() == 0 {
					t.Error("no message of the parted worker came again: the test proves nothing")
				}
			}
			link.Join()
			acked = append(acked, r.publishFrom("t", "p", len(acked), 500)...)
			r.awaitRows("t", uint64(len(acked)))
			r.awaitAcked("pst-bridge-t")
			y.drain()
			acked = append(acked, r.publishFrom("t", "p", len(acked), 100)...) // for the other alone
			r.awaitRows("t", uint64(len(acked)))
			r.awaitAcked("pst-bridge-t")
			x.drain()
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
		})
	}
}

// flap cuts a link five times.
func flap(l *natsenv.Link) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 5 {
		l.Part()
		<-tick.C
		l.Join()
		<-tick.C
	}
}
