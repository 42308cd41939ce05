package conformance_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestAddMember gives structs at the top, in structs and in lists a member with a value:
// the reference scans, takes, filters and compacts them as we do, with rows of both
// shapes and deleted ones.
func TestAddMember(t *testing.T) {
	n := func(name string, dt arrow.DataType) arrow.Field {
		return arrow.Field{Name: name, Type: dt, Nullable: true}
	}
	p := arrow.PrimitiveTypes
	in := arrow.ListOf(arrow.StructOf(n("x", p.Int64), n("k", arrow.BinaryTypes.String)))
	old := arrow.NewSchema([]arrow.Field{n("id", p.Int64), n("o", arrow.StructOf(n("x", p.Int64), n("in", in))), n("l", arrow.ListOf(in))}, nil)
	rows := `[
		{"id":0,"o":null,"l":null},
		{"id":1,"o":{"x":1,"in":[{"x":1},null,{"k":"a"}]},"l":[[{"x":1}],null,[]]},
		{"id":2,"o":{"x":null,"in":null},"l":[[null,{"x":2}]]},
		{"id":3,"o":{"x":3,"in":[]},"l":[]}]`
	for _, version := range []file.Version{file.V2_1, file.V2_2} {
		t.Run(version.String(), func(t *testing.T) {
			store, dir := newStore(t)
			must(lance.Create(t.Context(), store, old, sequence(fromJSON(t, old, rows)), lance.Options{FileVersion: version}))(t)
			table, ref := lance.Open(store, lance.Options{}), lanceref.Start(t).Table(dir)
			must(ref.Append(old, fromJSON(t, old, rows)))(t)
			must(ref.Delete("id = 3"))(t)
			for parent, value := range map[string]string{"o": `{"d":7}`, "o.in.item": `{"d":8}`, "l.item.item": `{"d":9}`} {
				for range 2 { // the second time there is nothing to do
					must(table.AddMember(t.Context(), lance.Member{Parent: parent, Value: fromJSON(t, arrow.NewSchema([]arrow.Field{n("d", p.Int16)}, nil), "["+value+"]")}))(t)
				}
			}
			grown := must(table.Latest(t.Context()))(t)
			if v := grown.Version(); v != 6 {
				t.Errorf("version %d", v)
			}
			last := fromJSON(t, grown.Schema(), `[{"id":4,"o":{"x":1,"d":null,"in":[{"d":1}]},"l":[[{"d":2}]]},{"id":5,"o":{}}]`)
			must(table.Append(t.Context(), sequence(last)))(t)
			check := func(what string) {
				t.Helper()
				if err := ref.Validate(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				ours := rowsOf(must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t)...)
				theirs := tableRows(must(ref.Read(lanceref.ReadOptions{}))(t))
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Fatalf("%s: the reference reads other rows than we:\n%s", what, diff)
				}
				for filter, want := range map[string]uint64{
					"o.d = 7": 4, "o IS NOT NULL AND o.d IS NULL": 2, "o.in[1]['d'] = 8": 2, "o.in[3]['d'] = 8": 2, "l[1][1]['d'] = 9": 2, "l[1][2]['d'] = 9": 2, "l[1][1]['d'] = 2": 1,
				} {
					if got, err := ref.Count(filter); err != nil || got != want {
						t.Errorf("%s: %s finds %d rows, want %d; %v", what, filter, got, want, err)
					}
				}
				taken := tableRows(must(ref.Take([]uint64{1, 6, 4}))(t))
				if diff := cmp.Diff([]members{theirs[1], theirs[6], theirs[4]}, taken); diff != "" {
					t.Errorf("%s: taken:\n%s", what, diff)
				}
			}
			check("with rows of both shapes")
			must(ref.Compact(lanceref.CompactOptions{}))(t)
			check("compacted")
		})
	}
}
