package repdef_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// TestAbsent reads a column whose structs have one more member than its leaves
// know: the member is null wherever its struct is there.
func TestAbsent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := arrow.StructOf(drawField(t, "old", 3))
		added := drawField(t, "new", 2)
		added.Nullable = true
		lists := rapid.IntRange(0, 2).Draw(t, "lists")
		nest := func(members ...arrow.Field) arrow.Field {
			var dt arrow.DataType = arrow.StructOf(members...)
			for range lists {
				dt = arrow.ListOf(dt)
			}
			return arrow.Field{Name: "c", Type: dt, Nullable: true}
		}
		arr := drawArray(t, nest(stored.Field(0)), rapid.IntRange(0, 12).Draw(t, "rows"))
		leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		sibling := rapid.SampledFrom(leaves).Draw(t, "sibling")
		more, err := repdef.Absent(added, sibling, lists+1, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		got, err := repdef.Unshred(nest(stored.Field(0), added), append(leaves, more...), memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		want := rowsOf(arr)
		widen(want, lists)
		if diff := cmp.Diff(want, rowsOf(got)); diff != "" {
			t.Fatalf("%s with %s (-want +got):\n%s", arr.DataType(), added.Type, diff)
		}
	})
}

// TestAbsentRows makes a whole column of nulls.
func TestAbsentRows(t *testing.T) {
	field := arrow.Field{Name: "c", Type: arrow.ListOf(pairs), Nullable: true}
	leaves, err := repdef.Absent(field, repdef.Leaf{Rows: 3}, 0, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	got, err := repdef.Unshred(field, leaves, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	if got.Len() != 3 || got.NullN() != 3 {
		t.Errorf("got %v, want three nulls", got)
	}
	field.Nullable = false
	if _, err := repdef.Absent(field, repdef.Leaf{Rows: 3}, 0, memory.DefaultAllocator); err == nil {
		t.Error("a field without nulls was made of nulls")
	}
}

// widen adds a null member to every struct below the given number of lists.
func widen(values []any, lists int) {
	for i, v := range values {
		members, ok := v.([]any)
		switch {
		case !ok: // null
		case lists > 0:
			widen(members, lists-1)
		default:
			values[i] = append(members[:1:1], nil)
		}
	}
}
