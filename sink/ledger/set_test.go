package ledger

import (
	"testing"

	"pgregory.net/rapid"
)

// drawSet makes a set by its model: which of the first n numbers are in it.
func drawSet(t *rapid.T, name string) (Set, map[uint64]bool) {
	model := map[uint64]bool{}
	var seqs []uint64
	base := rapid.SampledFrom([]uint64{1, 60, 1 << 40}).Draw(t, name+" base")
	for _, off := range rapid.SliceOfN(rapid.Uint64Range(0, 200), 0, 120).Draw(t, name) {
		model[base+off] = true
		seqs = append(seqs, base+off)
	}
	return SetOf(seqs...), model
}

func checkAgainst(t *rapid.T, what string, got Set, want map[uint64]bool) {
	t.Helper()
	if got.Len() != uint64(len(want)) {
		t.Fatalf("%s has %d sequences, want %d: %v", what, got.Len(), len(want), got)
	}
	for seq := range want {
		if !got.Has(seq) {
			t.Fatalf("%s lacks %d: %v", what, seq, got)
		}
	}
	for i := 1; i < len(got.runs); i++ {
		if got.runs[i].First <= got.runs[i-1].Last+1 {
			t.Fatalf("%s has runs that touch: %v", what, got)
		}
	}
}

func TestSetAlgebraAgreesWithMaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawSet(t, "a")
		b, mb := drawSet(t, "b")
		checkAgainst(t, "a", a, ma)
		union, minus := map[uint64]bool{}, map[uint64]bool{}
		for s := range ma {
			union[s] = true
			if !mb[s] {
				minus[s] = true
			}
		}
		for s := range mb {
			union[s] = true
		}
		checkAgainst(t, "a+b", a.Union(b), union)
		checkAgainst(t, "b+a", b.Union(a), union)
		checkAgainst(t, "a-b", a.Minus(b), minus)
		checkAgainst(t, "a after all", a, ma)

		floor := rapid.Uint64Range(0, 260).Draw(t, "floor")
		above, between := map[uint64]bool{}, uint64(0)
		for s := range ma {
			if s > floor {
				above[s] = true
			}
			if s >= 40 && s <= floor {
				between++
			}
		}
		checkAgainst(t, "a above", a.Above(floor), above)
		if floor >= 40 {
			if got := a.Between(40, floor); got != between {
				t.Fatalf("between 40 and %d: %d, want %d in %v", floor, got, between, a)
			}
		}
	})
}

func TestSetCodecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, ma := drawSet(t, "a")
		b, _ := drawSet(t, "b")
		for _, s := range []Set{a, a.Union(b)} {
			back, err := decodeSet(s.encode())
			if err != nil {
				t.Fatal(err)
			}
			if back.String() != s.String() || back.Len() != s.Len() || back.RunCount() != s.RunCount() {
				t.Fatalf("%v came back as %v", s, back)
			}
		}
		checkAgainst(t, "a", a, ma)
	})
}

// Three workers that share a stream leave about every third message to each: the worst case of holes.
func TestAlternatingSetIsEncodedSmall(t *testing.T) {
	var seqs []uint64
	for i := range uint64(10_000) {
		seqs = append(seqs, 1<<33+3*i)
	}
	s := SetOf(seqs...)
	if n := len(s.encode()); n > 6_000 {
		t.Fatalf("10,000 holes take %d bytes", n)
	}
	if n := len(s.encodeRuns()); n < 20_000 {
		t.Fatalf("runs take %d bytes: the bitmap proves nothing", n)
	}
}

func TestTouches(t *testing.T) {
	s := SetOf(5, 6, 9)
	for seq, want := range map[uint64]bool{3: false, 4: true, 5: true, 7: true, 8: true, 9: true, 10: true, 11: false} {
		if s.Touches(seq) != want {
			t.Errorf("Touches(%d) = %v", seq, !want)
		}
	}
}

func TestSetOfRunsRefusesDisorder(t *testing.T) {
	if _, err := SetOfRuns(Run{5, 4}); err == nil {
		t.Error("a run that ends before it begins was taken")
	}
	if _, err := SetOfRuns(Run{5, 9}, Run{1, 2}); err == nil {
		t.Error("descending runs were taken")
	}
	s, err := SetOfRuns(Run{1, 4}, Run{2, 3}, Run{5, 5})
	if err != nil || s.RunCount() != 1 || s.Len() != 5 {
		t.Errorf("got %v, %v", s, err)
	}
}

func FuzzDecode(f *testing.F) {
	e := &Entry{Held: SetOf(5, 7, 8, 1000), DeadPending: SetOf(12), Times: []Checkpoint{{Mark{7, at(1)}, at(2)}, {Mark{8, at(3)}, at(2)}}}
	text, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(`{"format":1,"held":"bgICAgICAgICAgAH/"}`)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Decode(text)
		if err != nil {
			return
		}
		again, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || back.Held.Len() != e.Held.Len() || back.DeadPending.Len() != e.DeadPending.Len() {
			t.Fatalf("%q does not survive: %v", text, err)
		}
	})
}
