package conformance_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// library is a table of two fragments whose columns of dictionary types have other
// values in each.
type library struct {
	t     *testing.T
	table *lance.Table
	ref   *lanceref.Table
}

func newLibrary(t *testing.T, schema *arrow.Schema, version file.Version) *library {
	t.Helper()
	store, dir := newStore(t)
	first := fromJSON(t, schema, `[{"id":1,"word":"a","in":{"n":7}},{"id":2,"word":null,"in":{"n":null}},{"id":3,"word":"b","in":{"n":7}}]`)
	must(lance.Create(t.Context(), store, schema, sequence(first), lance.Options{FileVersion: version}))(t)
	l := &library{t: t, table: lance.Open(store, lance.Options{}), ref: lanceref.Start(t).Table(dir)}
	second := fromJSON(t, schema, `[{"id":4,"word":"c","in":{"n":-7}},{"id":5,"word":"a","in":null}]`)
	must(l.table.Append(t.Context(), sequence(second)))(t)
	return l
}

// want compares the table with rows in JSON, on both sides.
func (l *library) want(rows string) {
	l.t.Helper()
	d := must(l.table.Latest(l.t.Context()))(l.t)
	want := fromJSON(l.t, d.Schema(), rows)
	requireReference(l.t, l.ref, want)
	requireRecords(l.t, must(collect(d.Scan(l.t.Context(), lance.ScanOptions{})))(l.t), want, 1)
	order := []uint64{uint64(want.NumRows()) - 1, 0, uint64(want.NumRows()) - 1}
	none := must(d.Take(l.t.Context(), nil))(l.t)
	if !none.Schema().Equal(d.Schema()) || none.NumRows() != 0 {
		l.t.Errorf("no rows are %s", none)
	}
	taken := must(d.Take(l.t.Context(), order))(l.t)
	defer taken.Release()
	requireTaken(l.t, want, order, taken)
}

func librarySchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "word", Type: indexedBy(arrow.PrimitiveTypes.Int16, arrow.BinaryTypes.String), Nullable: true},
		{Name: "in", Type: arrow.StructOf(arrow.Field{Name: "n", Type: indexedBy(arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Int64), Nullable: true}), Nullable: true},
	}, nil)
}

// TestDictionaryOperations computes columns from and to dictionaries, and changes
// types, before and after the reference has gone on with the table.
func TestDictionaryOperations(t *testing.T) {
	for _, version := range versions {
		t.Run(version.String(), func(t *testing.T) {
			l := newLibrary(t, librarySchema(), version)
			l.want(`[{"id":1,"word":"a","in":{"n":7}},{"id":2,"word":null,"in":{"n":null}},{"id":3,"word":"b","in":{"n":7}},
				{"id":4,"word":"c","in":{"n":-7}},{"id":5,"word":"a","in":null}]`)

			l.addComputed()
			one := arrow.NewSchema([]arrow.Field{{Name: "k", Type: indexedBy(arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.Binary), Nullable: true}}, nil)
			must(l.table.AddConstants(t.Context(), fromJSON(t, one, `[{"k":"QUI="}]`)))(t)
			must(l.table.DropColumns(t.Context(), "in"))(t)
			must(l.table.RenameColumn(t.Context(), "word", "wort"))(t)
			l.want(`[{"id":1,"wort":"a","size":1,"twice":"aa","k":"QUI="},{"id":2,"wort":null,"size":null,"twice":null,"k":"QUI="},{"id":3,"wort":"b","size":1,"twice":"bb","k":"QUI="},
				{"id":4,"wort":"c","size":1,"twice":"cc","k":"QUI="},{"id":5,"wort":"a","size":1,"twice":"aa","k":"QUI="}]`)

			must(l.ref.Delete("id = 3"))(t)
			must(l.ref.Compact(lanceref.CompactOptions{}))(t)
			schema := must(l.table.Latest(t.Context()))(t).Schema()
			must(l.ref.Append(schema, fromJSON(t, schema, `[{"id":6,"wort":"f","size":1,"twice":null,"k":""}]`)))(t)
			l.want(`[{"id":1,"wort":"a","size":1,"twice":"aa","k":"QUI="},{"id":2,"wort":null,"size":null,"twice":null,"k":"QUI="},
				{"id":4,"wort":"c","size":1,"twice":"cc","k":"QUI="},{"id":5,"wort":"a","size":1,"twice":"aa","k":"QUI="},{"id":6,"wort":"f","size":1,"twice":null,"k":""}]`)
		})
	}
}

