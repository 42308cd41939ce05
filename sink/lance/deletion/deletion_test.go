package deletion_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// choose picks about one of every rows of a fragment.
func choose(r *rand.Rand, physical, every int) []uint32 {
	var rows []uint32
	for i := range physical {
		if r.IntN(every) == 0 {
			rows = append(rows, uint32(i))
		}
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	store := memstore.New()
	kinds := map[deletion.Kind]bool{}
	for _, c := range []struct{ physical, every int }{{1, 1}, {100, 3}, {20_000, 7}, {20_000, 1}, {300_000, 2}, {300_000, 40}, {1 << 20, 100}} {
		rows := choose(r, c.physical, c.every)
		if len(rows) == 0 {
			rows = []uint32{0}
		}
		f, err := deletion.Write(t.Context(), store, 7, 3, rows)
		if err != nil {
			t.Fatal(err)
		}
		kinds[f.Kind] = true
		got, err := deletion.Read(t.Context(), store, 7, f, uint64(c.physical))
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if !slices.Equal(got, rows) {
			t.Errorf("%+v: %d rows are not the %d written", c, len(got), len(rows))
		}
		for _, lie := range []deletion.File{{Kind: f.Kind, Rows: f.Rows + 1}, {Kind: f.Kind, Rows: f.Rows - 1}, {Kind: 1 - f.Kind, Rows: f.Rows}} {
			lie.ReadVersion, lie.ID = f.ReadVersion, f.ID
			if lie.Kind != f.Kind {
				continue // another object
			}
			var damage *corrupt.Error
			if _, err := deletion.Read(t.Context(), store, 7, &lie, uint64(c.physical)); !errors.As(err, &damage) || damage.Key != f.Key(7) {
				t.Errorf("%+v, %d rows claimed: %v", c, lie.Rows, err)
			}
		}
	}
	if len(kinds) != 2 {
		t.Errorf("only kinds %v", kinds)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, rows := range [][]uint32{nil, {2, 1}, {1, 1}} {
		if _, err := deletion.Write(t.Context(), memstore.New(), 0, 1, rows); err == nil {
			t.Errorf("rows %v were written", rows)
		}
	}
}

// TestRuns reads a bitmap with a container of runs, by hand: 3..5 and 65536..65537.
func TestRuns(t *testing.T) {
	data := []byte{
		0x3B, 0x30, 1, 0, 0b01, // cookie, two containers, the first has runs
		0, 0, 2, 0, 1, 0, 1, 0, // keys and sizes
		1, 0, 3, 0, 2, 0, // one run of three from 3
		0, 0, 1, 0, // two numbers
	}
	got, err := deletion.Bitmap.Decode(data, 1<<17, 5)
	if err != nil || !slices.Equal(got, []uint32{3, 4, 5, 65536, 65537}) {
		t.Errorf("%v, %v", got, err)
	}
	for n := range data {
		if _, err := deletion.Bitmap.Decode(data[:n], 1<<17, 5); err == nil {
			t.Errorf("read from %d of %d bytes", n, len(data))
		}
	}
}

func TestRowOutside(t *testing.T) {
	store := memstore.New()
	f, err := deletion.Write(t.Context(), store, 0, 1, []uint32{1, 9})
	if err != nil {
		t.Fatal(err)
	}
	var damage *corrupt.Error
	if _, err := deletion.Read(t.Context(), store, 0, f, 9); !errors.As(err, &damage) {
		t.Errorf("row 9 of a fragment of 9: %v", err)
	}
}
