//go:build unix

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

const (
	publishers = 2
	chunk      = 200 // messages that a publisher has under way together
	rest       = 60 * time.Millisecond
)

// message is who published what.
type message struct {
	publisher, count int
}

// bad reports whether a message is no JSON: it has to become a dead letter.
func (m message) bad() bool { return m.count%131 == 77 }

// text is a value that follows from the message, so that the check of values needs no
// second copy.
func (m message) text() string {
	return fmt.Sprintf("%d-%d %s", m.publisher, m.count, strings.Repeat("x", (m.count*7919)%90))
}

// payload is the message. Its shape changes as it goes on: columns appear, and are
// left out again.
func (m message) payload() []byte {
	if m.bad() {
		return fmt.Appendf(nil, "no json from %d, %d", m.publisher, m.count)
	}
	more := ""
	if m.count%3 == 0 {
		more = fmt.Sprintf(`,"late%d":%d`, min(m.count/5000, 9), m.count)
	}
	if m.count%5 == 0 {
		more += fmt.Sprintf(`,"deep":{"p%d":%q}`, m.publisher, m.text())
	}
	return fmt.Appendf(nil, `{"p":%d,"c":%d,"text":%q%s}`, m.publisher, m.count, m.text(), more)
}

// history is what the server acknowledged to the publishers: the truth that the table
// is held against.
type history struct {
	mu    sync.Mutex
	bySeq map[uint64]message
}

// publish publishes until quiet ends, and then until everything is acknowledged.
func (w *world) publish(quiet context.Context) *history {
	h := &history{bySeq: map[uint64]message{}}
	ctx, cancel := context.WithTimeout(w.h.ctx, w.s.Duration+patience)
	defer cancel()
	var running sync.WaitGroup
	for p := range publishers {
		running.Go(func() {
			for from := 0; quiet.Err() == nil; from += chunk {
				of := func(i int) message { return message{p, from + i} }
				acked, err := natsenv.Publish(ctx, w.js, "persisting."+topic, fmt.Sprintf("%d-%d", p, from), chunk,
					func(i int) []byte { return of(i).payload() })
				if err != nil {
					w.h.Errorf("publisher %d: %v", p, err)
					return
				}
				h.mu.Lock()
				for _, a := range acked {
					if old, ok := h.bySeq[a.Seq]; ok && old != of(a.Index) {
						w.h.Errorf("sequence %d was acknowledged for two messages: the server lost one", a.Seq)
					}
					h.bySeq[a.Seq] = of(a.Index)
				}
				h.mu.Unlock()
				select {
				case <-time.After(rest):
				case <-quiet.Done():
				}
			}
		})
	}
	running.Wait()
	return h
}
