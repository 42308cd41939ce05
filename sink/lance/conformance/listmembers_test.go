package conformance_test

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestNewMembersInsideLists adds members without values to structs in lists, in lists
// of such structs, and in structs between, where lists, structs and items are null or
// empty: whole schemas by one version of metadata, as the bridge does. Both sides read,
// take and filter the same rows, before and after rows of the new shape, deletion and
// compaction.
func TestNewMembersInsideLists(t *testing.T) {
	n := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	p := arrow.PrimitiveTypes
	shape := func(inner, outer, mid []arrow.Field) *arrow.Schema {
		in := arrow.ListOf(arrow.StructOf(append([]arrow.Field{n("x", p.Int64)}, inner...)...))
		between := arrow.StructOf(append([]arrow.Field{n("in", in), n("k", arrow.BinaryTypes.String)}, mid...)...)
		out := arrow.ListOf(arrow.StructOf(append([]arrow.Field{n("y", p.Int32), n("s", between)}, outer...)...))
		return arrow.NewSchema([]arrow.Field{n("id", p.Int64), n("l", out)}, nil)
	}
	old := shape(nil, nil, nil)
	more := []arrow.Field{n("new", p.Int64), n("word", arrow.BinaryTypes.String), n("list", arrow.ListOf(arrow.StructOf(n("z", p.Int8)))), n("deep", arrow.StructOf(n("d", p.Float64)))}
	grown := shape(more, more, more)
	oldRows := `[
		{"id":0,"l":null},
		{"id":1,"l":[]},
		{"id":2,"l":[null]},
		{"id":3,"l":[{"y":1,"s":null},{"y":null,"s":{"in":null,"k":"a"}}]},
		{"id":4,"l":[{"y":2,"s":{"in":[],"k":null}},null,{"y":3,"s":{"in":[null,{"x":1},{"x":null}],"k":"b"}}]},
		{"id":5,"l":[{"y":4,"s":{"in":[{"x":5}],"k":"c"}}]}]`
	newRows := `[
		{"id":6,"l":[{"y":1,"new":7,"word":"w","list":[{"z":1},null],"deep":{"d":0.5},"s":{"k":"n","new":8,"list":[],"in":[{"x":1,"new":9,"word":"v","list":[{"z":2}],"deep":null}]}}]},
		{"id":7,"l":null},
		{"id":8,"l":[null,{"new":null,"s":{"in":[null,{"deep":{"d":null}}]}}]}]`
	for _, version := range []file.Version{file.V2_1, file.V2_2} {
		t.Run(version.String(), func(t *testing.T) {
			store, dir := newStore(t)
			must(lance.Create(t.Context(), store, old, sequence(fromJSON(t, old, oldRows)), lance.Options{FileVersion: version}))(t)
			table, ref := lance.Open(store, lance.Options{}), lanceref.Start(t).Table(dir)
			check := func(what string, filters map[string]uint64) {
				t.Helper()
				if err := ref.Validate(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				d := must(table.Latest(t.Context()))(t)
				ours := rowsOf(must(collect(d.Scan(t.Context(), lance.ScanOptions{})))(t)...)
				theirs := tableRows(must(ref.Read(lanceref.ReadOptions{}))(t))
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Fatalf("%s: the reference reads other rows than we:\n%s", what, diff)
				}
				for i := range ours {
					one := tableRows(must(ref.Take([]uint64{uint64(i)}))(t))
					if diff := cmp.Diff(one, ours[i:i+1]); diff != "" {
						t.Fatalf("%s: row %d taken:\n%s", what, i, diff)
					}
				}
				for filter, want := range filters {
					if got, err := ref.Count(filter); err != nil || got != want {
						t.Errorf("%s: %d rows where %s, want %d; %v", what, got, filter, want, err)
					}
				}
			}
			check("before", nil)
			before := must(table.Latest(t.Context()))(t)
			after := must(table.AddColumns(t.Context(), grown))(t)
			if after.Version() != before.Version()+1 {
				t.Errorf("version %d follows %d", after.Version(), before.Version())
			}
			// The same rows, with null in the new places and nowhere else.
			want := rowsOf(fromJSON(t, grown, oldRows))
			if diff := cmp.Diff(want, tableRows(must(ref.Read(lanceref.ReadOptions{}))(t))); diff != "" {
				t.Fatalf("old rows in the new shape:\n%s", diff)
			}
			check("new members", map[string]uint64{"l[1].y = 4": 1, "l[1].new IS NULL": 6, "l[3].s.k = 'b' AND l[3].s.new IS NULL AND l[3].s.in[2].word IS NULL": 1})
			must(table.Append(t.Context(), sequence(fromJSON(t, grown, newRows))))(t)
			filters := map[string]uint64{"l[1].new = 7": 1, "l[1].s.in[1].new = 9": 1, "l[1].s.in[1].list[1].z = 2": 1, "l[1].deep.d = 0.5": 1}
			check("rows of the new shape", filters)
			must(ref.Append(old, fromJSON(t, old, fmt.Sprintf(`[{"id":9,"l":[{"y":1,"s":{"in":[{"x":%d}],"k":"r"}}]}]`, 3))))(t)
			check("a foreign row of the old shape", filters)
			must(ref.Delete("id = 2 OR id = 4"))(t)
			check("delete", filters)
			must(ref.Compact(lanceref.CompactOptions{}))(t)
			check("compact", filters)
		})
	}
}

// TestMemberOfListBesideRetyped adds a member in a list inside a struct of which another
// member was given a new type, and so lies in a file of its own: the lists keep the
// lengths that they have beside it.
func TestMemberOfListBesideRetyped(t *testing.T) {
	n := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	p := arrow.PrimitiveTypes
	shape := func(x arrow.DataType, more ...arrow.Field) *arrow.Schema {
		item := arrow.StructOf(append([]arrow.Field{n("a", p.Int64)}, more...)...)
		return arrow.NewSchema([]arrow.Field{n("o", arrow.StructOf(n("x", x), n("l", arrow.ListOf(item))))}, nil)
	}
	rows := `[{"o":{"x":1,"l":[{"a":1},null,{"a":3}]}},{"o":null},{"o":{"x":null,"l":[]}},{"o":{"x":4,"l":null}}]`
	store, dir := newStore(t)
	must(lance.Create(t.Context(), store, shape(p.Int8), sequence(fromJSON(t, shape(p.Int8), rows)), lance.Options{}))(t)
	table := lance.Open(store, lance.Options{})
	must(table.ChangeType(t.Context(), "o.x", p.Int16))(t)
	grown := shape(p.Int16, n("b", arrow.BinaryTypes.String))
	must(table.AddColumns(t.Context(), grown))(t)
	want := fromJSON(t, grown, rows)
	requireRecords(t, must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t), want, 1)
	requireReference(t, lanceref.Start(t).Table(dir), want)
}
