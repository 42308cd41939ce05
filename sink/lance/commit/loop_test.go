package commit_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
)

// A writer that is suspended after its last look publishes a version number that a
// clean-up has freed: the put succeeds, and the rows are in no reachable version.
func TestPutIntoAHoleIsNoticed(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	w.add(2)
	suspended := false
	orphaned := []uint64{}
	log := commit.New(w.store, commit.Options{Events: &commit.Events{
		BeforePut: func(uint64) {
			if suspended {
				return
			}
			suspended = true
			for n := 10; n < 30; n++ {
				w.add(n)
			}
			for v := uint64(1); v < 22; v++ {
				w.remove(manifest.V2.Key(v))
			}
		},
		Orphaned: func(v uint64) { orphaned = append(orphaned, v) },
	}})
	head, err := log.Commit(t.Context(), &batch{w: w, rows: []int{3}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(orphaned, []uint64{3}) || head.Version() != 23 {
		t.Errorf("orphaned %v, landed in version %d", orphaned, head.Version())
	}
	if rows := w.rowsOf(head); len(rows) != 23 {
		t.Errorf("head holds %v", rows)
	}
}

func TestRestoreAfterOurVersionIsReported(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	w.add(2)
	log := commit.New(w.store, commit.Options{Events: &commit.Events{AfterPut: func(uint64) { w.goBack(1) }}})
	if _, err := log.Commit(t.Context(), &batch{w: w, rows: []int{3}}); !errors.Is(err, commit.ErrRolledBack) {
		t.Errorf("got %v", err)
	}
	// The same while there is nothing to put, only to read back.
	w = newWorld(t)
	w.add(1)
	w.add(2)
	b := &batch{w: w, rows: []int{2}, planned: func(*manifest.Manifest) { w.goBack(1) }}
	if _, err := commit.New(w.store, commit.Options{}).Commit(t.Context(), b); !errors.Is(err, commit.ErrRolledBack) {
		t.Errorf("nothing to put: got %v", err)
	}
}

func TestReplacedTableIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		after func(w *world) // what happens right after the put of version 3
		want  error
	}{
		"dropped": {func(w *world) { w.remove(w.keys("")...) }, commit.ErrTableReplaced},
		"all but ours dropped": {func(w *world) {
			w.remove(manifest.V2.Key(1), manifest.V2.Key(2), "data/f0.lance", "data/f1.lance")
		}, commit.ErrTableReplaced},
		"made anew up to the version before": {func(w *world) {
			w.remove(manifest.V2.Key(1), manifest.V2.Key(2))
			w.putRaw(otherTable(2), nil)
		}, commit.ErrTableReplaced},
		"only cleaned up": {func(w *world) { w.remove(manifest.V2.Key(1), manifest.V2.Key(2)) }, nil},
		"quiet":           {func(*world) {}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add(1)
			w.add(2)
			log := commit.New(w.store, commit.Options{Events: &commit.Events{AfterPut: func(uint64) { c.after(w) }}})
			if _, err := log.Commit(t.Context(), &batch{w: w, rows: []int{3}}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// A version without rows has no file by which a clean-up is told from another table:
// ours tell.
func TestEmptyVersionIsCleanedUp(t *testing.T) {
	for name, c := range map[string]struct {
		after func(w *world) // what happens right after the put of version 3
		want  error
	}{
		"only cleaned up":  {func(w *world) { w.empty() }, nil},
		"its rows too":     {func(w *world) { w.empty("data/f0.lance") }, commit.ErrTableReplaced},
		"its transactions": {func(w *world) { w.empty(w.keys("_transactions/")...) }, commit.ErrTableReplaced},
		"another table":    {func(w *world) { w.empty(); w.putRaw(otherTable(1), nil) }, commit.ErrTableReplaced},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for range 2 {
				if _, err := commit.New(w.store, commit.Options{}).Commit(t.Context(), noRows{}); err != nil {
					t.Fatal(err)
				}
			}
			log := commit.New(w.store, commit.Options{Events: &commit.Events{AfterPut: func(uint64) { c.after(w) }}})
			if _, err := log.Commit(t.Context(), &batch{w: w, rows: []int{1}}); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// empty removes versions 1 and 2, and more.
func (w *world) empty(more ...string) {
	w.remove(append(more, manifest.V2.Key(1), manifest.V2.Key(2))...)
}

// noRows is a planner of a version without rows.
type noRows struct{}

func (noRows) Plan(_ context.Context, base *manifest.Manifest) (*commit.Proposal, error) {
	if base == nil {
		return &commit.Proposal{Operation: commit.OpCreate, Schema: tableSchema()}, nil
	}
	return &commit.Proposal{Operation: commit.OpUpdateConfig, SetConfig: map[string]string{"a": "b"}}, nil
}

func (noRows) Landed(context.Context, *manifest.Manifest) (commit.Landing, error) {
	return commit.LandedWhole, nil
}

func TestMissingStagedFileStopsTheCommit(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	before := w.keys("")
	b := &batch{w: w, rows: []int{2}, planned: func(*manifest.Manifest) { w.remove("data/f1.lance") }}
	if _, err := commit.New(w.store, commit.Options{}).Commit(t.Context(), b); !errors.Is(err, commit.ErrStaleFile) {
		t.Errorf("got %v", err)
	}
	if after := w.keys(""); !slices.Equal(after, before) {
		t.Errorf("left behind: %v, was %v", after, before)
	}
}

// Version 2 is free when the put comes, because a clean-up took it: only the look at
// the base keeps the put out of the hole.
func TestBaseThatIsGoneIsPlannedAnew(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	b := &batch{w: w, rows: []int{1, 2}}
	b.planned = func(*manifest.Manifest) {
		b.planned = nil
		w.add(5)
		w.add(6)
		w.remove(manifest.V2.Key(1), manifest.V2.Key(2))
	}
	var conflicts, puts, orphans int
	log := commit.New(w.store, commit.Options{Events: &commit.Events{
		Conflict: func(uint64) { conflicts++ },
		AfterPut: func(uint64) { puts++ },
		Orphaned: func(uint64) { orphans++ },
	}})
	head, err := log.Commit(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if head.Version() != 4 || b.plans != 2 || conflicts != 1 || puts != 1 || orphans != 0 {
		t.Errorf("version %d after %d plans, %d puts, %d conflicts, %d orphans", head.Version(), b.plans, puts, conflicts, orphans)
	}
	w.wantHead(1, 2, 5, 6)
}

func TestOldBaseIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	time0 := &clock{now: time.Date(2030, 1, 2, 3, 4, 5, 6, time.UTC)}
	b := &batch{w: w, rows: []int{2}}
	b.planned = func(*manifest.Manifest) {
		time0.add(31 * time.Second)
		if b.plans == 1 {
			w.add(5)
		}
	}
	log := commit.New(w.store, commit.Options{Now: time0.Now})
	head, err := log.Commit(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	// The first plan was on version 1, which others overtook; the second was slow
	// too, but its base was still the head and serves.
	if b.plans != 2 || head.Version() != 3 {
		t.Errorf("version %d after %d plans", head.Version(), b.plans)
	}
	w.wantHead(1, 2, 5)
	if !head.Time().Equal(time0.Now()) {
		t.Errorf("version is of %v, the clock says %v", head.Time(), time0.Now())
	}
}

// Nothing is returned as ground for an ack that another process published and may
// not have made durable.
func TestOthersVersionsAreMadeDurableOnce(t *testing.T) {
	w := newWorld(t)
	w.add(1, 2)
	store := faultstore.New(w.store, putFaults())
	log := commit.New(store, commit.Options{})
	for range 3 {
		if _, err := log.Commit(t.Context(), &batch{w: w, rows: []int{1}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := store.Calls(faultstore.OpSync); n != 1 {
		t.Errorf("another's version was synced %d times", n)
	}
	if _, err := log.Commit(t.Context(), &batch{w: w, rows: []int{3}}); err != nil {
		t.Fatal(err)
	}
	if n := store.Calls(faultstore.OpSync); n != 1 {
		t.Errorf("our own version was synced again (%d)", n)
	}
	failing := faultstore.New(w.store, func(op faultstore.Op, _ string, _ int) faultstore.Fault {
		if op == faultstore.OpSync {
			return faultstore.Before
		}
		return faultstore.None
	})
	if _, err := commit.New(failing, commit.Options{}).Commit(t.Context(), &batch{w: w, rows: []int{3}}); !errors.Is(err, faultstore.ErrInjected) {
		t.Errorf("a version that cannot be synced was returned: %v", err)
	}
}

func TestDamagedHeadStopsTheCommit(t *testing.T) {
	for name, data := range map[string]string{"empty": "", "truncated": strings.Repeat("x", 100)} {
		w := newWorld(t)
		w.add(1)
		if err := w.store.PutIfAbsent(t.Context(), manifest.V2.Key(2), []byte(data), nil); err != nil {
			t.Fatal(err)
		}
		_, err := commit.New(w.store, commit.Options{}).Commit(t.Context(), &batch{w: w, rows: []int{2}})
		if err == nil || !strings.Contains(err.Error(), manifest.V2.Key(2)) {
			t.Errorf("%s: got %v, want an error that names the head", name, err)
		}
	}
}

func TestPlannerThatDoesNotKnowItsRowsEndsTheLoop(t *testing.T) {
	w := newWorld(t)
	for range 2 { // the second time there is nothing to put
		_, err := commit.New(w.store, commit.Options{}).Commit(t.Context(), blind{&batch{w: w, rows: []int{1}}})
		if err == nil || !strings.Contains(err.Error(), "does not find its proposal") {
			t.Errorf("got %v", err)
		}
	}
}

type blind struct{ *batch }

func (blind) Landed(context.Context, *manifest.Manifest) (commit.Landing, error) {
	return commit.LandedNone, nil
}

func TestHeadIsReadOnce(t *testing.T) {
	w := newWorld(t)
	w.add(1)
	store := faultstore.New(w.store, putFaults())
	log := commit.New(store, commit.Options{})
	first, err := log.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second, err := log.Head(t.Context())
	if err != nil || second != first || store.Calls(faultstore.OpOpen) != 1 {
		t.Errorf("the same head was opened %d times: %v", store.Calls(faultstore.OpOpen), err)
	}
	w.add(2)
	third, err := log.Head(t.Context())
	if err != nil || third.Version() != 2 {
		t.Errorf("a new head was missed: %v", err)
	}
	if _, err := log.Version(t.Context(), 7); !errors.Is(err, commit.ErrNoVersion) || !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("version 7: %v", err)
	}
	if _, err := commit.New(newWorld(t).store, commit.Options{}).Head(t.Context()); !errors.Is(err, commit.ErrNoTable) {
		t.Errorf("head of nothing: %v", err)
	}
}
