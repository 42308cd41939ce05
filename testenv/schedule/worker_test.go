package schedule

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink"
)

// commitPatience is how long a commit goes on trying.
const commitPatience = 10 * ackWait

// worker does with the shipped sink what a pipeline of package bridge does.
type worker struct {
	w      *world
	id     int
	gate   *gate
	sink   *sink.Sink
	ctx    context.Context
	cancel context.CancelFunc
	busy   atomic.Bool

	held   map[uint64]*message
	staged []*stagedBatch
	toAck  []*message
	err    error // that ended it
	halted bool  // it stopped, and stays so
}

type stagedBatch struct {
	msgs   []*message
	staged *sink.Staged
	yields bool // it comes back where another worker has the lease
}

func identity() sink.Identity {
	return sink.Identity{Stream: "S", StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0)}
}

func (w *world) newWorker(id int) *worker {
	k := &worker{w: w, id: id, held: map[uint64]*message{}}
	k.gate = &gate{Store: w.store, rng: rand.New(rand.NewPCG(w.rng.Uint64(), 1)), resume: make(chan struct{}), often: 8, atPut: 3}
	if w.theme.hole {
		k.gate.often = 40
		if id == 0 {
			k.gate.atPut = 1
		}
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	return k
}

func (w *world) config(store sink.Store, rolled *bool) sink.Config {
	return sink.Config{
		Topic: "t", Open: func(string, bool) (sink.Store, error) { return store, nil },
		Events: sink.Events{
			AfterPut: func(version uint64) {
				if rolled != nil && w.rolledAt > 0 && version > w.rolledAt {
					*rolled = true
				}
			},
			Conflict: func(uint64) { w.count("conflicts") },
			Unknown:  func(uint64, error) { w.count("unknown outcomes") },
			Orphaned: func(uint64) {
				w.holes = true
				w.count("versions in a hole")
			},
		},
		Ends: func(context.Context) (first, last uint64, err error) { return w.stream.first, w.stream.last, nil },
	}
}

// position is what the consumer says now.
func (k *worker) position(batch []*message) sink.Position {
	s := k.w.stream
	pos := sink.Position{
		Identity: identity(), AckFloor: s.floor(), StreamLast: s.last,
		Deliveries: s.dealt, AckedDeliveries: s.ackedDeliveries(), Acked: s.acked,
	}
	for seq := range k.held {
		if !slices.ContainsFunc(batch, func(m *message) bool { return m.seq == seq }) && (pos.InFlight == 0 || seq < pos.InFlight) {
			pos.InFlight = seq
		}
	}
	return pos
}

// run gives the worker something to do, in a goroutine of its own.
func (k *worker) run(name string, do func() error) {
	k.w.tell("worker %d: %s", k.id, name)
	k.busy.Store(true)
	k.gate.turn.Store(true)
	go func() {
		err := do()
		if err != nil && !k.gate.dead.Load() {
			k.err = fmt.Errorf("%s: %w", name, err)
		}
		k.busy.Store(false)
	}()
	k.wait()
}

// wait returns when the worker stands still.
func (k *worker) wait() {
	synctest.Wait()
	k.gate.turn.Store(false)
}

// step lets a worker go on that stopped at the storage.
func (k *worker) step() {
	if k.gate.parked.Load() {
		k.gate.turn.Store(true)
		k.gate.resume <- struct{}{}
		k.wait()
	}
}

// start opens the table and binds to it.
func (k *worker) start() {
	pos := k.position(nil)
	k.run("start", func() error {
		cfg := k.w.config(k.gate, &k.w.overRestore)
		cfg.Rewriting = func() { // others append meanwhile
			k.w.count("pieces rewritten")
			_ = k.gate.stop(2) // the dead find out at the storage
		}
		s, err := sink.Open(k.ctx, cfg)
		if err != nil {
			return err
		}
		if _, err := s.Bind(k.ctx, pos); err != nil {
			return err
		}
		k.sink = s
		return nil
	})
}

// stage fetches messages and stages them.
func (k *worker) stage() {
	var msgs []*message
	for _, m := range k.w.stream.fetch(1 + k.w.rng.IntN(6)) {
		if old := k.held[m.seq]; old != nil && keepsOne() {
			if old != m {
				k.err = &sink.StopError{Reason: sink.StreamRewound, Err: errors.New("held under the same sequence")}
			}
			continue
		}
		k.held[m.seq] = m
		msgs = append(msgs, m)
		if !keepsOne() && k.w.rng.IntN(3) == 0 {
			msgs = append(msgs, m)
		}
	}
	if len(msgs) == 0 {
		return
	}
	slices.SortStableFunc(msgs, func(a, b *message) int { return int(a.seq) - int(b.seq) }) //nolint:gosec // small
	b := batchOf(msgs, k.sink.Schema(), k.sink.MayWiden)
	b.Yields = k.w.rng.IntN(2) == 0
	if mutant.On("dead-letter-before-ledger") {
		for _, r := range b.Plan.Rejected {
			k.w.stream.bury(k.held[r.Seq])
		}
	}
	k.run(fmt.Sprintf("stage %v", seqsOf(msgs)), func() error {
		st, err := k.sink.Stage(k.ctx, b)
		if err != nil {
			return err
		}
		k.staged = append(k.staged, &stagedBatch{msgs, st, b.Yields})
		return nil
	})
}

// commit commits the oldest staged batch.
func (k *worker) commit() {
	b := k.staged[0]
	k.staged = k.staged[1:]
	pos := k.position(b.msgs)
	if mutant.On("ack-before-commit") {
		for _, m := range b.msgs {
			k.w.stream.ack(m)
		}
	}
	k.run(fmt.Sprintf("commit %v, ack floor %d", seqsOf(b.msgs), pos.AckFloor), func() error {
		ctx, cancel := context.WithTimeout(k.ctx, commitPatience)
		defer cancel()
		res, err := k.sink.Commit(ctx, b.staged, pos)
		var busy *sink.BusyError
		if errors.As(err, &busy) {
			return k.putOff(b)
		}
		if err != nil || k.gate.dead.Load() {
			return err
		}
		k.w.add("columns widened", len(res.Widened))
		k.w.tell("worker %d: %v are in version %d; %d new rows, %d duplicates, %d pending", k.id, seqsOf(b.msgs), res.Version, res.Rows, res.Duplicates, len(res.Pending))
		k.w.add("duplicates dropped", res.Duplicates)
		k.w.add("commits", 1)
		for _, r := range res.Pending {
			at := slices.IndexFunc(b.msgs, func(m *message) bool { return m.seq == r.Seq })
			k.w.stream.bury(b.msgs[at])
			k.sink.Published(r.Seq)
		}
		k.toAck = append(k.toAck, b.msgs...)
		return nil
	})
}

// putOff stages a batch again that another worker's lease keeps from being committed,
// behind those that may not need to wait.
func (k *worker) putOff(b *stagedBatch) error {
	k.w.count("batches put off")
	again := batchOf(b.msgs, k.sink.Schema(), k.sink.MayWiden)
	again.Yields = b.yields
	st, err := k.sink.Stage(k.ctx, again)
	if err != nil {
		return err
	}
	k.staged = append(k.staged, &stagedBatch{b.msgs, st, b.yields})
	return nil
}

// ack acknowledges some of what was committed; some acks are lost.
func (k *worker) ack() {
	n := 1 + k.w.rng.IntN(len(k.toAck))
	k.w.tell("worker %d: ack %v", k.id, seqsOf(k.toAck[:n]))
	for _, m := range k.toAck[:n] {
		if !k.w.calm && k.w.rng.IntN(10) == 0 {
			k.w.count("acks lost")
		} else {
			k.w.stream.ack(m)
		}
		if k.held[m.seq] == m {
			delete(k.held, m.seq)
		}
	}
	k.toAck = k.toAck[n:]
}

// crash ends the worker where it stands.
func (k *worker) crash() {
	k.gate.dead.Store(true)
	k.cancel()
	for {
		synctest.Wait()
		if !k.gate.parked.Load() {
			break
		}
		k.gate.resume <- struct{}{}
	}
	for k.busy.Load() {
		<-time.After(time.Second) // fake
		synctest.Wait()
		if k.gate.parked.Load() {
			k.gate.resume <- struct{}{}
		}
	}
	for _, b := range k.staged {
		b.staged.Discard()
	}
}

func seqsOf(msgs []*message) []uint64 {
	out := make([]uint64, len(msgs))
	for i, m := range msgs {
		out[i] = m.seq
	}
	return out
}
