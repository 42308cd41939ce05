package scenario

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// moments at which a worker is killed. Dead letters have a test of their own.
var moments = []bridge.Moment{
	bridge.MomentBeforePut, bridge.MomentAfterPut, bridge.MomentAcking, bridge.MomentCommitted,
	bridge.MomentStaged, bridge.MomentAcked, bridge.MomentSealed, bridge.MomentFetched,
}

// small batches make many commits, and so many chances.
var small = []string{"--batch-size", "500", "--flush-interval", "100ms"}

func TestKillAtEachMoment(t *testing.T) {
	for _, moment := range moments {
		for _, hit := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s@%d", moment, hit), func(t *testing.T) {
				t.Parallel()
				r := newRig(t)
				r.durable("kill", 2*time.Second)
				acked := r.publish("kill", "p", 12_000) // more than two pulls
				p := r.worker(fmt.Sprintf("%s=kill@%d", moment, hit), small...)
				if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
					t.Fatalf("the worker was not killed at %s: %+v\n%s", moment, exit, p.Stderr())
				}
				last := r.once(small...)
				r.exact("kill", map[string][]natsenv.Acked{"p": acked})
				c := tally{FailpointHits: map[string]int{}}
				c.add(last)
				switch moment {
				case bridge.MomentAfterPut, bridge.MomentCommitted, bridge.MomentAcking:
					if c.Duplicates == 0 {
						t.Errorf("killed at %s after the rows were in the table, yet no redelivered message was dropped", moment)
					}
				default:
				}
			})
		}
	}
}

// TestTwentyKills is the proof the project stands on. PST_SEED repeats a run.
func TestTwentyKills(t *testing.T) {
	for name, retention := range map[string]jetstream.RetentionPolicy{
		"work-queue": jetstream.WorkQueuePolicy, "limits": jetstream.LimitsPolicy,
	} {
		t.Run(name, func(t *testing.T) { twentyKills(t, retention) })
	}
}

func twentyKills(t *testing.T, retention jetstream.RetentionPolicy) {
	const messages, kills, workers = 200_000, 20, 3
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("PST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PST_SEED=%d", seed)
	r := newRigWith(t, retention)
	r.durable("kills", 3*time.Second)

	history := make(chan []natsenv.Acked, 1)
	go func() { history <- r.publish("kills", "p", messages) }()

	rng := rand.New(rand.NewPCG(seed, 0))
	plan := func(k int) string { // each moment in turn, at a hit drawn for it
		return fmt.Sprintf("%s=kill@%d", moments[k%len(moments)], 1+rng.IntN(4))
	}
	c := tally{FailpointHits: map[string]int{}}
	args := []string{"--batch-size", "1000", "--flush-interval", "200ms"}
	dead := 0
	ended := make(chan *runner.Process)
	start := func(failpoints string) {
		p := r.worker(failpoints, args...)
		r.alive[p] = true
		go func() {
			<-p.Done()
			ended <- p
		}()
	}
	for k := range workers {
		start(plan(k))
	}
	deadline := time.After(patience)
	for started := workers; dead < kills; started++ {
		select {
		case p := <-ended:
			if exit := p.Wait(time.Second); exit.Signal != syscall.SIGKILL {
				t.Fatalf("a worker ended by itself: %+v\n%s", exit, p.Stderr())
			}
			c.add(p)
			delete(r.alive, p)
			dead++
			switch {
			case started < kills:
				start(plan(started))
			default:
				start("") // lives to the end
			}
		case <-deadline:
			t.Fatalf("only %d of %d kills happened", dead, kills)
		}
	}
	acked := <-history
	r.finish(ended, &c)
	v := r.exact("kills", map[string][]natsenv.Acked{"p": acked})
	t.Logf("%d acknowledged, %d rows, 0 missing and 0 twice wanted; %d commits, %d duplicates dropped, %d conflicts, kills by moment %v; largest ledger %d bytes, %d runs",
		len(acked), v.rows, c.Commits, c.Duplicates, c.Conflicts, c.FailpointHits, c.LedgerBytes, c.LedgerRuns)
	if c.Duplicates == 0 || c.Conflicts == 0 {
		t.Errorf("%d duplicates and %d conflicts: the run proves nothing", c.Duplicates, c.Conflicts)
	}
	for _, moment := range []bridge.Moment{bridge.MomentBeforePut, bridge.MomentAfterPut, bridge.MomentAcking} {
		if c.FailpointHits[string(moment)] == 0 {
			t.Errorf("no worker was killed at %s: the run proves nothing", moment)
		}
	}
}

// finish waits until the server holds nothing undone of the topic, then drains the workers.
func (r *rig) finish(ended <-chan *runner.Process, c *tally) {
	r.t.Helper()
	r.awaitAcked("pst-bridge-kills")
	for p := range r.alive {
		p.Terminate()
	}
	for range r.alive {
		p := <-ended
		if exit := p.Wait(patience); exit.Code != 0 {
			r.t.Errorf("a drained worker exited with %+v\n%s", exit, p.Stderr())
		}
		c.add(p)
	}
}
