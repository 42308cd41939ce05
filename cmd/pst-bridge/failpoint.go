//go:build failpoint

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// failpointVar names the moments at which this process kills itself, for the
// fault tests: "after-put=kill@3,acking=kill@1" is at the third time a batch is
// put and not yet read back, or the first time half of its acks have left,
// whichever comes first; "decoding:5=kill@1" is when the message with sequence 5 is
// decoded. Only binaries built with the tag failpoint read it.
const failpointVar = "PST_FP"

// failpoint counts how often one moment is reached.
type failpoint struct {
	at   int64
	hits atomic.Int64
}

// armFailpoints adds the failpoints of the environment to events.
func armFailpoints(events *bridge.Events) error {
	points := map[bridge.Moment]*failpoint{}
	spec := os.Getenv(failpointVar)
	for part := range strings.SplitSeq(spec, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		moment, act, _ := strings.Cut(strings.TrimSpace(part), "=")
		count, ok := strings.CutPrefix(act, "kill@")
		n, err := strconv.ParseInt(count, 10, 64)
		if !ok || err != nil || n < 1 {
			return usagef("%s: %q is not MOMENT=kill@N", failpointVar, part)
		}
		points[bridge.Moment(moment)] = &failpoint{at: n}
	}
	events.Decoding = func(_ string, seq uint64) {
		if p := points[bridge.Moment("decoding:"+strconv.FormatUint(seq, 10))]; p != nil && p.hits.Add(1) == p.at {
			fmt.Fprintf(os.Stderr, "failpoint decoding %d hit %d\n", seq, p.at)
			die()
		}
	}
	next := events.Reached
	events.Reached = func(topic string, m bridge.Moment) {
		if p := points[m]; p != nil && p.hits.Add(1) == p.at {
			fmt.Fprintf(os.Stderr, "failpoint %s hit %d\n", m, p.at)
			die()
		}
		if next != nil {
			next(topic, m)
		}
	}
	return nil
}

// die ends the process with SIGKILL, as a crash would: nothing is flushed, no
// deferred call runs.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // its error would leave nothing better to do than what follows
	}
	select {} // the signal is on its way
}
