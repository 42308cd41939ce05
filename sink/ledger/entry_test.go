package ledger

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(ms int64) time.Time { return time.UnixMilli(1_700_000_000_000 + ms).UTC() }

func marks(seqs ...uint64) []Mark {
	out := make([]Mark, len(seqs))
	for i, s := range seqs {
		out[i] = Mark{s, at(int64(s))}
	}
	return out
}

func sample() *Entry {
	e := &Entry{
		Identity: Identity{Domain: "hub", Stream: "PERSISTING", StreamCreated: at(0), Consumer: "pst-a", ConsumerCreated: at(1)},
		Table:    "t-1",
	}
	e = e.With(Commit{Marks: marks(2, 3, 7, 9), Delivery: 12, Dead: SetOf(9), Rows: 3, Version: 1, Transaction: "x"})
	e, _ = e.Raise(3)
	return e
}

func TestEntryRoundTrip(t *testing.T) {
	e := sample()
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
		t.Fatalf("came back as\n%s\nnot\n%s", again, text)
	}
	if !back.StreamCreated.Equal(at(0)) || back.Delivery != 12 || back.Status(9) != Pending || back.Status(7) != Held || back.Status(1) != Held || back.Status(8) != Unknown {
		t.Errorf("content differs: %+v", back)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"newer format":  strings.Replace(good, `"format":1`, `"format":2,"shards":[]`, 1),
		"no format":     strings.Replace(good, `"format":1,`, ``, 1),
		"unknown field": strings.Replace(good, `"format":1`, `"format":1,"extra":true`, 1),
		"broken set":    strings.Replace(good, `"held":"r`, `"held":"q`, 1),
		"bad time":      strings.Replace(good, `"stream_created":"2`, `"stream_created":"x`, 1),
		"cut":           good[:len(good)-1],
		"tail":          good + "{}",
		"sequence 0":    strings.Replace(good, `"dead_pending":"`, `"dead_pending":"rAAA","x":"`, 1),
		"empty":         "",
	} {
		_, err := Decode(text)
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
		if errors.Is(err, ErrNewer) != (name == "newer format") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPendingDeadLettersHoldTheFloorDown(t *testing.T) {
	e, stepped := sample().Raise(20)
	if e.Floor != 8 || e.Status(9) != Pending {
		t.Fatalf("floor %d, 9 is %v", e.Floor, e.Status(9))
	}
	if stepped != 4 { // 4, 5, 6 and 8
		t.Errorf("stepped over %d", stepped)
	}
	e = e.With(Commit{Published: SetOf(9), Version: 3})
	if e.Status(9) != Held || !e.DeadPending.Empty() || e.Dead != 1 {
		t.Fatalf("after publication: %+v", e)
	}
	if e, _ = e.Raise(20); e.Floor != 9 || !e.Held.Empty() || e.Status(10) != Unknown {
		t.Errorf("the floor is not at the highest sequence recorded but at %d, held %v", e.Floor, e.Held)
	}
	if lower, _ := e.Raise(5); lower.Floor != 9 {
		t.Errorf("the floor fell to %d", lower.Floor)
	}
}

// Whatever the order of commits, an entry knows exactly what was recorded or lies under the floor.
func TestEntryAgreesWithAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Entry{}
		status := map[uint64]Status{}
		floor := uint64(0)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			var seqs []uint64
			var dead []uint64
			for _, s := range rapid.SliceOfNDistinct(rapid.Uint64Range(1, 100), 0, 10, rapid.ID).Draw(t, "seqs") {
				if s > floor && status[s] == Unknown {
					seqs = append(seqs, s)
					if status[s] = Held; rapid.IntRange(0, 4).Draw(t, "dead") == 0 {
						dead, status[s] = append(dead, s), Pending
					}
				}
			}
			published := SetOf(rapid.SliceOfN(rapid.Uint64Range(1, 100), 0, 5).Draw(t, "published")...)
			for s, st := range status {
				if st == Pending && published.Has(s) && !SetOf(dead...).Has(s) {
					status[s] = Held
				}
			}
			if len(seqs) > 0 {
				var ms []Mark
				for r := range SetOf(seqs...).Runs() {
					for s := r.First; s <= r.Last; s++ {
						ms = append(ms, marks(s)...)
					}
				}
				e = e.With(Commit{Marks: ms, Dead: SetOf(dead...), Published: published})
			} else {
				e = e.With(Commit{Published: published})
			}
			e, _ = e.Raise(rapid.Uint64Range(0, 60).Draw(t, "floor"))
			floor = e.Floor
			for s := uint64(1); s <= 100; s++ {
				want := status[s]
				if s <= floor && want == Unknown {
					want = Held
				}
				if got := e.Status(s); got != want {
					t.Fatalf("status of %d is %d, want %d; %+v", s, got, want, e)
				}
			}
		}
	})
}

// An entry for numbers that are given out a second time keeps what it knows of those
// before them, and nothing of the others.
func TestNewEpoch(t *testing.T) {
	e := &Entry{
		Identity: Identity{Stream: "S"}, Epoch: 2, Floor: 3, Held: SetOf(5, 6, 9), DeadPending: SetOf(7, 10),
		MaxSeq: 10, MaxTime: time.Unix(100, 0), Times: []Checkpoint{
			{Mark{Seq: 6, Time: time.Unix(90, 0)}, time.Unix(90, 0)}, {Mark{Seq: 10, Time: time.Unix(100, 0)}, time.Unix(100, 0)},
		},
		Rows: 7, Dead: 2, Version: 8, Transaction: "x", Table: "t",
	}
	for _, c := range []struct {
		start uint64
		known string // sequences up to 10 that need no delivery
	}{
		{0, ""}, {1, ""}, {3, "1 2"}, {7, "1 2 3 5 6"}, {11, "1 2 3 5 6 7 9 10"},
	} {
		n := e.NewEpoch(c.start)
		var known []string
		for seq := range uint64(10) {
			if n.Status(seq+1) != Unknown {
				known = append(known, fmt.Sprint(seq+1))
			}
		}
		if got := strings.Join(known, " "); got != c.known || n.Epoch != 3 || n.Stream != "S" || n.Table != "t" || n.Rows != 0 {
			t.Errorf("from %d: %+v knows %s, want %s", c.start, n, got, c.known)
		}
		if want := max(c.start, 1) - 1; n.MaxSeq > want || n.Known().String() != SetOf(seqs(c.known)...).String() {
			t.Errorf("from %d: highest %d, known %s", c.start, n.MaxSeq, n.Known())
		}
		// What was delivered before and comes again is no other message.
		if c.start > 6 && n.CheckRepeat(Mark{Seq: 6, Time: time.Unix(90, 0)}) != nil {
			t.Errorf("from %d: a redelivery is refused", c.start)
		}
	}
}

func seqs(text string) (out []uint64) {
	for _, s := range strings.Fields(text) {
		n, _ := strconv.ParseUint(s, 10, 64)
		out = append(out, n)
	}
	return out
}
