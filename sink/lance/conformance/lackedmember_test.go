package conformance_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestLackedMembers adds a member to structs that lie in lists and maps, and appends
// rows that lack one: both sides read the table then, or it is refused.
func TestLackedMembers(t *testing.T) {
	x := arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	y := arrow.Field{Name: "y", Type: arrow.PrimitiveTypes.Int64, Nullable: true}
	for name, c := range map[string]struct {
		in           func(arrow.DataType) arrow.DataType
		whole, lacks string
		refused      bool
	}{
		"list":       {func(k arrow.DataType) arrow.DataType { return arrow.ListOf(k) }, `[{"x":1,"y":2}]`, `[{"x":1}]`, false},
		"lists":      {func(k arrow.DataType) arrow.DataType { return arrow.ListOf(arrow.ListOf(k)) }, `[[{"x":1,"y":2}]]`, `[[{"x":1}]]`, false},
		"large list": {func(k arrow.DataType) arrow.DataType { return arrow.LargeListOf(k) }, `[{"x":1,"y":2}]`, `[{"x":1}]`, true},
		"both":       {func(k arrow.DataType) arrow.DataType { return arrow.LargeListOf(arrow.ListOf(k)) }, `[[{"x":1,"y":2}]]`, `[[{"x":1}]]`, true},
		"map": {
			func(k arrow.DataType) arrow.DataType { return arrow.MapOf(arrow.BinaryTypes.String, k) },
			`[{"key":"k","value":{"x":1,"y":2}}]`, `[{"key":"k","value":{"x":1}}]`, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			schema := func(members ...arrow.Field) *arrow.Schema {
				return arrow.NewSchema([]arrow.Field{{Name: "c", Type: c.in(arrow.StructOf(members...)), Nullable: true}}, nil)
			}
			whole := fromJSON(t, schema(x, y), `[{"c":`+c.whole+`},{"c":null}]`)
			lacks := fromJSON(t, schema(x), `[{"c":`+c.lacks+`},{"c":null}]`)
			for _, first := range []arrow.Record{whole, lacks} {
				store, dir := newStore(t)
				must(lance.Create(t.Context(), store, first.Schema(), sequence(first), lance.Options{FileVersion: file.V2_2}))(t)
				table, ref := lance.Open(store, lance.Options{}), lanceref.Start(t).Table(dir)
				var err error
				if first == whole {
					_, err = table.Append(t.Context(), sequence(lacks))
				} else {
					_, err = table.AddColumns(t.Context(), whole.Schema())
				}
				if errors.Is(err, lance.ErrUnsupported) != c.refused || err != nil && !c.refused {
					t.Fatalf("%v, refused is %t", err, c.refused)
				}
				ours := rowsOf(must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t)...)
				theirs := tableRows(must(ref.Read(lanceref.ReadOptions{}))(t))
				if d := cmp.Diff(theirs, ours); d != "" {
					t.Errorf("the reference reads other rows than we:\n%s", d)
				}
			}
		})
	}
}

// TestRetypedMemberOfLackedStruct changes the type of a member of a struct that one
// fragment has nothing of: it must not get a part of it, beside which other members
// may never be null.
func TestRetypedMemberOfLackedStruct(t *testing.T) {
	number := arrow.PrimitiveTypes
	id := arrow.Field{Name: "id", Type: number.Int32}
	members := func(kind arrow.DataType) *arrow.Schema {
		s := arrow.StructOf(arrow.Field{Name: "a", Type: kind, Nullable: true}, arrow.Field{Name: "b", Type: number.Int8})
		return arrow.NewSchema([]arrow.Field{id, {Name: "s", Type: s, Nullable: true}}, nil)
	}
	store, dir := newStore(t)
	must(lance.Create(t.Context(), store, members(number.Int8), sequence(fromJSON(t, members(number.Int8), `[{"id":1,"s":{"a":1,"b":2}}]`)), lance.Options{}))(t)
	table := lance.Open(store, lance.Options{})
	must(table.Append(t.Context(), sequence(fromJSON(t, arrow.NewSchema([]arrow.Field{id}, nil), `[{"id":2}]`))))(t)
	must(table.ChangeType(t.Context(), "s.a", number.Int16))(t)
	must(table.AddColumns(t.Context(), arrow.NewSchema([]arrow.Field{{Name: "nowhere", Type: number.Int8, Nullable: true}}, nil)))(t)
	must(table.ChangeType(t.Context(), "nowhere", number.Float64))(t)
	must(table.DropColumns(t.Context(), "nowhere"))(t)
	want := fromJSON(t, members(number.Int16), `[{"id":1,"s":{"a":1,"b":2}},{"id":2,"s":null}]`)
	requireRecords(t, must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t), want, 1)
	requireReference(t, lanceref.Start(t).Table(dir), want)
}
