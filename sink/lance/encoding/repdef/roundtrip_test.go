package repdef_test

import (
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// TestRoundTrip takes random arrays apart, compares the levels with those that
// a plain model finds, and puts them together again: whole, and cut into
// pages of which each has the layers it needs.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := drawField(t, "c", rapid.IntRange(0, 5).Draw(t, "depth"))
		arr := drawArray(t, field, rapid.IntRange(0, 20).Draw(t, "rows"))
		mem := memory.DefaultAllocator

		leaves, err := repdef.Shred(arr, mem)
		if err != nil {
			t.Fatalf("shred %s: %v", field.Type, err)
		}
		for i, want := range modelOf(field.Type, rowsOf(arr)) {
			if err := leaves[i].Check("leaf"); err != nil {
				t.Fatalf("leaf %d of %s: %v", i, field.Type, err)
			}
			want.compare(t, leaves[i])
		}
		requireSame(t, field, arr, leaves)

		cuts := drawCuts(t, arr.Len())
		var pages [][]repdef.Leaf
		for i := 1; i < len(cuts); i++ {
			page, err := repdef.Shred(slice(arr, cuts[i-1], cuts[i]), mem)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page)
		}
		joined := make([]repdef.Leaf, len(leaves))
		for i := range joined {
			var parts []repdef.Leaf
			for _, page := range pages {
				parts = append(parts, page[i])
			}
			if joined[i], err = repdef.Concat(parts, mem); err != nil {
				t.Fatal(err)
			}
			want := leaves[i]
			if !slices.Equal(joined[i].Rep, want.Rep) || !slices.Equal(joined[i].Def, want.Def) || !slices.Equal(joined[i].Layers, want.Layers) {
				t.Fatalf("joined pages have levels %v %v %v, want %v %v %v", joined[i].Rep, joined[i].Def, joined[i].Layers, want.Rep, want.Def, want.Layers)
			}
		}
		requireSame(t, field, arr, joined)
	})
}

// TestCursor cuts leaves at random rows, each leaf on its own, and reads every
// range of rows back.
func TestCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := drawField(t, "c", 4)
		arr := drawArray(t, field, rapid.IntRange(0, 20).Draw(t, "rows"))
		leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		cuts := drawCuts(t, arr.Len())
		cursors := make([]*repdef.Cursor, len(leaves))
		for i, l := range leaves {
			cursors[i] = repdef.NewCursor(l)
		}
		for i := 1; i < len(cuts); i++ {
			part := make([]repdef.Leaf, len(leaves))
			for k, c := range cursors {
				part[k] = c.Next(cuts[i] - cuts[i-1])
			}
			requireSame(t, field, slice(arr, cuts[i-1], cuts[i]), part)
			for k, l := range leaves {
				part[k] = l.Slice(cuts[i-1], cuts[i])
			}
			requireSame(t, field, slice(arr, cuts[i-1], cuts[i]), part)
		}
		for _, c := range cursors {
			if c.Remaining() != 0 {
				t.Fatalf("%d rows remain", c.Remaining())
			}
		}
	})
}

// drawCuts draws rows to cut at, from 0 to n, at least one part.
func drawCuts(t *rapid.T, n int) []int {
	cuts := rapid.SliceOfN(rapid.IntRange(0, n), 0, 4).Draw(t, "cuts")
	cuts = append(cuts, 0, n)
	slices.Sort(cuts)
	return cuts
}

// requireSame unshreds leaves and compares the rows with those of want.
func requireSame(t *rapid.T, field arrow.Field, want arrow.Array, leaves []repdef.Leaf) {
	t.Helper()
	got, err := repdef.Unshred(field, leaves, memory.DefaultAllocator)
	if err != nil {
		t.Fatalf("unshred %s: %v", field.Type, err)
	}
	if !arrow.TypeEqual(got.DataType(), field.Type) {
		t.Fatalf("unshred made %s of %s", got.DataType(), field.Type)
	}
	if diff := cmp.Diff(rowsOf(want), rowsOf(got)); diff != "" {
		t.Fatalf("%s came back otherwise (-want +got):\n%s", field.Type, diff)
	}
}