// addComputed adds numbers and dictionaries computed from dictionaries.
func (l *library) addComputed() {
	l.t.Helper()
	added := arrow.NewSchema([]arrow.Field{
		{Name: "size", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "twice", Type: indexedBy(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.LargeString), Nullable: true},
	}, nil)
	must(l.table.AddColumnsFunc(l.t.Context(), added, []string{"word"}, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		words := in.Column(0).(*array.Dictionary)
		var rows []string
		for i := range words.Len() {
			row := `{"size":null,"twice":null}`
			if !words.IsNull(i) {
				row = `{"size":1,"twice":"` + words.ValueStr(i) + words.ValueStr(i) + `"}`
			}
			rows = append(rows, row)
		}
		out := fromJSON(l.t, added, "["+strings.Join(rows, ",")+"]")
		out.Retain()
		return out, nil
	}))(l.t)
}

// TestDictionaryRetyped changes dictionaries to their values and back, to other keys
// and other values, inside a struct too.
func TestDictionaryRetyped(t *testing.T) {
	for _, version := range versions {
		t.Run(version.String(), func(t *testing.T) {
			l := newLibrary(t, librarySchema(), version)
			rows := `[{"id":1,"word":"a","in":{"n":7}},{"id":2,"word":null,"in":{"n":null}},{"id":3,"word":"b","in":{"n":7}},
				{"id":4,"word":"c","in":{"n":-7}},{"id":5,"word":"a","in":null}]`
			for _, change := range []struct {
				path string
				to   arrow.DataType
			}{
				{"word", arrow.BinaryTypes.String},
				{"word", indexedBy(arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.LargeString)},
				{"word", indexedBy(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.LargeString)},
				{"in.n", indexedBy(arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Float32)},
				{"in.n", arrow.PrimitiveTypes.Float64},
			} {
				must(l.table.ChangeType(t.Context(), change.path, change.to))(t)
				l.want(rows)
			}
			for _, c := range []struct {
				path string
				to   arrow.DataType
			}{
				{"word", arrow.PrimitiveTypes.Int64},
				{"word", indexedBy(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.Binary)},
				{"word", indexedBy(arrow.PrimitiveTypes.Int8, arrow.FixedWidthTypes.Date32)},
			} {
				if _, err := l.table.ChangeType(t.Context(), c.path, c.to); !errors.Is(err, lance.ErrUnsupported) {
					t.Errorf("%s as %s: %v", c.path, c.to, err)
				}
			}
			must(l.ref.Compact(lanceref.CompactOptions{}))(t)
			l.want(rows)
		})
	}
}

// TestRetypedToSmallKeys refuses keys that do not count the values, and changes
// nothing.
func TestRetypedToSmallKeys(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	store, _ := newStore(t)
	rec := array.NewRecord(schema, []arrow.Array{arrayOf(t, arrow.BinaryTypes.String, countedAs(0, 129, `"v%d"`))}, 129)
	must(lance.Create(t.Context(), store, schema, sequence(rec), lance.Options{}))(t)
	table := lance.Open(store, lance.Options{})
	_, err := table.ChangeType(t.Context(), "v", indexedBy(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String))
	if err == nil || !strings.Contains(err.Error(), "more distinct values than the 128 that keys of int8 can count") {
		t.Errorf("got %v", err)
	}
	must(table.ChangeType(t.Context(), "v", indexedBy(arrow.PrimitiveTypes.Uint8, arrow.BinaryTypes.String)))(t)
	got := must(collect(must(table.Latest(t.Context()))(t).Scan(t.Context(), lance.ScanOptions{})))(t)
	requireRecords(t, got, array.NewRecord(got[0].Schema(), []arrow.Array{indexed(rec.Column(0), got[0].Column(0).DataType())}, 129), 1)
}
