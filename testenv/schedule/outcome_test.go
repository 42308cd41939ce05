package schedule

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
)

// outcomes are what a put of a version can come to.
func outcomes() []faultstore.Fault {
	return []faultstore.Fault{faultstore.None, faultstore.Refuse, faultstore.Before, faultstore.After, faultstore.Hang, faultstore.Late}
}

// sequences are all sequences of outcomes of a length; what follows is None.
func sequences(length int) [][]faultstore.Fault {
	if length == 0 {
		return [][]faultstore.Fault{nil}
	}
	var all [][]faultstore.Fault
	for _, s := range sequences(length - 1) {
		for _, f := range outcomes() {
			all = append(all, append(slices.Clone(s), f))
		}
	}
	return all
}

// Whatever three puts of a sink in a row come to, with or without a second worker that
// has the same messages, and whichever commit they strike: the one that makes the table,
// an append, one that adds a column, one of a dead letter alone. A put that hangs is
// ended by the deadline of its commit, and its messages come again.
func TestEverySequenceOfPutOutcomes(t *testing.T) {
	figures := map[string]int{}
	for _, faults := range sequences(3) {
		for begin := range 5 {
			for _, rival := range []bool{false, true} {
				var err error
				synctest.Test(t, func(*testing.T) { err = playOutcomes(figures, faults, begin, rival) })
				if err != nil {
					t.Fatalf("puts from %d on come to %v, rival %t: %v", begin, faults, rival, err)
				}
			}
		}
	}
	t.Log(figures)
}

func playOutcomes(figures map[string]int, faults []faultstore.Fault, begin int, rival bool) error {
	w := newWorld(0, figures)
	w.slow = -1
	w.store = faultstore.New(w.mem, func(op faultstore.Op, _ string, n int) faultstore.Fault {
		if op == faultstore.OpPut && n >= begin && n < begin+len(faults) {
			return faults[n-begin]
		}
		return faultstore.None
	})
	w.workers = nil
	for id := range 2 {
		k := w.newWorker(id)
		k.gate.rng = rand.New(highest{})
		w.workers = append(w.workers, k)
	}
	for _, k := range []kind{{rows: 1}, {rows: 2}, {rows: 1, column: "c0"}, {broken: true}, {rows: 1}} {
		w.stream.publish(k)
		for id := range 2 {
			if id == 0 || rival {
				w.begin(id)
			}
		}
		for id := range w.workers {
			w.finish(id)
		}
	}
	w.settle()
	for _, k := range w.workers {
		k.crash()
	}
	w.check()
	for _, m := range w.stream.history {
		if !m.acked {
			w.fail("message %d was never acknowledged", m.uid)
		}
	}
	if len(w.wrong) > 0 {
		return errors.New(strings.Join(w.wrong, "\n"))
	}
	return nil
}

// begin lets a worker start, if it must, and stage what it is dealt: also what another
// holds, whose time is over.
func (w *world) begin(id int) {
	<-time.After(ackWait + time.Second)
	if k := w.workers[id]; k.sink == nil {
		k.start()
	}
	w.finish(id)
	if k := w.workers[id]; k.sink != nil && k.err == nil && len(k.staged) == 0 {
		k.stage()
	}
}

// finish lets a worker commit what it staged, and waits for it.
func (w *world) finish(id int) {
	k := w.workers[id]
	if k.sink != nil && k.err == nil && !k.busy.Load() && len(k.staged) > 0 {
		k.commit()
	}
	for k.busy.Load() {
		<-time.After(time.Second)
		k.wait()
		k.step()
	}
	if k.err != nil {
		w.ended(k)
		return
	}
	if len(k.toAck) > 0 {
		k.ack()
	}
}

// highest is a source of numbers by which a worker stops nowhere by itself.
type highest struct{}

// Uint64 implements rand.Source.
func (highest) Uint64() uint64 { return ^uint64(0) }
