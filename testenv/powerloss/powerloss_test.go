package powerloss

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// seeds is how many states are tried of each moment and share.
const seeds = 2

// moment is one step, and what had been acknowledged when it was made.
type moment struct {
	step  localfs.Step
	acked int // number of batches
}

// recording listens to stores.
type recording struct {
	moments []moment
	acked   int
}

func (r *recording) trace(s localfs.Step) { r.moments = append(r.moments, moment{s, r.acked}) }

// Power fails after any single step of creating a table, appending, adding a column
// and recording a dead letter.
func TestPowerLossAfterEachStep(t *testing.T) {
	t.Parallel()
	var r recording
	s := mustOpen(t, t.TempDir(), r.trace)
	for _, b := range work() {
		if err := b.commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		r.acked++
		r.moments = append(r.moments, moment{acked: r.acked})
	}
	r.judge(t)
}

// A worker is at the point between the publication of its version and the sync of its
// name, when another takes the same messages, finds them in the table, and acknowledges.
func TestPowerLossAfterAckOfAnothersVersion(t *testing.T) {
	t.Parallel()
	var r recording
	storage := t.TempDir()
	batches := work()
	inside := false
	var other *sink.Sink
	interrupt := func(s localfs.Step) {
		r.trace(s)
		if s.Kind != localfs.Linked || filepath.Ext(s.To) != ".manifest" || inside {
			return
		}
		inside = true
		defer func() { inside = false }()
		if other == nil { // later it is open already: opening syncs _versions
			other = mustOpen(t, storage, r.trace)
		}
		if err := batches[r.acked].commit(t.Context(), other); err != nil {
			t.Error(err)
		}
		r.acked++
		r.moments = append(r.moments, moment{acked: r.acked})
	}
	s := mustOpen(t, storage, interrupt)
	for i, b := range batches {
		if err := b.commit(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		r.acked = max(r.acked, i+1)
	}
	r.judge(t)
}

// judge cuts the power after each moment.
func (r *recording) judge(t *testing.T) {
	model := newDir()
	states := 0
	for i, m := range r.moments {
		if m.step.Kind != 0 {
			model.do(t, m.step)
		}
		for _, percent := range []int{0, 50, 100} {
			for seed := range uint64(seeds) {
				if percent != 50 && seed > 0 {
					continue // no throw decides anything
				}
				storage := t.TempDir()
				model.crash(t, filepath.Join(storage, tableDir), rand.New(rand.NewPCG(seed, uint64(i))), percent) //nolint:gosec // small
				states++
				if err := afterwards(t.Context(), storage, m.acked); err != nil {
					t.Fatalf("power lost after step %d (%d %s %s), %d%% of what was not synced is left, seed %d: %v",
						i, m.step.Kind, m.step.Name, m.step.To, percent, seed, err)
				}
			}
		}
	}
	t.Logf("%d steps, %d states", len(r.moments), states)
}

// afterwards holds that what was acknowledged is there, that every version is whole,
// and that going on gives each row once.
func afterwards(ctx context.Context, storage string, acked int) error {
	got, err := read(ctx, storage)
	if err != nil {
		return err
	}
	dead := map[uint64]bool{}
	want := map[uint64]int{}
	for i, b := range work() {
		for _, seq := range b.seqs {
			if dead[seq] = b.dead; !b.dead {
				want[seq] = 1
				if i < acked && got[seq] != 1 {
					return fmt.Errorf("sequence %d was acknowledged and has %d rows", seq, got[seq])
				}
			}
		}
	}
	s, err := open(ctx, storage, nil)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	st, err := s.State(ctx, "S")
	if err != nil {
		return err
	}
	for _, b := range work()[:acked] {
		for _, seq := range b.seqs {
			if st.Entry == nil || st.Entry.Status(seq) == 0 {
				return fmt.Errorf("sequence %d was acknowledged and is not in the ledger", seq)
			}
		}
	}
	for _, b := range work() {
		if err := b.commit(ctx, s); err != nil {
			return fmt.Errorf("go on: %w", err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if got, err = read(ctx, storage); err == nil && !maps.Equal(got, want) {
		err = fmt.Errorf("after going on the table holds %v", got)
	}
	return err
}

// read opens every version and reads all its files, and returns the rows of the newest
// by sequence.
func read(ctx context.Context, storage string) (map[uint64]int, error) {
	rows, newest := map[uint64]int{}, uint64(0)
	store, err := localfs.Open(filepath.Join(storage, tableDir))
	if err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // only read
	table := lance.Open(store, lance.Options{})
	for e, err := range manifest.Versions(ctx, store) {
		if err != nil {
			return nil, err
		}
		d, err := table.Version(ctx, e.Version)
		if err != nil {
			return nil, err
		}
		if o, err := store.Open(ctx, "_transactions/"+d.Manifest().TransactionFile()); err != nil {
			return nil, fmt.Errorf("version %d: %w", e.Version, err)
		} else if err := o.Close(); err != nil {
			return nil, err
		}
		found := map[uint64]int{}
		for rec, err := range d.Scan(ctx, lance.ScanOptions{}) {
			if err != nil {
				return nil, err
			}
			for _, seq := range rec.Column(0).(*array.Uint64).Uint64Values() {
				found[seq]++
			}
			rec.Release()
		}
		if e.Version > newest {
			newest, rows = e.Version, found
		}
	}
	return rows, nil
}
