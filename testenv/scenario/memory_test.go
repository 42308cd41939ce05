package scenario

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
