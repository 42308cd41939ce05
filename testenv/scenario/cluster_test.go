package scenario

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// The node that leads the stream is parted from the other two, in every way there is;
// leaders step down, and a node is stopped. A worker is at each node. What the cluster
// acknowledged to the publisher is in the table once.
func TestNodesOfAClusterAreParted(t *testing.T) {
	t.Parallel()
	r := newClusterRig(t)
	r.durable("t", ackWait)
	for _, n := range r.cluster.Nodes {
		r.bridgeAt(n.URL(), func(c *bridge.Config) { c.BatchRows = 200 })
	}
	var acked []natsenv.Acked
	publish := func(at *natsenv.Node) {
		t.Helper()
		acked = append(acked, r.through(at).publishFrom("t", "p", len(acked), 1000)...)
	}
	c := r.cluster
	publish(c.Nodes[0])

	// Apart: two nodes elect a leader among them, and take what is published.
	old := c.StreamLeader("PERSISTING")
	c.Part(old)
	publish(c.NextLeader("PERSISTING", old))
	c.Join(old)
	publish(old)

	// The leader hears nobody, or nobody hears it: nothing is acknowledged, and what one
	// of the two stored meanwhile is there once when it is published again.
	for _, part := range []func(*natsenv.Node){c.Deafen, c.Silence} {
		old = c.StreamLeader("PERSISTING")
		js := r.through(old).js
		part(old)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		i := len(acked)
		if _, err := js.Publish(ctx, "persisting.t", payload("p", i), jetstream.WithMsgID(fmt.Sprintf("p-%d-0", i))); err == nil {
			t.Error("a leader that is alone acknowledged a message")
		}
		cancel()
		c.Join(old)
		acked = append(acked, r.publishFrom("t", "p", i, 1)...)
		publish(old)
	}

	// On and off.
	tick := time.NewTicker(150 * time.Millisecond)
	defer tick.Stop()
	for range 5 {
		c.Part(c.Nodes[1])
		<-tick.C
		c.Join(c.Nodes[1])
		<-tick.C
	}
	publish(c.Nodes[1])

	nc := natsenv.Dial(t, r.urls)
	c.AwaitCurrent("PERSISTING")
	c.StepDown(t.Context(), nc, "PERSISTING", "")
	c.StepDown(t.Context(), nc, "PERSISTING", "pst-bridge-t")
	publish(c.Nodes[2])
	old = c.StreamLeader("PERSISTING")
	old.Stop()
	publish(c.NextLeader("PERSISTING", old))
	old.Restart()
	r.awaitRows("t", uint64(len(acked)))
	r.awaitAcked("pst-bridge-t")
	c.AwaitCurrent("PERSISTING")
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
}

// through is the same rig with a connection to one node only.
func (r *rig) through(n *natsenv.Node) *rig {
	r.t.Helper()
	other := *r
	js, err := jetstream.New(natsenv.Dial(r.t, n.URL()), jetstream.WithPublishAsyncTimeout(3*time.Second))
	if err != nil {
		r.t.Fatal(err)
	}
	other.js = js
	return &other
}
