//go:build unix

package scenario

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// wake continues a worker that stops itself, until it does something. It may say that
// it stops before it does.
func wake(t *testing.T, p *runner.Process, until string, ok func() bool) {
	t.Helper()
	eventually(t, until, func() bool {
		p.Signal(syscall.SIGCONT)
		return ok()
	})
}

// SIGTERM at each moment: the worker drains from there, and what it does not write it
// gives back at once. Nothing waits for the ack wait, which is an hour.
func TestDrainAtEachMoment(t *testing.T) {
	t.Parallel()
	for _, moment := range append([]bridge.Moment{bridge.MomentDeadLetter}, moments...) {
		t.Run(string(moment), func(t *testing.T) {
			r := newRig(t)
			r.durable("t", time.Hour)
			acked := r.publish("t", "p", 1500)
			r.send("t", "no json")
			p := r.worker(string(moment)+"=stop@1", small...)
			p.Stderr().WaitFor(t, patience, "failpoint "+string(moment))
			p.Terminate()
			wake(t, p, "it drains", func() bool {
				select {
				case <-p.Done():
					return true
				default:
					return false
				}
			})
			if exit := p.Wait(patience); exit.Code != 0 {
				t.Fatalf("drained with %+v\n%s", exit, p.Stderr())
			}
			r.once(small...)
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			if dead := r.deadLetters("t"); len(dead) != 1 {
				t.Errorf("dead letters %v", dead)
			}
		})
	}
}

// A worker is suspended for longer than the ack wait, before its put or before its
// acks; another one writes its messages. When it goes on it finds them written.
func TestZombieFindsItsMessagesWritten(t *testing.T) {
	t.Parallel()
	for _, moment := range []bridge.Moment{bridge.MomentStaged, bridge.MomentBeforePut, bridge.MomentAfterPut, bridge.MomentCommitted} {
		t.Run(string(moment), func(t *testing.T) {
			r := newRig(t)
			r.durable("t", time.Second)
			acked := r.publish("t", "p", 2000)
			zombie := r.worker(string(moment)+"=stop@2", small...)
			zombie.Stderr().WaitFor(t, patience, "failpoint "+string(moment))
			r.once(small...)
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			acked = append(acked, r.publishFrom("t", "p", len(acked), 500)...)
			table := r.table("t")
			wake(t, zombie, "it writes the rest", func() bool {
				n, err := table.Count("")
				return err == nil && n == uint64(len(acked))
			})
			zombie.Terminate()
			if exit := zombie.Wait(patience); exit.Code != 0 {
				t.Fatalf("the zombie ended with %+v\n%s", exit, zombie.Stderr())
			}
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			c := tally{FailpointHits: map[string]int{}}
			if c.add(zombie); c.Duplicates == 0 {
				t.Error("the zombie dropped no duplicate: the test proves nothing")
			}
		})
	}
}

// Workers come and go under load, one to eight and back: some drain, others are killed
// between their first put and its read-back. The table grows all the time, and what was
// put is found again.
func TestWorkersComeAndGo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.durable("t", ackWait)
	var published atomic.Int64
	history := make(chan []natsenv.Acked, 1)
	enough := make(chan struct{})
	go func() {
		var acked []natsenv.Acked
		for {
			acked = append(acked, r.publishFrom("t", "p", len(acked), 200)...)
			published.Store(int64(len(acked)))
			select {
			case <-enough:
				history <- acked
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	table := r.table("t")
	grows := func(what string) {
		t.Helper()
		before, err := table.Count("")
		if err != nil {
			before = 0 // there is no table yet
		}
		eventually(t, "the table grows with "+what, func() bool {
			now, err := table.Count("")
			return err == nil && now > before
		})
	}
	var workers, ended []*runner.Process
	doomed := map[*runner.Process]bool{}
	for _, n := range []int{1, 8, 1, 4, 1} {
		for len(workers) < n {
			failpoint := ""
			dies := (len(ended)+len(workers))%3 == 2 // three of eleven, none of those that stay
			if dies {
				failpoint = string(bridge.MomentAfterPut) + "=kill@1"
			}
			p := r.worker(failpoint, small...)
			doomed[p] = dies
			workers = append(workers, p)
		}
		for len(workers) > n {
			p := workers[0]
			if doomed[p] {
				if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
					t.Errorf("a worker that was to be killed ended with %+v\n%s", exit, p.Stderr())
				}
			} else {
				p.Terminate()
			}
			ended, workers = append(ended, p), workers[1:]
		}
		grows(fmt.Sprintf("%d workers", n))
	}
	close(enough)
	acked := <-history
	r.awaitRows("t", uint64(len(acked)))
	r.awaitAcked("pst-bridge-t")
	c := tally{FailpointHits: map[string]int{}}
	for _, p := range workers {
		p.Terminate()
	}
	for _, p := range append(ended, workers...) {
		// One that had hardly begun ends by the signal itself.
		if exit := p.Wait(patience); !doomed[p] && exit.Code != 0 && exit.Signal != syscall.SIGTERM {
			t.Errorf("a worker ended with %+v\n%s", exit, p.Stderr())
		}
		c.add(p)
	}
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
	if c.Duplicates == 0 {
		t.Error("nothing that a killed worker had put came again: the test proves nothing")
	}
	t.Logf("%d messages, %d commits, %d conflicts, %d duplicates dropped", published.Load(), c.Commits, c.Conflicts, c.Duplicates)
}
