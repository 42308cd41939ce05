package natsenv

import (
	"net"
	"sync"
	"testing"
)

// Link is a TCP proxy in front of a server, by which a test parts the two ends: those
// who dial the link from the server behind it. It is safe for concurrent use.
type Link struct {
	listener net.Listener
	target   string
	swallow  func(subject string, body []byte) bool // nil: bytes are passed on as they are
	running  sync.WaitGroup

	mu     sync.Mutex
	change *sync.Cond // of what follows
	cut    bool
	held   [2]bool // by Direction
	conns  map[net.Conn]bool
}

// Direction is a way through a Link.
type Direction int

// The two ways through a Link.
const (
	ToServer Direction = iota
	FromServer
)

// StartLink makes a link to an address, host:port; it is closed by t.Cleanup.
func StartLink(t testing.TB, target string) *Link {
	t.Helper()
	return startLink(t, target, nil)
}

// StartSieve makes a link that loses the messages that clients publish and swallow
// says so of. The connection must be a client's, in clear.
func StartSieve(t testing.TB, target string, swallow func(subject string, body []byte) bool) *Link {
	t.Helper()
	return startLink(t, target, swallow)
}

func startLink(t testing.TB, target string, swallow func(string, []byte) bool) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("link to %s: %v", target, err)
	}
	l := &Link{listener: listener, target: target, swallow: swallow, conns: map[net.Conn]bool{}}
	l.change = sync.NewCond(&l.mu)
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close() // accept ends however it ends
		l.Part()
		l.running.Wait()
	})
	return l
}

// Addr is where the link listens, host:port.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// URL is Addr for a client.
func (l *Link) URL() string { return "nats://" + l.Addr() }

// Part cuts all connections and refuses new ones.
func (l *Link) Part() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	for c := range l.conns {
		_ = c.Close()
	}
	l.change.Broadcast()
}

// Hold keeps back what goes one way, and lets the other way pass: each end believes
// in the connection, and one of them hears nothing.
func (l *Link) Hold(d Direction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[d] = true
}

// Join ends Part and Hold. What was held goes on its way.
func (l *Link) Join() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.held = false, [2]bool{}
	l.change.Broadcast()
}

func (l *Link) accept() {
	for {
		in, err := l.listener.Accept()
		if err != nil {
			return // closed
		}
		out, err := net.Dial("tcp", l.target)
		if err != nil || !l.keep(in, out) {
			_ = in.Close()
			if out != nil {
				_ = out.Close()
			}
			continue
		}
		l.running.Go(func() { l.pipe(out, in, ToServer) })
		l.running.Go(func() { l.pipe(in, out, FromServer) })
	}
}

// keep notes a pair of connections, unless the link is cut.
func (l *Link) keep(conns ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return false
	}
	for _, c := range conns {
		l.conns[c] = true
	}
	return true
}

// pipe passes bytes on until one end ends, and then ends the other.
func (l *Link) pipe(to, from net.Conn, d Direction) {
	if l.swallow != nil && d == ToServer {
		l.sieve(to, from)
	} else {
		l.copy(to, from, d)
	}
	l.mu.Lock()
	delete(l.conns, from)
	l.change.Broadcast()
	l.mu.Unlock()
	_ = to.Close()
	_ = from.Close()
}

func (l *Link) copy(to, from net.Conn, d Direction) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && l.await(from, d) {
			if _, e := to.Write(buf[:n]); e != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// await waits while a way is held, and reports whether the connection still stands.
func (l *Link) await(from net.Conn, d Direction) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.held[d] && !l.cut && l.conns[from] {
		l.change.Wait()
	}
	return !l.cut
}
