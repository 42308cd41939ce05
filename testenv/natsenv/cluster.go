package natsenv

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is three nodes with one JetStream.
type Cluster struct {
	t     testing.TB
	Nodes []*Node
}

// StartCluster runs three nodes on free ports and waits until they have elected
// a leader of JetStream's meta group.
func StartCluster(t testing.TB, change ...Options) *Cluster {
	t.Helper()
	const size = 3
	var ports [size]int
	var routes []*url.URL
	for i := range ports {
		ports[i] = freePort(t)
		routes = append(routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + strconv.Itoa(ports[i])})
	}
	c := &Cluster{t: t}
	for i := range ports {
		join := func(o *server.Options) {
			o.ServerName = fmt.Sprintf("node-%d", i)
			o.Cluster = server.ClusterOpts{Name: "natsenv", Host: "127.0.0.1", Port: ports[i]}
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
	var found *Node
	c.await("a leader of "+what, func() bool {
		for _, n := range c.Nodes {
			if n.srv != nil && leads(n) {
				found = n
				return true
			}
		}
		return false
	})
	return found
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
