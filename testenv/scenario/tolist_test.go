package scenario

import (
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// loose declares a vector that may become a list.
func loose(path, typ string) schema.Column {
	return schema.Column{Path: path, Type: typ, Vector: "to_list"}
}

// Vectors of others' tables, at the top, in structs and in lists, become lists when one
// of another length comes: types, values of old and new rows, the old version with its
// type, and indices on other vectors in use before and after.
func TestVectorsBecomeLists(t *testing.T) {
	p := arrow.PrimitiveTypes
	four := arrow.FixedSizeListOf(4, p.Float32)
	for _, version := range []string{"2.1", "2.2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.foreign("t", version, 300,
				may("v", four), may("wide", arrow.FixedSizeListOf(4, p.Int8)), may("o", arrow.StructOf(may("w", four), may("x", p.Int8))),
				may("l", arrow.ListOf(arrow.StructOf(may("y", four), may("z", p.Int32)))), may("vs", arrow.ListOf(four)), may("kept", four),
			)
			ref := r.table("t")
			if _, err := ref.CreateVectorIndex("kept", "IVF_FLAT", 2); err != nil {
				t.Fatal(err)
			}
			old, err := ref.Schema()
			if err != nil {
				t.Fatal(err)
			}
			declare := declared(t, schema.Evolve,
				loose("v", "fixed_size_list<float>[4]"), loose("wide", "fixed_size_list<int8>[4]"), loose("o.w", "fixed_size_list<float>[4]"),
				loose("l[].y", "fixed_size_list<float>[4]"), loose("vs[]", "fixed_size_list<float>[4]"),
			)
			r.send("t",
				`{"v":[1,2,3,0.5],"wide":[1,2,3,4],"o":{"w":[1,2,3,4]},"l":[{"y":[1,2,3,4]}],"vs":[[1,2,3,4]],"kept":[1,2,3,4]}`,
				`{"v":[1.5],"wide":[1,300],"o":{"w":[],"x":1},"l":[{"y":[1,2,3,4]},{"y":[5],"z":1},null],"vs":[[],null,[1]]}`,
				`{"v":null,"o":null,"l":[],"kept":[1]}`,
				`{"v":[1,null],"o":{"x":2}}`,
			)
			r.writeAll(declare)
			if dead := r.deadLetters("t"); len(dead) != 1 || dead["persisting_dlq.t.0.3"] == nil {
				for name, msg := range dead {
					t.Errorf("dead letter %s: %s", name, msg.Header.Get("Pst-Error"))
				}
			}
			want(t, r.rows("t", "v", "wide", "o", "l", "vs", "kept"),
				`[[1,2,3,0.5],[1,2,3,4],{"w":[1,2,3,4],"x":null},[{"y":[1,2,3,4],"z":null}],[[1,2,3,4]],[1,2,3,4]]`,
				`[[1.5],[1,300],{"w":[],"x":1},[{"y":[1,2,3,4],"z":null},{"y":[5],"z":1},null],[[],null,[1]],null]`,
				`[[1,null],null,{"w":null,"x":2},null,null,null]`,
			)
			types := map[string]string{
				"v": "list<item: float>", "wide": "list<item: int16>", "o": "struct<w: list<item: float>, x: int8>",
				"l": "list<item: struct<y: list<item: float>, z: int32>>", "vs": "list<item: list<item: float>>", "kept": "fixed_size_list<item: float>[4]",
			}
			requireTypes(t, ref, types)
			r.oldLists(ref)
			if again, err := ref.At(1).Schema(); err != nil || again != old {
				t.Errorf("version 1 is read as\n%s, %v; it was\n%s", again, err, old)
			}
			if list, err := ref.Indices(); err != nil || len(list) != 1 || list[0].IndexedRows != 300 {
				t.Errorf("indices %v, %v", list, err)
			}
			// All of it fits now, also for a worker that knows of no declaration.
			before := r.versions("t")
			r.send("t", `{"v":[1,2,3,4,5],"o":{"w":[1]}}`)
			r.writeAll()
			r.send("t", `{"v":[1,2]}`)
			r.writeAll(declare)
			if after := r.versions("t"); after != before+2 {
				t.Errorf("%d versions after %d for two rows that fit", after, before)
			}
			if _, err := ref.Compact(lanceref.CompactOptions{}); err != nil {
				t.Fatal(err)
			}
			r.oldLists(ref)
		})
	}
}

// oldLists holds what foreign wrote against lists that the table has now.
func (r *rig) oldLists(ref *lanceref.Table) {
	r.t.Helper()
	for filter, n := range map[string]uint64{
		"id < 0 AND array_length(v) = 4 AND v[1] = 7 AND v[4] = 7 AND wide[1] = 7 AND o.w[2] = 7 AND o.x = 7": 2, // the 8th and 208th row; the 108th is null
		"id < 0 AND v IS NULL AND wide IS NULL AND o IS NULL AND l IS NULL AND vs IS NULL AND kept IS NULL":   100,
		"id < 0 AND array_length(l) = 2 AND array_length(l[1]['y']) = 4":                                      66,
	} {
		if got, err := ref.Count(filter); err != nil || got != n {
			r.t.Errorf("%d old rows with %s, want %d; %v", got, filter, n, err)
		}
	}
	if err := ref.Validate(); err != nil {
		r.t.Error(err)
	}
}

// An index on the vectors would be lost: until it is dropped, a vector of another length
// is a dead letter that says so, and the index is used.
func TestAnIndexKeepsVectors(t *testing.T) {
	r := newRig(t)
	declare := declared(t, schema.Evolve, loose("v", "fixed_size_list<float>[4]"))
	r.publishAll("t", 300, func(i int) string { return fmt.Sprintf(`{"id":%d,"v":[%d,0.5,1,%d]}`, i, i, i%7) })
	r.writeAll(declare)
	ref := r.table("t")
	if _, err := ref.CreateVectorIndex("v", "IVF_FLAT", 2); err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"v":[1]}`, `{"v":[0,0,0,0]}`)
	r.writeAll(declare)
	dead := r.deadLetters("t")
	msg := dead["persisting_dlq.t.0.301"]
	if reason := `field v: a vector of 1 values does not fit fixed_size_list<item: float32, nullable>[4]: the index "v_idx" stands on the column: drop it, and the type can change`; len(dead) != 1 || msg == nil || msg.Header.Get("Pst-Error") != reason {
		t.Errorf("dead letters %v", dead)
	}
	search := lanceref.Search{Column: "v", Query: []float32{299, 0.5, 1, 5}, K: 1, Columns: []string{"id"}, NProbes: 2}
	indexed := uint64(r.versions("t"))
	if _, err := ref.Nearest(search); err != nil {
		t.Error(err)
	}
	r.python(`
ds.drop_index("v_idx")
result = len(ds.list_indices())
`, 0.0)
	r.send("t", `{"v":[1]}`)
	r.writeAll(func(c *bridge.Config) { declare(c) })
	requireTypes(t, ref, map[string]string{"v": "list<item: float>"})
	if n, err := ref.Count("array_length(v) = 1"); err != nil || n != 1 {
		t.Errorf("%d rows, %v", n, err)
	}
	if _, err := ref.At(indexed).Nearest(search); err != nil {
		t.Errorf("the version with the index: %v", err)
	}
}
