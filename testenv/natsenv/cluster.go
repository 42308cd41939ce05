package natsenv

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const size = 3

// Cluster is three nodes with one JetStream. Each route between two of them goes
// through a link, and no node tells another, or a client, where a third is: so nodes
// can be parted.
type Cluster struct {
	t      testing.TB
	Nodes  []*Node
	routes [size][size]*Link // by who dials and who listens; nil on the diagonal
}

// StartCluster runs three nodes on free ports and waits until they have elected
// a leader of JetStream's meta group.
func StartCluster(t testing.TB, change ...Options) *Cluster {
	t.Helper()
	var ports [size]int
	for i := range ports {
		ports[i] = freePort(t)
	}
	c := &Cluster{t: t}
	for i := range ports {
		var routes []*url.URL
		for j := range ports {
			if i != j {
				c.routes[i][j] = StartLink(t, "127.0.0.1:"+strconv.Itoa(ports[j]))
				routes = append(routes, &url.URL{Scheme: "nats", Host: c.routes[i][j].Addr()})
			}
		}
		join := func(o *server.Options) {
			o.ServerName = fmt.Sprintf("node-%d", i)
			o.Cluster = server.ClusterOpts{
				Name: "natsenv", Host: "127.0.0.1", Port: ports[i], NoAdvertise: true,
				Advertise: "127.0.0.1:1", // nobody listens there: nodes tell each other of routes all the same
			}
			o.Routes = routes
		}
		c.Nodes = append(c.Nodes, newNode(t, t.TempDir(), append([]Options{join}, change...)))
	}
	for _, n := range c.Nodes {
		n.Restart()
	}
	for _, n := range c.Nodes {
		n.awaitReady()
	}
	c.await("a meta leader that sees all nodes", func() bool {
		for _, n := range c.Nodes {
			if n.srv.JetStreamIsLeader() {
				return len(n.srv.JetStreamClusterPeers()) == size
			}
		}
		return false
	})
	return c
}

// Part cuts a node off from the other two, until Join.
func (c *Cluster) Part(n *Node) {
	c.around(n, func(dialled, dials *Link) {
		dialled.Part()
		dials.Part()
	})
}

// Deafen keeps from a node what the other two say; they still hear it.
func (c *Cluster) Deafen(n *Node) {
	c.around(n, func(dialled, dials *Link) {
		dialled.Hold(ToServer)
		dials.Hold(FromServer)
	})
}

// Silence keeps from the other two what a node says; it still hears them.
func (c *Cluster) Silence(n *Node) {
	c.around(n, func(dialled, dials *Link) {
		dialled.Hold(FromServer)
		dials.Hold(ToServer)
	})
}

// Join ends what Part, Deafen and Silence did to a node.
func (c *Cluster) Join(n *Node) {
	c.around(n, func(dialled, dials *Link) {
		dialled.Join()
		dials.Join()
	})
}

// around visits the links between a node and each other one: that by which the other
// dials it, and that which it dials.
func (c *Cluster) around(n *Node, visit func(dialled, dials *Link)) {
	i := slices.Index(c.Nodes, n)
	for j := range c.Nodes {
		if i != j {
			visit(c.routes[j][i], c.routes[i][j])
		}
	}
}

// URL returns the URLs of all nodes, separated by commas.
func (c *Cluster) URL() string {
	s := ""
	for i, n := range c.Nodes {
		if i > 0 {
			s += ","
		}
		s += n.URL()
	}
	return s
}

// StreamLeader returns the node that leads a stream, waiting for one.
func (c *Cluster) StreamLeader(stream string) *Node {
	c.t.Helper()
	return c.leader("stream "+stream, func(n *Node) bool {
		return n.srv.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)
	})
}

// NextLeader waits until another node than one leads a stream, and returns it. The one
// may be parted from the others, and still take itself for the leader.
func (c *Cluster) NextLeader(stream string, than *Node) *Node {
	c.t.Helper()
	return c.leader("stream "+stream+" beside the last one", func(n *Node) bool {
		return n != than && n.srv.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream)
	})
}

// ConsumerLeader returns the node that leads a consumer, waiting for one.
func (c *Cluster) ConsumerLeader(stream, consumer string) *Node {
	c.t.Helper()
	return c.leader("consumer "+consumer, func(n *Node) bool {
		return n.srv.JetStreamIsConsumerLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream, consumer)
	})
}

// AwaitCurrent waits until every running node is up to date with a stream. A
// node that is stopped earlier, while it starts, leaves goroutines of
// nats-server behind.
func (c *Cluster) AwaitCurrent(stream string) {
	c.t.Helper()
	c.await("copy of stream "+stream+" on every node that is current", func() bool {
		for _, n := range c.Nodes {
			if n.srv != nil && !n.srv.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
				return false
			}
		}
		return true
	})
}

func (c *Cluster) leader(what string, leads func(*Node) bool) *Node {
	c.t.Helper()
	var found []*Node
	c.await("one leader of "+what, func() bool {
		found = slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return n.srv == nil || !leads(n) })
		return len(found) == 1 // one that was parted may take itself for the leader for a while
	})
	return found[0]
}

func (c *Cluster) await(what string, ok func() bool) {
	c.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(readyTimeout); time.Now().Before(end); <-tick.C {
		if ok() {
			return
		}
	}
	c.t.Fatalf("cluster: no %s within %v", what, readyTimeout)
}

// StepDown makes the leader of a stream, or of a consumer if one is named, hand
// over, and waits for the next leader.
func (c *Cluster) StepDown(ctx context.Context, nc *nats.Conn, stream, consumer string) {
	c.t.Helper()
	subject := "$JS.API.STREAM.LEADER.STEPDOWN." + stream
	if consumer != "" {
		subject = "$JS.API.CONSUMER.LEADER.STEPDOWN." + stream + "." + consumer
	}
	if _, err := nc.RequestWithContext(ctx, subject, nil); err != nil {
		c.t.Fatalf("step down %s: %v", subject, err)
	}
	if consumer != "" {
		c.ConsumerLeader(stream, consumer)
		return
	}
	c.StreamLeader(stream)
}

// JetStream returns a JetStream handle, or fails the test.
func JetStream(t testing.TB, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatalf("set up JetStream: %v", err)
	}
	return js
}
