package scenario

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// Bodies of what a worker tells the server of a message.
const (
	done  = "+ACK"
	alive = "+WPI"
)

// losing is a link on which a worker's word of messages is lost when lose says so.
func (r *rig) losing(lose func(word string) bool) *natsenv.Link {
	r.t.Helper()
	return natsenv.StartSieve(r.t, strings.TrimPrefix(r.urls, "nats://"), func(subject string, body []byte) bool {
		return strings.HasPrefix(subject, "$JS.ACK.") && lose(string(body))
	})
}

// floor is how far a topic's ledger knows that nothing comes again.
func (r *rig) floor(topic string) uint64 {
	r.t.Helper()
	var entry struct{ Floor uint64 }
	if err := json.Unmarshal([]byte(r.ledger(topic)), &entry); err != nil {
		r.t.Fatal(err)
	}
	return entry.Floor
}

// Acknowledgements that get lost cost deliveries, never rows. When none arrives the
// messages come again for ever, and each time the table knows them.
func TestAcksAreLost(t *testing.T) {
	t.Parallel()
	for name, percent := range map[string]int{"some": 30, "most": 90, "all": 100} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.durable("t", time.Second)
			var mended atomic.Bool
			link := r.losing(func(word string) bool {
				return word == done && !mended.Load() && rand.IntN(100) < percent //nolint:gosec // a share is meant
			})
			var duplicates atomic.Int64
			x := r.bridgeAt(link.URL(), func(c *bridge.Config) {
				c.BatchRows = 100
				c.Events.Committed = func(_ string, c bridge.Committed) { duplicates.Add(int64(c.Duplicates)) }
			})
			acked := r.publish("t", "p", 1000)
			r.awaitRows("t", 1000)
			eventually(t, "messages come again", func() bool { return duplicates.Load() >= 300 })
			acked = append(acked, r.publishFrom("t", "p", 1000, 500)...)
			r.awaitRows("t", 1500)
			mended.Store(true)
			r.awaitAcked("pst-bridge-t")
			acked = append(acked, r.publishFrom("t", "p", 1500, 1)...)
			r.awaitRows("t", 1501)
			if got := r.floor("t"); got < 1500 {
				t.Errorf("everything is acknowledged, and the ledger's floor is at %d", got)
			}
			x.drain()
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
		})
	}
}

// A sink that is slower than the ack wait: as long as the server hears that the messages
// are worked on, each is delivered once; when it does not hear, they come again, and
// the work goes on all the same.
func TestSinkIsSlowerThanTheAckWait(t *testing.T) {
	t.Parallel()
	const wait, batches = 500 * time.Millisecond, 3 // all of them within the ten waits that a lease lasts
	for name, deaf := range map[string]bool{"heartbeats arrive": false, "heartbeats are lost": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.durable("t", wait)
			link := r.losing(func(word string) bool { return deaf && word == alive })
			var redelivered atomic.Int64
			slow := func(c *bridge.Config) {
				c.BatchRows = 50
				c.Events.Reached = func(_ string, m bridge.Moment) {
					if m == bridge.MomentBeforePut {
						<-time.After(2 * wait)
					}
				}
				c.Events.Fetched = func(_ string, f bridge.Fetched) { redelivered.Add(int64(f.Redelivered)) }
			}
			x := r.bridgeAt(link.URL(), slow)
			y := r.bridgeAt(link.URL(), slow)
			acked := r.publish("t", "p", 50*batches)
			r.awaitRows("t", uint64(len(acked)))
			r.awaitAcked("pst-bridge-t")
			x.drain()
			y.drain()
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			if again := redelivered.Load() > 0; again != deaf {
				t.Errorf("%d messages came again", redelivered.Load())
			}
		})
	}
}

// Two workers have the same message, and both are about to put it into the table: one
// does, the other finds it there, and what it staged is in no version.
func TestTwoWorkersHaveOneMessage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.durable("t", 300*time.Millisecond)
	link := r.losing(func(word string) bool { return word == alive })
	var both sync.WaitGroup
	both.Add(2)
	var conflicts, duplicates atomic.Int64
	barrier := func(c *bridge.Config) {
		meet := sync.OnceFunc(func() { both.Done(); both.Wait() })
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == bridge.MomentBeforePut {
				meet()
			}
		}
		c.Events.Conflict = func(string, uint64) { conflicts.Add(1) }
		c.Events.Committed = func(_ string, c bridge.Committed) { duplicates.Add(int64(c.Duplicates)) }
	}
	x := r.bridgeAt(link.URL(), barrier)
	y := r.bridgeAt(link.URL(), barrier)
	r.send("t", `{"n":1}`)
	eventually(t, "one of the two finds the message in the table", func() bool { return duplicates.Load() > 0 })
	r.awaitAcked("pst-bridge-t")
	x.drain()
	y.drain()
	if conflicts.Load() == 0 {
		t.Error("no put was lost: the two did not meet")
	}
	want(t, r.rows("t", "n"), "[1]")
	fragments, err := r.table("t").Fragments()
	if err != nil || len(fragments) != 1 || len(fragments[0].Files) != 1 {
		t.Errorf("fragments %v, %v", fragments, err)
	}
}
