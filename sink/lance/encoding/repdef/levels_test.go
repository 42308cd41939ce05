package repdef_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

var (
	nullableInt = arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	pairs       = arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Int64, Nullable: true})
)

// TestKnownLevels holds the examples and golden vectors of docs/format: levels
// that the reference reader understood.
func TestKnownLevels(t *testing.T) {
	type leaf struct {
		layers   []repdef.Layer
		rep, def []uint16
		values   int
	}
	for _, c := range []struct {
		name   string
		kind   arrow.DataType
		rows   string
		leaves []leaf
	}{
		{"golden a: int64 without nulls", arrow.PrimitiveTypes.Int64, `[1, 2, 3]`, []leaf{{[]repdef.Layer{1}, nil, nil, 3}}},
		{"golden s: string", arrow.BinaryTypes.String, `["ab", null, "c"]`, []leaf{{[]repdef.Layer{3}, nil, []uint16{0, 1, 0}, 3}}},
		{
			"golden l: list of int64", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[7, null], null, []]`,
			[]leaf{{[]repdef.Layer{3, 6}, []uint16{1, 0, 1, 1}, []uint16{0, 1, 2, 3}, 2}},
		},
		{
			"nullable struct of a nullable", arrow.StructOf(nullableInt), `[{"a": 1}, {"a": null}, null]`,
			[]leaf{{[]repdef.Layer{3, 3}, nil, []uint16{0, 1, 2}, 3}},
		},
		{"struct without nulls", arrow.StructOf(nullableInt), `[{"a": 1}, {"a": null}]`, []leaf{{[]repdef.Layer{3, 1}, nil, []uint16{0, 1}, 2}}},
		{"member all valid in a null struct", arrow.StructOf(nullableInt), `[{"a": 1}, null]`, []leaf{{[]repdef.Layer{1, 3}, nil, []uint16{0, 1}, 2}}},
		{
			"list of structs, x null, y not", arrow.ListOf(pairs), `[[{"x": 1, "y": 2}, {"x": null, "y": 3}], null, []]`,
			[]leaf{
				{[]repdef.Layer{3, 1, 6}, []uint16{1, 0, 1, 1}, []uint16{0, 1, 2, 3}, 2},
				{[]repdef.Layer{1, 1, 6}, []uint16{1, 0, 1, 1}, []uint16{0, 0, 1, 2}, 2},
			},
		},
		{
			"null structs in a list keep a slot", arrow.ListOf(arrow.StructOf(nullableInt)), `[[null, {"a": 1}], [{"a": null}]]`,
			[]leaf{{[]repdef.Layer{3, 3, 2}, []uint16{1, 0, 1}, []uint16{2, 0, 1}, 3}},
		},
		{
			"list of lists", arrow.ListOf(arrow.ListOf(arrow.PrimitiveTypes.Int64)), `[[[1, 2], [3]], [[], null, [4]], [], null]`,
			[]leaf{{[]repdef.Layer{1, 6, 6}, []uint16{2, 0, 1, 2, 1, 1, 2, 2}, []uint16{0, 0, 0, 2, 1, 0, 4, 3}, 4}},
		},
		{
			"only empty lists", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[[], []]`,
			[]leaf{{[]repdef.Layer{1, 5}, []uint16{1, 1}, []uint16{1, 1}, 0}},
		},
		{"only null lists", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[null]`, []leaf{{[]repdef.Layer{1, 4}, []uint16{1}, []uint16{1}, 0}}},
		{"no rows", arrow.ListOf(arrow.PrimitiveTypes.Int64), `[]`, []leaf{{[]repdef.Layer{1, 2}, []uint16{}, nil, 0}}},
		{"nulls of the null type", arrow.Null, `[null, null]`, []leaf{{[]repdef.Layer{3}, nil, []uint16{1, 1}, 2}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			arr := fromJSON(t, c.kind, c.rows)
			leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.leaves {
				got := leaves[i]
				if !slices.Equal(got.Layers, want.layers) || !slices.Equal(got.Rep, want.rep) || !slices.Equal(got.Def, want.def) {
					t.Errorf("leaf %d: layers %d rep %v def %v, want %d %v %v", i, got.Layers, got.Rep, got.Def, want.layers, want.rep, want.def)
				}
				if (got.Rep == nil) != (want.rep == nil) || (got.Def == nil) != (want.def == nil) {
					t.Errorf("leaf %d: levels of a kind that is not needed", i)
				}
				if got.Values.Len() != want.values {
					t.Errorf("leaf %d: %d values, want %d", i, got.Values.Len(), want.values)
				}
			}
			back, err := repdef.Unshred(arrow.Field{Name: "c", Type: c.kind, Nullable: true}, leaves, memory.DefaultAllocator)
			if err != nil {
				t.Fatal(err)
			}
			if !array.Equal(arr, back) {
				t.Errorf("came back as %v, want %v", back, arr)
			}
		})
	}
}

// TestNumbers checks what follows from layers alone.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		layers                     []repdef.Layer
		maxRep, maxDef, maxVisible uint16
	}{
		{[]repdef.Layer{1}, 0, 0, 0},
		{[]repdef.Layer{3, 3}, 0, 2, 2},
		{[]repdef.Layer{3, 6}, 1, 3, 1},
		{[]repdef.Layer{3, 3, 4, 3, 5}, 2, 5, 2},
		{[]repdef.Layer{1, 2, 6}, 2, 2, 0},
	} {
		if r, d, v := repdef.MaxRep(c.layers), repdef.MaxDef(c.layers), repdef.MaxVisible(c.layers); r != c.maxRep || d != c.maxDef || v != c.maxVisible {
			t.Errorf("%d: rep %d def %d visible %d, want %d %d %d", c.layers, r, d, v, c.maxRep, c.maxDef, c.maxVisible)
		}
	}
	for level, want := range []int{0, 1, 2, 2, 3} {
		if got := repdef.Bits(uint16(level)); got != want {
			t.Errorf("%d bits for %d, want %d", got, level, want)
		}
	}
}

// TestFlatIsFree holds the promise that most columns rest on: a flat column
// without nulls is handed on as it is, sliced or not.
func TestFlatIsFree(t *testing.T) {
	whole := fromJSON(t, arrow.PrimitiveTypes.Int64, `[1, 2, 3, 4]`)
	for _, arr := range []arrow.Array{whole, array.NewSlice(whole, 1, 3)} {
		leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
		if err != nil {
			t.Fatal(err)
		}
		if leaves[0].Values != arr || leaves[0].Def != nil || leaves[0].Rep != nil {
			t.Errorf("a flat column without nulls is not its own leaf: %+v", leaves[0])
		}
	}
}

// TestNoMemoryLeft counts references: what Shred, Concat and Unshred take of
// an allocator goes back to it.
func TestNoMemoryLeft(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	defer mem.AssertSize(t, 0)
	kind := arrow.ListOf(arrow.StructOf(nullableInt, arrow.Field{Name: "l", Type: arrow.LargeListOf(arrow.BinaryTypes.String), Nullable: true}))
	arr, _, err := array.FromJSON(mem, kind, strings.NewReader(`[[{"a": 1, "l": ["x"]}, null], null, [], [{"a": null, "l": [null]}]]`))
	if err != nil {
		t.Fatal(err)
	}
	defer arr.Release()
	leaves, err := repdef.Shred(arr, mem)
	if err != nil {
		t.Fatal(err)
	}
	twice := make([]repdef.Leaf, len(leaves))
	for i, l := range leaves {
		defer l.Release()
		if twice[i], err = repdef.Concat([]repdef.Leaf{l, l}, mem); err != nil {
			t.Fatal(err)
		}
		defer twice[i].Release()
	}
	back, err := repdef.Unshred(arrow.Field{Name: "c", Type: kind, Nullable: true}, twice, mem)
	if err != nil {
		t.Fatal(err)
	}
	back.Release()
}

func fromJSON(t *testing.T, kind arrow.DataType, rows string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, kind, strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}
