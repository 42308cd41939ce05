package commit_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
)

// putFaults fails the first puts of versions as listed.
func putFaults(faults ...faultstore.Fault) faultstore.Plan {
	return func(op faultstore.Op, _ string, n int) faultstore.Fault {
		if op == faultstore.OpPut && n < len(faults) {
			return faults[n]
		}
		return faultstore.None
	}
}

// sequences returns every sequence of faults up to a length.
func sequences(length int) [][]faultstore.Fault {
	all := [][]faultstore.Fault{{}}
	for begin, n := 0, 0; n < length; n++ {
		end := len(all)
		for _, s := range all[begin:end] {
			for _, f := range []faultstore.Fault{faultstore.None, faultstore.Refuse, faultstore.Before, faultstore.After, faultstore.Late} {
				all = append(all, append(slices.Clone(s), f))
			}
		}
		begin = end
	}
	return all
}

// Whatever the first three puts do, and whether or not a rival commits an
// overlapping batch in the middle of them, each row ends in the table once.
func TestEverySequenceOfOutcomes(t *testing.T) {
	for _, faults := range sequences(3) {
		for rivalAt := -1; rivalAt < 3; rivalAt++ {
			w := newWorld(t)
			store := faultstore.New(w.store, putFaults(faults...))
			puts := 0
			log := commit.New(store, commit.Options{Events: &commit.Events{BeforePut: func(uint64) {
				if puts == rivalAt {
					w.add(3, 4)
				}
				puts++
			}}})
			for _, rows := range [][]int{{1, 2, 3}, {5, 6}, {2, 6, 7}} {
				head := mustCommit(t, log, &batch{w: w, rows: rows})
				if landing, err := (&batch{w: w, rows: rows}).Landed(t.Context(), head); landing != commit.LandedWhole || err != nil {
					t.Fatalf("faults %v, rival %d: head returned lacks rows of %v: %v, %v", faults, rivalAt, rows, landing, err)
				}
			}
			if err := store.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := []int{1, 2, 3, 5, 6, 7}
			if rivalAt >= 0 && puts > rivalAt {
				want = []int{1, 2, 3, 4, 5, 6, 7}
			}
			w.wantHead(want...)
			w.transactionsStand()
			if t.Failed() {
				t.Fatalf("with faults %v and the rival at put %d", faults, rivalAt)
			}
		}
	}
}

// transactionsStand checks that nothing a version refers to was deleted.
func (w *world) transactionsStand() {
	w.t.Helper()
	log := commit.New(w.store, commit.Options{})
	for e, err := range manifest.Versions(context.Background(), w.store) {
		if err != nil {
			w.t.Fatal(err)
		}
		m, err := log.Version(context.Background(), e.Version)
		if err != nil {
			w.t.Fatal(err)
		}
		keys := []string{"_transactions/" + m.TransactionFile()}
		for i := range m.Fragments() {
			f, err := m.Fragment(i)
			if err != nil {
				w.t.Fatal(err)
			}
			keys = append(keys, "data/"+f.Files[0].Path)
		}
		for _, key := range keys {
			if _, err := w.store.Open(context.Background(), key); err != nil {
				w.t.Errorf("version %d lost what it lists: %v", e.Version, err)
			}
		}
	}
}

func TestRacingCommitters(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for committers := 2; committers <= 4; committers++ {
		w := newWorld(t)
		faults := rand.New(rand.NewPCG(seed, uint64(committers)))
		var mu sync.Mutex
		store := faultstore.New(w.store, func(op faultstore.Op, _ string, _ int) faultstore.Fault {
			mu.Lock()
			defer mu.Unlock()
			if op != faultstore.OpPut || faults.IntN(3) > 0 {
				return faultstore.None
			}
			return []faultstore.Fault{faultstore.Refuse, faultstore.Before, faultstore.After, faultstore.Late}[faults.IntN(4)]
		})
		var wg sync.WaitGroup
		for c := range committers {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(seed, uint64(100+c)))
				log := commit.New(store, commit.Options{})
				for i := range 25 {
					rows := []int{i}
					for range 3 {
						if n := random.IntN(60); !slices.Contains(rows, n) {
							rows = append(rows, n)
						}
					}
					head := mustCommit(t, log, &batch{w: w, rows: rows})
					for _, n := range rows {
						if head == nil || !slices.Contains(w.rowsOf(head), n) {
							t.Errorf("row %d was promised and is not in the head", n)
						}
					}
				}
			})
		}
		wg.Wait()
		if err := store.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		head, err := commit.New(w.store, commit.Options{}).Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows := w.rowsOf(head)
		if len(slices.Compact(slices.Clone(rows))) != len(rows) {
			t.Errorf("rows twice: %v", rows)
		}
		var listed []int
		for n := range ledgerOf(head) {
			listed = append(listed, n)
		}
		slices.Sort(listed)
		if !slices.Equal(rows, listed) {
			t.Errorf("rows %v, ledger %v", rows, listed)
		}
	}
}

func TestHangingPutIsUnknownNotFailed(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	ctx, cancel := context.WithCancel(t.Context())
	store := faultstore.New(w.store, putFaults(faultstore.Hang))
	log := commit.New(store, commit.Options{Events: &commit.Events{BeforePut: func(uint64) { cancel() }}})
	_, err := log.Commit(ctx, &batch{w: w, rows: []int{2}})
	if !errors.Is(err, commit.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if keys := w.keys("_transactions/1-"); len(keys) != 1 {
		t.Errorf("transaction files of the unknown put: %v", keys)
	}
}

func TestPutThatNeverAnswersIsGivenUp(t *testing.T) {
	w := newWorld(t)
	store := faultstore.New(w.store, func(op faultstore.Op, _ string, _ int) faultstore.Fault {
		if op == faultstore.OpPut {
			return faultstore.Before
		}
		return faultstore.None
	})
	_, err := commit.New(store, commit.Options{}).Commit(t.Context(), &batch{w: w, rows: []int{1}})
	if !errors.Is(err, commit.ErrUnknownOutcome) || !errors.Is(err, faultstore.ErrInjected) || store.Calls(faultstore.OpPut) != 4 {
		t.Errorf("after %d puts: %v", store.Calls(faultstore.OpPut), err)
	}
}
