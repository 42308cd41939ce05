package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// world is one schedule.
type world struct {
	theme   theme
	rng     *rand.Rand
	mem     *memstore.Store
	store   *faultstore.Store
	stream  *stream
	workers []*worker
	figures map[string]int
	log     func(string) // nil: not told

	calm        bool            // the end: nothing fails any more
	rolledAt    uint64          // version that restored or overwrote; 0: none since an operator decided
	restored    bool            // there was one
	dropped     bool            // a column was dropped
	taken       map[int64]bool  // messages that someone else took from the table
	overRestore bool            // somebody committed over a restore
	cleaned     bool            // a clean-up took versions
	holes       bool            // versions stand in holes that a clean-up made
	removed     map[string]bool // versions that a clean-up took, by key
	slow        int             // worker that goes on seldom once it stopped; -1: none
	stopped     error           // a state in which the topic rightly stays, where a worker found one
	wrong       []string
}

func newWorld(seed uint64, figures map[string]int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 4)), mem: memstore.New(), figures: figures, taken: map[int64]bool{}, removed: map[string]bool{}}
	w.slow = w.rng.IntN(4) - 1
	w.theme = themeOf(w, seed)
	w.store = faultstore.New(w.mem, w.plan)
	w.stream = newStream(w)
	if mutant.On("max-deliver-3") {
		w.stream.deliverBy = 3
	}
	workers := 1 + w.rng.IntN(3)
	if w.theme.workers > 0 {
		workers = w.theme.workers
	}
	for id := range workers {
		w.workers = append(w.workers, w.newWorker(id))
	}
	return w
}

// plan makes calls of the storage fail.
func (w *world) plan(op faultstore.Op, _ string, _ int) faultstore.Fault {
	rate := w.theme.faults
	if op == faultstore.OpPut {
		rate = w.theme.putFault
	}
	if w.calm || w.rng.IntN(1000) >= rate {
		return faultstore.None
	}
	if op == faultstore.OpPut {
		return w.theme.puts[w.rng.IntN(len(w.theme.puts))]
	}
	return []faultstore.Fault{faultstore.Before, faultstore.After}[w.rng.IntN(2)]
}

func (w *world) tell(format string, args ...any) {
	if w.log != nil {
		w.log(fmt.Sprintf(format, args...))
	}
}

func (w *world) count(what string) { w.add(what, 1) }

func (w *world) add(what string, n int) { w.figures[what] += n }

func (w *world) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.tell("WRONG: %s", text)
	w.wrong = append(w.wrong, text)
}

// run plays the schedule to its end, and judges what it left.
func (w *world) run() error {
	w.tell("theme: %s", w.theme.name)
	w.publish(3)
	for range w.theme.steps + w.rng.IntN(80) {
		if len(w.wrong) > 0 {
			break
		}
		n := w.rng.IntN(100)
		happens := func(odds int) bool {
			n -= odds
			return n < 0
		}
		switch t := &w.theme; {
		case happens(t.publish):
			w.publish(1 + w.rng.IntN(4))
		case happens(t.sleep):
			w.sleep([]time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 40 * time.Second}[w.rng.IntN(4)])
		case happens(t.crash):
			w.crash(w.workers[w.rng.IntN(len(w.workers))])
		case happens(t.foreign):
			w.foreign()
		case happens(t.server):
			w.serverTrouble()
		default:
			w.act(w.workers[w.rng.IntN(len(w.workers))])
		}
	}
	w.settle()
	for _, k := range w.workers {
		if !k.halted {
			k.crash()
		}
	}
	w.check()
	if len(w.wrong) > 0 {
		return errors.New(strings.Join(w.wrong, "\n"))
	}
	return nil
}

// publish stores messages, those of other topics of the stream among them.
func (w *world) publish(n int) {
	for range n {
		if w.rng.IntN(5) == 0 {
			w.stream.last++ // of another topic
			continue
		}
		w.stream.publish(w.theme.kind(w))
	}
}

func (w *world) sleep(d time.Duration) {
	w.tell("%v pass", d)
	<-time.After(d)
	for _, k := range w.workers {
		k.wait()
	}
	// Workers that wait may beat: what they hold is not given to others.
	for _, k := range w.workers {
		if w.rng.IntN(3) > 0 {
			for _, m := range k.held {
				if w.stream.live[m.seq] == m {
					m.ready = time.Now().Add(ackWait)
				}
			}
		}
	}
}

func (w *world) crash(k *worker) {
	w.tell("worker %d: crash", k.id)
	w.count("crashes")
	w.replace(k)
}

// replace ends a worker and puts a new process in its place.
func (w *world) replace(k *worker) {
	if k.halted {
		return
	}
	k.crash()
	for i := range w.workers {
		if w.workers[i] == k {
			w.workers[i] = w.newWorker(k.id)
		}
	}
}

