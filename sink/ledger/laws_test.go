package ledger

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// laws commits, publishes and raises an entry at random, and holds it to what must be
// true of every entry: nothing known is forgotten, the floor never falls, what is
// recorded is told by its status and repeated with its time, and the codec loses nothing.
func laws(t *rapid.T) {
	e := &Entry{Identity: Identity{Stream: "S", Consumer: "c"}}
	model, times := map[uint64]Status{}, map[uint64]time.Time{}
	top := uint64(0)
	for range rapid.IntRange(1, 12).Draw(t, "steps") {
		before := e
		switch rapid.SampledFrom([]string{"commit", "commit", "publish", "raise"}).Draw(t, "act") {
		case "commit":
			e = commitDrawn(t, e, model, times)
		case "publish":
			done := SetOf(rapid.SliceOfN(rapid.Uint64Range(1, 400), 0, 20).Draw(t, "published")...)
			e = e.With(Commit{Published: done})
			for seq, status := range model {
				if status == Pending && done.Has(seq) {
					model[seq] = Held
				}
			}
		case "raise":
			e, _ = e.Raise(rapid.Uint64Range(0, 500).Draw(t, "floor"))
		}
		for seq := range model {
			top = max(top, seq)
		}
		checkLaws(t, before, e, model, top)
		for seq, stored := range times {
			if err := e.CheckRepeat(Mark{Seq: seq, Time: stored}); err != nil {
				t.Fatalf("a true redelivery is refused: %v", err)
			}
		}
	}
}

func commitDrawn(t *rapid.T, e *Entry, model map[uint64]Status, times map[uint64]time.Time) *Entry {
	var marks []Mark
	var dead []uint64
	seq := uint64(0)
	for range rapid.IntRange(0, 40).Draw(t, "messages") {
		seq += rapid.Uint64Range(1, 12).Draw(t, "gap")
		if e.Status(seq) != Unknown {
			continue
		}
		marks = append(marks, Mark{Seq: seq, Time: time.Unix(0, rapid.Int64Range(1, 1<<40).Draw(t, "time"))})
		model[seq], times[seq] = Held, marks[len(marks)-1].Time
		if rapid.IntRange(0, 5).Draw(t, "fate") == 0 {
			dead, model[seq] = append(dead, seq), Pending
		}
	}
	return e.With(Commit{Marks: marks, Delivery: 2 * seq, Dead: SetOf(dead...), Rows: uint64(len(marks) - len(dead))})
}

func checkLaws(t *rapid.T, before, e *Entry, model map[uint64]Status, top uint64) {
	t.Helper()
	if e.Floor < before.Floor || e.Floor > top || e.MaxSeq != top || e.Delivery != 2*top {
		t.Fatalf("floor %d after %d, highest %d of %d, delivery %d", e.Floor, before.Floor, e.MaxSeq, top, e.Delivery)
	}
	if lost := before.Known().Minus(e.Known()); !lost.Empty() {
		t.Fatalf("%v is forgotten", lost)
	}
	for seq := range top + 2 {
		want := model[seq]
		if want == Unknown && seq <= e.Floor {
			want = Held // stepped over
		}
		if got := e.Status(seq); got != want {
			t.Fatalf("status %d of %d, want %d; floor %d", got, seq, want, e.Floor)
		}
	}
	text, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := back.Encode()
	if err != nil || again != text {
		t.Fatalf("%s came back as %s, %v", text, again, err)
	}
	if len(back.Times) > 64 || back.Known().String() != e.Known().String() {
		t.Fatalf("%d times, %v for %v", len(back.Times), back.Known(), e.Known())
	}
}

// setLaws holds unions to be commutative, associative and idempotent, and differences
// to undo them.
func setLaws(t *rapid.T) {
	a, _ := drawSet(t, "a")
	b, _ := drawSet(t, "b")
	c, _ := drawSet(t, "c")
	for _, law := range []struct {
		name        string
		left, right Set
	}{
		{"commutative", a.Union(b), b.Union(a)},
		{"associative", a.Union(b).Union(c), a.Union(b.Union(c))},
		{"idempotent", a.Union(b).Union(b).Union(a), a.Union(b)},
		{"minus undoes union", a.Union(b).Minus(b), a.Minus(b)},
		{"parts make the whole", a.Minus(b).Union(a.Minus(a.Minus(b))), a},
	} {
		if law.left.String() != law.right.String() || law.left.encode() != law.right.encode() {
			t.Fatalf("%s: %v is not %v", law.name, law.left, law.right)
		}
	}
}

func TestLaws(t *testing.T)    { rapid.Check(t, laws) }
func TestSetLaws(t *testing.T) { rapid.Check(t, setLaws) }

func FuzzLaws(f *testing.F) {
	entry, sets := rapid.MakeFuzz(laws), rapid.MakeFuzz(setLaws)
	f.Add([]byte("a commit, a publish, a raise"))
	f.Fuzz(func(t *testing.T, p []byte) {
		entry(t, p)
		sets(t, p)
	})
}
