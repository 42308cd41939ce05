package compress

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// someLevels are levels up to largest, in runs of about the given length.
func someLevels(rng *rand.Rand, n int, largest uint16, run int) []uint16 {
	levels := make([]uint16, n)
	for i := range levels {
		if i > 0 && rng.IntN(run) > 0 {
			levels[i] = levels[i-1]
			continue
		}
		levels[i] = uint16(rng.IntN(int(largest) + 1))
	}
	return levels
}

func TestLevelsSurvive(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	seen := map[string]int{}
	for _, n := range []int{0, 1, 3, 70, 130, 1000, 1023, 1024, 1025, 1087, 1088, 1089, 2047, 5000, 65535} {
		for _, largest := range []uint16{1, 2, 3, 7, 300, 65535} {
			for _, run := range []int{1, 40, 1000} {
				for _, runs := range []bool{false, true} {
					levels := someLevels(rng, n, largest, run)
					var w Levels
					w.Reset(levels, largest, runs)
					name := fmt.Sprintf("%d levels up to %d in runs of %d as %s", n, largest, run, Name(w.Encoding()))
					seen[Name(w.Encoding())]++
					requireLevels(t, name, &w, levels)
				}
			}
		}
	}
	for _, scheme := range []string{"Flat", "InlineBitpacking", "OutOfLineBitpacking", "Rle"} {
		if seen[scheme] == 0 {
			t.Errorf("no levels as %s: %v", scheme, seen)
		}
	}
}

func requireLevels(t *testing.T, name string, w *Levels, levels []uint16) {
	t.Helper()
	n := len(levels)
	buf := w.Append(nil, levels)
	if plain := 2 * n; len(buf) > plain {
		t.Errorf("%s: %d bytes, plain are %d", name, len(buf), plain)
	}
	if fit := w.Fit(0, len(buf)); fit < n-laneChunk {
		t.Errorf("%s take %d bytes, but Fit says %d", name, len(buf), fit)
	}
	r, err := OpenLevels(w.Encoding(), &Expanders{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Append(nil, buf, n)
	if err != nil || !slices.Equal(got, levels) {
		t.Errorf("%s do not survive: %v", name, err)
	}
	if n > 0 {
		if _, err := r.Append(nil, buf[:len(buf)-1], n); err == nil {
			t.Errorf("%s: a buffer cut short is read without an error", name)
		}
	}
}

// What Fit promises of a part of the levels fits, wherever it begins.
func TestLevelsFitKeepsItsPromise(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, run := range []int{1, 100, 2000} {
		for _, n := range []int{50, 1000, 100_000} {
			for _, largest := range []uint16{1, 3, 5, 40} {
				levels := someLevels(rng, n, largest, run)
				var w Levels
				w.Reset(levels, largest, true)
				for room := 300; room < 5000; room += 461 {
					from := rng.IntN(n)
					most := min(w.Fit(from, room), n-from)
					for _, k := range []int{1, most / 2, most - 1, most} {
						if size := len(w.Append(nil, levels[from:from+max(k, 0)])); k > 0 && k <= most && size > room {
							t.Fatalf("%s of levels up to %d: %d of the %d from %d that fit into %d bytes take %d",
								Name(w.Encoding()), largest, k, most, from, room, size)
						}
					}
				}
			}
		}
	}
}
