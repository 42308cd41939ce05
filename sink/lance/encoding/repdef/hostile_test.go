package repdef_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// TestDamage gives Unshred leaves that no writer makes.
func TestDamage(t *testing.T) {
	list := arrow.ListOf(arrow.PrimitiveTypes.Int64)
	sure := arrow.ListOfNonNullable(arrow.PrimitiveTypes.Int64)
	lists := arrow.ListOf(list)
	type leaf struct {
		layers   []repdef.Layer
		rep, def []uint16
		values   string
		rows     int
	}
	for _, c := range []struct {
		name   string
		kind   arrow.DataType
		leaves []leaf
	}{
		{"no layers", nullableInt.Type, []leaf{{nil, nil, nil, `[1]`, 1}}},
		{"unknown layer", nullableInt.Type, []leaf{{[]repdef.Layer{7}, nil, nil, `[1]`, 1}}},
		{"layer zero", nullableInt.Type, []leaf{{[]repdef.Layer{0}, nil, nil, `[1]`, 1}}},
		{"too many layers", nullableInt.Type, []leaf{{[]repdef.Layer{1, 1}, nil, nil, `[1]`, 1}}},
		{"list layer for an item", nullableInt.Type, []leaf{{[]repdef.Layer{2}, []uint16{1}, nil, `[1]`, 1}}},
		{"item layer for a list", list, []leaf{{[]repdef.Layer{1, 1}, nil, nil, `[1]`, 1}}},
		{"negative rows", nullableInt.Type, []leaf{{[]repdef.Layer{1}, nil, nil, `[]`, -1}}},
		{"more rows than values", nullableInt.Type, []leaf{{[]repdef.Layer{1}, nil, nil, `[1]`, 1 << 60}}},
		{"fewer rows than values", nullableInt.Type, []leaf{{[]repdef.Layer{1}, nil, nil, `[1, 2]`, 1}}},
		{"missing definition", nullableInt.Type, []leaf{{[]repdef.Layer{3}, nil, nil, `[1]`, 1}}},
		{"needless definition", nullableInt.Type, []leaf{{[]repdef.Layer{1}, nil, []uint16{0}, `[1]`, 1}}},
		{"definition too large", nullableInt.Type, []leaf{{[]repdef.Layer{3}, nil, []uint16{2}, `[1]`, 1}}},
		{"definitions too few", nullableInt.Type, []leaf{{[]repdef.Layer{3}, nil, []uint16{0}, `[1, 2]`, 2}}},
		{"missing repetition", list, []leaf{{[]repdef.Layer{1, 2}, nil, nil, `[1]`, 1}}},
		{"needless repetition", nullableInt.Type, []leaf{{[]repdef.Layer{1}, []uint16{0}, nil, `[1]`, 1}}},
		{"repetition too large", list, []leaf{{[]repdef.Layer{1, 2}, []uint16{2}, nil, `[1]`, 1}}},
		{"first level goes on", list, []leaf{{[]repdef.Layer{1, 2}, []uint16{0}, nil, `[1]`, 1}}},
		{"goes on in a null list", list, []leaf{{[]repdef.Layer{1, 4}, []uint16{1, 0}, []uint16{1, 0}, `[1]`, 1}}},
		{"goes on with a null list", list, []leaf{{[]repdef.Layer{1, 4}, []uint16{1, 0}, []uint16{0, 1}, `[1]`, 1}}},
		{"goes on in a list not begun", lists, []leaf{{[]repdef.Layer{1, 5, 5}, []uint16{2, 0}, []uint16{1, 0}, `[1]`, 1}}},
		{"another number of rows", list, []leaf{{[]repdef.Layer{1, 2}, []uint16{1, 1}, nil, `[1, 2]`, 1}}},
		{"another number of values", list, []leaf{{[]repdef.Layer{1, 4}, []uint16{1, 1}, []uint16{0, 1}, `[1, 2]`, 2}}},
		{"null where none may be", sure, []leaf{{[]repdef.Layer{3, 2}, []uint16{1}, []uint16{1}, `[1]`, 1}}},
		{"leaves of other rows", pairs, []leaf{{[]repdef.Layer{1, 1}, nil, nil, `[1]`, 1}, {[]repdef.Layer{1, 1}, nil, nil, `[1, 2]`, 2}}},
		{"leaves of other nulls", pairs, []leaf{
			{[]repdef.Layer{1, 3}, nil, []uint16{0, 1}, `[1, 2]`, 2},
			{[]repdef.Layer{1, 3}, nil, []uint16{1, 0}, `[1, 2]`, 2},
		}},
		{"leaves of other lists", arrow.ListOf(pairs), []leaf{
			{[]repdef.Layer{1, 1, 2}, []uint16{1, 0, 1}, nil, `[1, 2, 3]`, 2},
			{[]repdef.Layer{1, 1, 2}, []uint16{1, 1, 0}, nil, `[1, 2, 3]`, 2},
		}},
		{"leaves of other empty lists", arrow.ListOf(pairs), []leaf{
			{[]repdef.Layer{1, 1, 5}, []uint16{1}, []uint16{1}, `[]`, 1},
			{[]repdef.Layer{1, 1, 4}, []uint16{1}, []uint16{1}, `[]`, 1},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var leaves []repdef.Leaf
			for _, l := range c.leaves {
				values := fromJSON(t, arrow.PrimitiveTypes.Int64, l.values)
				leaves = append(leaves, repdef.Leaf{Values: values, Rep: l.rep, Def: l.def, Layers: l.layers, Rows: l.rows})
			}
			field := arrow.Field{Name: "c", Type: c.kind, Nullable: true}
			arr, err := repdef.Unshred(field, leaves, memory.DefaultAllocator)
			if damage := new(corrupt.Error); !errors.As(err, &damage) {
				t.Fatalf("got %v and error %v, want a corrupt.Error", arr, err)
			}
		})
	}
}

