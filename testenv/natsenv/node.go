package natsenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const readyTimeout = 2 * time.Minute

// portsGiven are those that freePort returned in this process: a server that is
// stopped for a while does not hold its port.
var portsGiven sync.Map //nolint:gochecknoglobals // ports are the process's

// Options changes a node before it starts. JetStream, store, host and ports are
// set before it is called.
type Options func(*server.Options)

// Node is one server in the test's process.
type Node struct {
	t    testing.TB
	opts *server.Options
	srv  *server.Server
}

// Start runs one node on a free port with an empty store.
func Start(t testing.TB, change ...Options) *Node {
	t.Helper()
	n := newNode(t, t.TempDir(), change)
	n.Restart()
	n.awaitReady()
	return n
}

func newNode(t testing.TB, store string, change []Options) *Node {
	t.Helper()
	opts := &server.Options{
		Host: "127.0.0.1", Port: freePort(t), JetStream: true, StoreDir: store,
		NoLog: true, NoSigs: true,
	}
	for _, f := range change {
		f(opts)
	}
	n := &Node{t: t, opts: opts}
	t.Cleanup(n.Stop)
	return n
}

// freePort returns a port that was free a moment ago. Unlike port 0 it is known
// before the server starts, and so stays the same over restarts. It is below those
// that systems give to connections and to port 0: none of these takes it meanwhile.
func freePort(t testing.TB) int {
	t.Helper()
	const low, high, tries = 10_000, 32_000, 100
	var err error
	for range tries {
		port := low + rand.IntN(high-low) //nolint:gosec // any will do
		if _, taken := portsGiven.LoadOrStore(port, true); taken {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			err = l.Close()
		}
		if err == nil {
			return port
		}
	}
	t.Fatalf("find a free port: %v", err)
	return 0
}

// URL returns the client URL; it stays the same over restarts.
func (n *Node) URL() string {
	return "nats://" + net.JoinHostPort(n.opts.Host, strconv.Itoa(n.opts.Port))
}

// StoreDir returns the store folder.
func (n *Node) StoreDir() string { return n.opts.StoreDir }

// Server returns the running server, or nil.
func (n *Node) Server() *server.Server { return n.srv }

// InProcessConn opens a connection that does not leave the process.
func (n *Node) InProcessConn() (net.Conn, error) {
	if n.srv == nil {
		return nil, fmt.Errorf("node %s is stopped", n.URL())
	}
	return n.srv.InProcessConn()
}

// Stop shuts the node down gracefully and waits. A stopped node is left alone.
func (n *Node) Stop() {
	if n.srv == nil {
		return
	}
	n.srv.Shutdown()
	n.srv.WaitForShutdown()
	n.srv = nil
}

// Restart starts the node, stopping it first if it runs, on the same store and
// ports. It does not wait until the node is ready: connections retry.
func (n *Node) Restart() {
	n.t.Helper()
	n.Stop()
	opts := n.opts.Clone()
	srv, err := server.NewServer(opts)
	if err != nil {
		n.t.Fatalf("start node %s: %v", n.URL(), err)
	}
	n.srv = srv
	go srv.Start()
}

// Reload changes options of the running node, as a new configuration would, for its
// restarts too.
func (n *Node) Reload(change Options) {
	n.t.Helper()
	opts := n.opts.Clone()
	change(opts)
	if err := n.srv.ReloadOptions(opts.Clone()); err != nil {
		n.t.Fatalf("reload node %s: %v", n.URL(), err)
	}
	n.opts = opts
}

func (n *Node) awaitReady() {
	n.t.Helper()
	if !n.srv.ReadyForConnections(readyTimeout) || !n.srv.JetStreamEnabled() {
		n.t.Fatalf("node %s with store %s is not ready within %v", n.URL(), n.opts.StoreDir, readyTimeout)
	}
}

// Dial connects a plain client that reconnects without end; it is closed by
// t.Cleanup. Tests publish and administrate with it.
func Dial(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append([]nats.Option{
		nats.MaxReconnects(-1), nats.ReconnectWait(50 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.Name("test"),
	}, opts...)
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatalf("connect to %s: %v", url, err)
	}
	t.Cleanup(nc.Close)
	return nc
}
