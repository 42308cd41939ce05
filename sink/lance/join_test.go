package lance

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// TestJoin joins the halves of a list of structs, as two data files hold them, and
// finds which file has which leaf.
func TestJoin(t *testing.T) {
	x := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	y := arrow.Field{Name: "y", Type: arrow.BinaryTypes.String, Nullable: true}
	listOf := func(members ...arrow.Field) arrow.DataType { return arrow.ListOf(arrow.StructOf(members...)) }
	from := func(dt arrow.DataType, rows string) arrow.Array {
		arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(rows))
		if err != nil {
			t.Fatal(err)
		}
		return arr
	}
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{{Name: "l", Type: listOf(x, y), Nullable: true}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	a := from(listOf(x), `[[{"x": 1}, null], null, [], [{"x": null}]]`)
	b := from(listOf(y), `[[{"y": "p"}, null], null, [], [{"y": "q"}]]`)
	got, err := join(s.Fields[0], a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := from(listOf(x, y), `[[{"x": 1, "y": "p"}, null], null, [], [{"x": null, "y": "q"}]]`)
	if !array.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, err := join(s.Fields[0], a, from(listOf(y), `[[{"y": "p"}], null, [], []]`)); err == nil {
		t.Error("lists of other lengths were joined")
	}

	leaves := s.Leaves()
	parts := split(s.Fields[0], map[int32]int{leaves[0].ID: 1, leaves[1].ID: 0})
	for at, name := range map[int]string{1: "x", 0: "y"} {
		if p := parts[at]; p == nil || len(p.Children[0].Children) != 1 || p.Children[0].Children[0].Name != name {
			t.Errorf("file %d has %v", at, p)
		}
	}
	if parts := split(s.Fields[0], nil); len(parts) != 1 || parts[0] != s.Fields[0] {
		t.Errorf("what no file has: %v", parts)
	}
}
