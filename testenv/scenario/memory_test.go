package scenario

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// Topics share one budget: far more data than it allows gets through, although no batch
// is ever full or old, and what is held passes the limit by no more than the least pulls.
func TestMemoryIsShared(t *testing.T) {
	const topics, messages, size, limit = 5, 150, 100 << 10, 24 << 20
	r := newRig(t)
	pad := strings.Repeat("x", size)
	for i := range messages {
		for topic := range topics {
			r.send(fmt.Sprintf("t%d", topic), fmt.Sprintf(`{"n":%d,"pad":%q}`, i, pad))
		}
	}
	x := r.bridge(func(c *bridge.Config) {
		c.Memory, c.FlushInterval = limit, time.Hour
		c.Events.Committed = func(_ string, c bridge.Committed) {
			if c.Reason != bridge.RollMemory && c.Reason != bridge.RollBytes && c.Reason != bridge.RollDrain {
				t.Errorf("a batch was sealed by %s", c.Reason)
			}
		}
	})
	read := func() (held uint64) {
		for topic := range topics {
			n, err := r.table(fmt.Sprintf("t%d", topic)).Count("")
			if err == nil {
				held += n
			}
		}
		return held
	}
	eventually(t, "memory was freed for all but the last messages", func() bool { return read() >= topics*messages-limit/size })
	x.drain()
	r.writeAll()
	if n := read(); n != topics*messages {
		t.Errorf("%d rows, want %d", n, topics*messages)
	}
	used, most := x.b.Memory()
	if used != 0 {
		t.Errorf("%d bytes are counted after the drain", used)
	}
	if most > limit+topics*(3<<20) || most < limit/2 {
		t.Errorf("at most %d bytes were held, the limit is %d", most, limit)
	}
	t.Logf("at most %d MiB held of %d", most>>20, limit>>20)
}

// A stream that is nearly full makes batches be written that are neither full nor old,
// and one that is full refuses publishers and loses nothing.
func TestLogPressure(t *testing.T) {
	for _, perTopic := range []bool{false, true} {
		t.Run(fmt.Sprintf("per topic %v", perTopic), func(t *testing.T) { logPressure(t, perTopic) })
	}
}

func logPressure(t *testing.T, perTopic bool) {
	t.Helper()
	const limit = 1 << 20
	r := newBareRig(t)
	r.perTopic = perTopic
	r.stream(jetstream.WorkQueuePolicy)
	s, err := r.js.Stream(t.Context(), r.home("t"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.CachedInfo().Config
	cfg.MaxBytes = limit
	if _, err := r.js.UpdateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	row := fmt.Sprintf(`{"pad":%q}`, strings.Repeat("x", 1000))
	stored := uint64(0)
	for {
		if _, err = r.js.Publish(t.Context(), "persisting.t", []byte(row)); err != nil {
			break
		}
		stored++
	}
	var refused *jetstream.APIError
	if !errors.As(err, &refused) || refused.Description != "maximum bytes exceeded" || stored < 500 {
		t.Fatalf("after %d messages: %v", stored, err)
	}
	x := r.bridge(func(c *bridge.Config) {
		c.FlushInterval = time.Hour
		c.Events.Committed = func(_ string, c bridge.Committed) {
			if c.Reason != bridge.RollPressure && c.Reason != bridge.RollDrain {
				t.Errorf("a batch was sealed by %s", c.Reason)
			}
		}
	})
	r.awaitRows("t", stored)
	r.awaitAcked("pst-bridge-t")
	r.send("t", row)
	x.b.Drain()
}