// TestMistakes gives what only a wrong caller gives: plain errors.
func TestMistakes(t *testing.T) {
	mem := memory.DefaultAllocator
	one := repdef.Leaf{Values: fromJSON(t, arrow.PrimitiveTypes.Int64, `[1]`), Layers: []repdef.Layer{1}, Rows: 1}
	if _, err := repdef.Unshred(nullableInt, nil, mem); err == nil {
		t.Error("no leaves made an array")
	}
	if _, err := repdef.Unshred(arrow.Field{Name: "c", Type: arrow.BinaryTypes.String}, []repdef.Leaf{one}, mem); err == nil {
		t.Error("int64 values made strings")
	}
	if _, err := repdef.Unshred(arrow.Field{Name: "c", Type: arrow.StructOf()}, nil, mem); err == nil {
		t.Error("an empty struct was made of nothing")
	}
	if _, err := repdef.Shred(fromJSON(t, arrow.ListViewOf(arrow.BinaryTypes.String), `[null]`), mem); err == nil {
		t.Error("a list view was shredded")
	}
	if _, err := repdef.Concat(nil, mem); err == nil {
		t.Error("nothing was joined")
	}
	if _, err := repdef.Normalize(one, []repdef.Layer{4}); err == nil {
		t.Error("an item became a list")
	}
}

// TestHostile mixes leaves, layers and levels at random: whatever comes in,
// Unshred and Concat return, and what Unshred returns holds together.
func TestHostile(t *testing.T) { rapid.Check(t, hostile) }

// FuzzUnshred is TestHostile driven by coverage.
func FuzzUnshred(f *testing.F) { f.Fuzz(rapid.MakeFuzz(hostile)) }

func hostile(t *rapid.T) {
	mem := memory.DefaultAllocator
	field := drawField(t, "c", 3)
	source := field
	if rapid.IntRange(0, 9).Draw(t, "other type") == 0 {
		source = drawField(t, "c", 3)
	}
	var pages [2][]repdef.Leaf
	for i := range pages {
		leaves, err := repdef.Shred(drawArray(t, source, rapid.IntRange(0, 6).Draw(t, "rows")), mem)
		if err != nil {
			t.Fatal(err)
		}
		for k := range leaves {
			leaves[k] = drawDamage(t, leaves[k])
		}
		pages[i] = leaves
	}
	var joined []repdef.Leaf
	for k := range pages[0] {
		l, err := repdef.Concat([]repdef.Leaf{pages[0][k], pages[1][k]}, mem)
		if err != nil {
			joined = pages[0]
			break
		}
		joined = append(joined, l)
	}
	arr, err := repdef.Unshred(field, joined, mem)
	if err != nil {
		return
	}
	again, err := repdef.Shred(arr, mem)
	if err != nil {
		t.Fatal(err)
	}
	requireSame(t, field, arr, again)
}

// drawDamage changes a leaf in up to three places.
func drawDamage(t *rapid.T, l repdef.Leaf) repdef.Leaf {
	l.Layers = append([]repdef.Layer(nil), l.Layers...)
	l.Rep = append([]uint16(nil), l.Rep...)
	l.Def = append([]uint16(nil), l.Def...)
	for range rapid.IntRange(0, 3).Draw(t, "damages") {
		switch rapid.IntRange(0, 6).Draw(t, "damage") {
		case 0:
			l.Layers[rapid.IntRange(0, len(l.Layers)-1).Draw(t, "at")] = repdef.Layer(rapid.IntRange(0, 8).Draw(t, "layer"))
		case 1:
			l.Rep = drawLevels(t, l.Rep)
		case 2:
			l.Def = drawLevels(t, l.Def)
		case 3:
			l.Rows = rapid.IntRange(-1, 10).Draw(t, "rows")
		case 4:
			l.Values = slice(l.Values, 0, rapid.IntRange(0, l.Values.Len()).Draw(t, "values"))
		case 5:
			l.Rep = l.Rep[:rapid.IntRange(0, len(l.Rep)).Draw(t, "length")]
		case 6:
			l.Def = l.Def[:rapid.IntRange(0, len(l.Def)).Draw(t, "length")]
		}
	}
	return l
}

func drawLevels(t *rapid.T, levels []uint16) []uint16 {
	level := rapid.Uint16Range(0, 5).Draw(t, "level")
	if len(levels) == 0 {
		return []uint16{level}
	}
	levels[rapid.IntRange(0, len(levels)-1).Draw(t, "at")] = level
	return levels
}
