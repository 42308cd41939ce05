//go:build unix

package main

import (
	"io"
	"net"
	"sync"
)

// proxy stands between a worker and a server, so that the two can be parted.
type proxy struct {
	listener net.Listener
	target   string

	mu struct {
		sync.Mutex
		cut   bool
		conns map[net.Conn]bool
	}
	running sync.WaitGroup
}

func newProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: l, target: target}
	p.mu.conns = map[net.Conn]bool{}
	p.running.Go(p.accept)
	return p, nil
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil || !p.keep(in, out) {
			_ = in.Close()
			if out != nil {
				_ = out.Close()
			}
			continue
		}
		p.running.Go(func() { p.pipe(in, out) })
		p.running.Go(func() { p.pipe(out, in) })
	}
}

// keep notes a pair of connections, unless the proxy is cut.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.cut {
		return false
	}
	for _, c := range conns {
		p.mu.conns[c] = true
	}
	return true
}

func (p *proxy) pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from) // however it ends, both ends end
	p.mu.Lock()
	delete(p.mu.conns, from)
	p.mu.Unlock()
	_ = to.Close()
	_ = from.Close()
}

// part cuts all connections and refuses new ones, or allows them again.
func (p *proxy) part(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut = cut
	if cut {
		for c := range p.mu.conns {
			_ = c.Close()
		}
	}
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.part(true)
	p.running.Wait()
}
