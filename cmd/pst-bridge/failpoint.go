//go:build failpoint && unix

package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// failpointVar names the moments at which this process kills itself, for the
// fault tests: "after-put=kill@3,acking=kill@1" is at the third time a batch is
// put and not yet read back, or the first time half of its acks have left,
// whichever comes first; "decoding:5=kill@1" is when the message with sequence 5 is
// decoded. With stop instead of kill it stops, until SIGCONT. Only binaries built with the tag failpoint read it.
const failpointVar = "PST_FP"

// leaseVar is how long such a binary's leases last, so that tests of killed holders
// need not wait for 30 s.
const leaseVar = "PST_LEASE"

// failpoint counts how often one moment is reached.
type failpoint struct {
	at   int64
	act  func()
	hits atomic.Int64
}

// armFailpoints adds the failpoints of the environment to cfg.
func armFailpoints(cfg *bridge.Config) error {
	if err := armPuts(cfg); err != nil {
		return err
	}
	if text := os.Getenv(leaseVar); text != "" {
		var err error
		if cfg.Lease, err = time.ParseDuration(text); err != nil {
			return usagef("%s: %v", leaseVar, err)
		}
	}
	events := &cfg.Events
	points := map[bridge.Moment]*failpoint{}
	spec := os.Getenv(failpointVar)
	for part := range strings.SplitSeq(spec, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		moment, act, _ := strings.Cut(strings.TrimSpace(part), "=")
		verb, count, _ := strings.Cut(act, "@")
		n, err := strconv.ParseInt(count, 10, 64)
		do, ok := map[string]func(){"kill": die, "stop": suspend}[verb]
		if !ok || err != nil || n < 1 {
			return usagef("%s: %q is not MOMENT=kill@N or MOMENT=stop@N", failpointVar, part)
		}
		points[bridge.Moment(moment)] = &failpoint{at: n, act: do}
	}
	events.Decoding = func(_ string, seq uint64) {
		if p := points[bridge.Moment("decoding:"+strconv.FormatUint(seq, 10))]; p != nil && p.hits.Add(1) == p.at {
			fmt.Fprintf(os.Stderr, "failpoint decoding %d hit %d\n", seq, p.at)
			p.act()
		}
	}
	next := events.Reached
	events.Reached = func(topic string, m bridge.Moment) {
		if p := points[m]; p != nil && p.hits.Add(1) == p.at {
			fmt.Fprintf(os.Stderr, "failpoint %s hit %d\n", m, p.at)
			p.act()
		}
		if next != nil {
			next(topic, m)
		}
	}
	return nil
}

// suspend stops the process with SIGSTOP, as a machine that is paused would. This
// goroutine goes on after SIGCONT, and not in the moment that the signal takes.
func suspend() {
	woken := make(chan os.Signal, 1)
	signal.Notify(woken, syscall.SIGCONT)
	defer signal.Stop(woken)
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(syscall.SIGSTOP) == nil {
		<-woken
	}
}

// die ends the process with SIGKILL, as a crash would: nothing is flushed, no
// deferred call runs.
func die() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill() // its error would leave nothing better to do than what follows
	}
	select {} // the signal is on its way
}