// act lets one worker do one thing.
func (w *world) act(k *worker) {
	switch {
	case k.halted:
	case k.busy.Load():
		if w.mayGoOn(k) {
			k.step()
		}
	case k.err != nil:
		w.ended(k)
	case k.sink == nil:
		k.start()
	case len(k.toAck) > 0 && (w.theme.hole || w.rng.IntN(2) == 0):
		k.ack()
	case len(k.staged) > 0 && (len(k.staged) > 1 || w.rng.IntN(3) > 0):
		k.commit()
	default:
		k.stage()
	}
}

// mayGoOn reports whether a worker that stopped at the storage does something now.
func (w *world) mayGoOn(k *worker) bool {
	switch {
	case w.calm:
		return true
	case w.theme.hole:
		key, _ := k.gate.putting.Load().(string)
		return k.id > 0 || key == "" || w.removed[key]
	default:
		return k.id != w.slow || w.rng.IntN(8) == 0
	}
}

// ended deals with a worker that ended by itself: it starts again, an operator
// resolves what stopped it, or it is wrong that it stopped.
func (w *world) ended(k *worker) {
	w.tell("worker %d ended: %v", k.id, k.err)
	var stop *sink.StopError
	switch {
	case !errors.As(k.err, &stop):
		w.count("restarts")
	case stop.Reason == sink.RolledBack && (w.rolledAt > 0 || w.restored || w.cleaned):
		// What a version did that is gone cannot be known, and the ack floor passes
		// other topics' sequences: the sink takes no chance.
		w.rebind()
	case stop.Reason == sink.StreamRewound && w.stream.rewound:
		if w.stopped == nil {
			w.count("rewinds found")
		}
		w.halt(k, stop)
		return
	case stop.Reason == sink.StreamRewound && w.restored:
		// The restore took a message from the ledger that a worker holds yet, the floor
		// passes it, as it is acknowledged, and the clocks disagreed about its time.
		w.count("taken for rewound")
	case stop.Reason == sink.TableReplaced && w.cleaned:
		// The version before ours went while ours was read back, and another stands in
		// its place, see commit.checkPrevious; or such another was restored, a first
		// version with a table's id of its own among them.
		w.count("taken for replaced")
	case stop.Reason == sink.TableMissing && w.stream.purged:
		w.halt(k, stop)
		return
	default:
		w.fail("stopped without cause: %v", stop)
	}
	w.replace(k)
}

// halt ends a worker whose topic stays stopped. Its peers go on until they find the
// same: nothing may be lost by them meanwhile.
func (w *world) halt(k *worker, stop error) {
	w.stopped = stop
	k.crash()
	k.halted, k.err = true, nil
}

// rebind is what an operator does about a table rolled back.
func (w *world) rebind() {
	ctx := context.Background()
	w.tell("the operator rebinds")
	s, err := sink.Open(ctx, w.config(&plainStore{w.mem}, nil))
	if err == nil {
		_, err = s.Rebind(ctx, sink.Rebinding{Identity: identity()})
	}
	if err != nil {
		w.fail("rebind: %v", err)
		return
	}
	if w.rolledAt > 0 {
		w.count("rollbacks found")
	}
	w.rolledAt = 0
}

type plainStore struct{ *memstore.Store }

// Probe implements sink.Store.
func (plainStore) Probe(context.Context) error { return nil }

// Close implements sink.Store.
func (plainStore) Close() error { return nil }

// serverTrouble is what happens to streams.
func (w *world) serverTrouble() {
	if !w.theme.rewind && w.rng.IntN(2) == 0 {
		w.tell("purge")
		w.count("purges")
		w.stream.purge(1 + w.rng.IntN(3))
		return
	}
	w.tell("the server loses its tail")
	w.count("rewinds")
	n := 1 + w.rng.IntN(5)
	w.stream.rewind(uint64(n)) //nolint:gosec // small
	if w.theme.rewind && w.rng.IntN(8) > 0 {
		w.publish(n + w.rng.IntN(3))
	}
}

// settle ends the trouble and lets the workers finish.
func (w *world) settle() {
	if w.theme.hole {
		w.foreign()
	}
	w.tell("calm")
	w.calm = true
	if err := w.store.Settle(context.Background()); err != nil {
		w.fail("settle: %v", err)
	}
	for round, over := 0, 0; len(w.wrong) == 0; round++ {
		if len(w.stream.live) == 0 && w.idle() {
			return
		}
		if w.stopped != nil {
			if over++; over == 40 {
				return // what is stopped need not end
			}
		}
		if round == 400 && w.stopped == nil {
			w.fail("no end: %d messages are left", len(w.stream.live))
			return
		}
		for _, k := range w.workers {
			if !k.busy.Load() && k.err == nil && k.sink != nil && len(k.toAck) > 0 {
				k.ack()
			}
			w.act(k)
		}
		if round%4 == 3 {
			w.tell("time passes")
			<-time.After(ackWait + time.Second)
			for _, k := range w.workers {
				k.wait()
			}
		}
	}
}

func (w *world) idle() bool {
	for _, k := range w.workers {
		if k.busy.Load() || k.err != nil {
			return false
		}
	}
	return true
}
