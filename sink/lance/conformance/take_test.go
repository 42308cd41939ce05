package conformance_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// numbered puts a column "id" that counts in front of a record.
func numbered(rec arrow.Record) arrow.Record {
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rec.NumRows() {
		b.Append(i)
	}
	columns := append([]arrow.Array{b.NewArray()}, rec.Columns()...)
	list := append([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}}, rec.Schema().Fields()...)
	return array.NewRecord(arrow.NewSchema(list, nil), columns, rec.NumRows())
}

// requireTaken compares what was taken or scanned with rows of a record.
func requireTaken(t *testing.T, want arrow.Record, rows []uint64, got ...arrow.Record) {
	t.Helper()
	table := array.NewTableFromRecords(got[0].Schema(), got)
	defer table.Release()
	requireRows(t, table, want, rows)
}

// TestTake reads random rows of tables that either side wrote, with the deletions
// that the reference made, and compares both sides' takes with what was written.
func TestTake(t *testing.T) {
	for _, g := range groups() {
		for _, writer := range writersOf(g) {
			t.Run(g.name+"/"+writer.String(), func(t *testing.T) {
				t.Parallel() // beside the reference
				r := newRand(t)
				columns := g.columns(r)
				if !writer.ours {
					columns = slices.DeleteFunc(columns, unfit)
				}
				rec := numbered(recordOf(r, columns, g.rows/3))
				defer rec.Release()
				store, dir := newStore(t)
				ref := lanceref.Start(t).Table(dir)
				writer.write(t, ref, store, rec)
				table := lance.Open(store, lance.Options{})
				live := everyRow(rec)
				for _, predicate := range []func(row uint64) (string, bool){
					nil,
					func(row uint64) (string, bool) { return "id % 11 = 3", row%11 == 3 },
					func(row uint64) (string, bool) { return "id > 7 and id < 31", row > 7 && row < 31 },
				} {
					if predicate != nil {
						sql, _ := predicate(0)
						must(ref.Delete(sql))(t)
						live = slices.DeleteFunc(live, func(row uint64) bool { _, gone := predicate(row); return gone })
					}
					takeRandom(t, r, must(table.Latest(t.Context()))(t), ref, rec, live)
				}
			})
		}
	}
}

// unfit reports columns that do not come over: decimals, which the reference wants
// aligned as IPC files of Go do not have them, and lists of a fixed size inside each
// other, whose null items we do not read.
func unfit(c column) bool {
	return strings.Contains(c.name(), "decimal") || strings.Count(c.name(), "fixed_size_list") > 1
}

// writer is who makes a table, and in what version.
type writer struct {
	ours    bool
	version file.Version
}

func (w writer) String() string {
	if w.ours {
		return "ours " + w.version.String()
	}
	return "reference " + w.version.String()
}

// writersOf are those that can write a group's types.
func writersOf(g group) []writer {
	var all []writer
	for _, v := range versions[g.since:] {
		all = append(all, writer{true, v}, writer{false, v})
	}
	if g.name == "flat" {
		all = append(all, writer{false, file.V2_0})
	}
	return all
}

// write makes a table of a record, ours of two halves. (The reference and Arrow's
// IPC writer both stumble over slices of some nested arrays.)
func (w writer) write(t *testing.T, ref *lanceref.Table, store objstore.Store, rec arrow.Record) {
	t.Helper()
	if !w.ours {
		must(ref.Create(lanceref.WriteOptions{DataStorageVersion: w.version.String()}, rec.Schema(), rec))(t)
		return
	}
	parts := halves(rec)
	o := lance.Options{FileVersion: w.version, Compression: compressions[int(rec.NumCols())%len(compressions)]}
	must(lance.Create(t.Context(), store, rec.Schema(), sequence(parts[0]), o))(t)
	must(lance.Open(store, o).Append(t.Context(), sequence(parts[1])))(t)
}

func everyRow(rec arrow.Record) []uint64 {
	rows := make([]uint64, rec.NumRows())
	for i := range rows {
		rows[i] = uint64(i)
	}
	return rows
}

// takeRandom takes rows, some of them twice, by place and by address, and scans.
func takeRandom(t *testing.T, r *rand.Rand, d *lance.Dataset, ref *lanceref.Table, rec arrow.Record, live []uint64) {
	t.Helper()
	if n := must(d.CountRows(t.Context()))(t); n != uint64(len(live)) {
		t.Fatalf("%d rows, want %d", n, len(live))
	}
	places := make([]uint64, 1+r.IntN(40))
	rows := make([]uint64, len(places))
	for i := range places {
		places[i] = uint64(r.IntN(len(live)))
		rows[i] = live[places[i]]
	}
	got := must(d.Take(t.Context(), places))(t)
	defer got.Release()
	requireTaken(t, rec, rows, got)
	table, err := ref.Take(places)
	switch {
	case err == nil:
		defer table.Release()
		requireRows(t, table, rec, rows)
	case !strings.Contains(err.Error(), "Incorrect number of nulls for StructArray"):
		t.Fatal(err)
	default: // which it says of some files of its own
	}

	all := must(collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"id"}, RowAddresses: true})))(t)
	var addresses []uint64
	for _, part := range all {
		addresses = append(addresses, part.Column(1).(*array.Uint64).Uint64Values()...)
	}
	if len(addresses) != len(live) {
		t.Fatalf("%d addresses of %d rows", len(addresses), len(live))
	}
	picked := make([]lance.RowAddress, len(places))
	for i, p := range places {
		picked[i] = lance.RowAddress(addresses[p])
	}
	byAddress := must(d.TakeAddresses(t.Context(), picked))(t)
	defer byAddress.Release()
	requireTaken(t, rec, rows, byAddress)
	scanRandom(t, r, d, rec, live)
}

// scanRandom reads random ranges with an offset and a limit.
func scanRandom(t *testing.T, r *rand.Rand, d *lance.Dataset, rec arrow.Record, live []uint64) {
	t.Helper()
	o := lance.ScanOptions{BatchRows: 1 + r.IntN(len(live))}
	want := live
	if r.IntN(3) > 0 {
		o.Ranges, want = []lance.RowRange{}, nil
		for at := 0; at < len(live); {
			to := min(at+r.IntN(len(live)/3+1), len(live))
			o.Ranges = append(o.Ranges, lance.RowRange{From: uint64(at), To: uint64(to)})
			want = append(want, live[at:to]...)
			at = to + r.IntN(len(live)/2+1)
		}
	}
	if r.IntN(2) == 0 {
		n := r.IntN(len(want) + 3)
		o.Offset, want = uint64(n), want[min(n, len(want)):]
	}
	if r.IntN(2) == 0 {
		n := 1 + r.IntN(len(want)+3)
		o.Limit, want = uint64(n), want[:min(n, len(want))]
	}
	got := must(collect(d.Scan(t.Context(), o)))(t)
	if len(got) == 0 {
		if len(want) > 0 {
			t.Fatalf("no rows of %d: %+v", len(want), o)
		}
		return
	}
	requireTaken(t, rec, want, got...)
}

// scanByReference is Python that reads a window of a table.
const scanByReference = `
table = lance.dataset(args['uri']).to_table(offset=args['offset'], limit=args['limit'], with_row_address=True)
result = [table['id'].to_pylist(), table['_rowaddr'].to_pylist()]
`

// TestWindows compares offset and limit, and row addresses, with the reference.
func TestWindows(t *testing.T) {
	r := newRand(t)
	rec := numbered(recordOf(r, matrix(flat()[:3], wild), 9000))
	store, dir := newStore(t)
	reference := lanceref.Start(t)
	ref := reference.Table(dir)
	writer{true, file.V2_1}.write(t, ref, store, rec)
	must(ref.Delete("id % 3 = 1"))(t) // bitmaps
	must(ref.Delete("id > 4000"))(t)  // a fragment goes
	d := must(lance.Open(store, lance.Options{}).Latest(t.Context()))(t)
	for range 8 {
		offset, limit := r.IntN(int(d.LiveRows())), 1+r.IntN(3000)
		var want [2][]int64
		if err := reference.Eval(scanByReference, map[string]any{"uri": dir, "offset": offset, "limit": limit}, &want); err != nil {
			t.Fatal(err)
		}
		var got [2][]int64
		o := lance.ScanOptions{Columns: []string{"id"}, Offset: uint64(offset), Limit: uint64(limit), RowAddresses: true, BatchRows: 700}
		for _, part := range must(collect(d.Scan(t.Context(), o)))(t) {
			got[0] = append(got[0], part.Column(0).(*array.Int64).Int64Values()...)
			for _, a := range part.Column(1).(*array.Uint64).Uint64Values() {
				got[1] = append(got[1], int64(a))
			}
		}
		if !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
			t.Fatalf("offset %d, limit %d: %d rows that are not the reference's %d", offset, limit, len(got[0]), len(want[0]))
		}
	}
	gone := lance.MakeRowAddress(0, 1)
	if _, err := d.TakeAddresses(t.Context(), []lance.RowAddress{gone}); !errors.Is(err, lance.ErrNoRow) {
		t.Errorf("a deleted row: %v", err)
	}
	if _, err := d.TakeAddresses(t.Context(), []lance.RowAddress{lance.MakeRowAddress(99, 1)}); !errors.Is(err, lance.ErrNoRow) {
		t.Errorf("a row of no fragment: %v", err)
	}
	if _, err := d.Take(t.Context(), []uint64{d.LiveRows()}); !errors.Is(err, lance.ErrNoRow) {
		t.Errorf("a row behind the last: %v", err)
	}
	none := must(d.Take(t.Context(), nil, "id"))(t)
	if none.NumRows() != 0 || fmt.Sprint(none.Schema().Fields()) != fmt.Sprint(d.Schema().Fields()[:1]) {
		t.Errorf("no rows: %v", none)
	}
}

// TestPaths reads members of structs, also inside lists.
func TestPaths(t *testing.T) {
	r := newRand(t)
	inner := structOf(arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String)
	rec := recordOf(r, []column{{structOf(arrow.PrimitiveTypes.Int32, inner), someNulls, wild}, {arrow.ListOf(inner), someNulls, wild}}, 400)
	fields := rec.Schema().Fields()
	fields[0].Name, fields[1].Name = "s", "lx"
	rec = array.NewRecord(arrow.NewSchema(fields, nil), rec.Columns(), rec.NumRows())
	store, _ := newStore(t)
	d := must(lance.Create(t.Context(), store, rec.Schema(), sequence(rec), lance.Options{}))(t)
	members := inner.(*arrow.StructType).Fields()
	outer := rec.Schema().Field(0).Type.(*arrow.StructType).Fields()
	got := must(collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{
		"lx.item." + members[1].Name, "s." + outer[1].Name + "." + members[0].Name,
	}})))(t)
	schema := got[0].Schema()
	if schema.Field(0).Name != "lx" || schema.Field(1).Name != "s" {
		t.Fatalf("columns %v", schema)
	}
	s := got[0].Column(1).(*array.Struct)
	if s.NumField() != 1 || s.Field(0).(*array.Struct).NumField() != 1 {
		t.Fatalf("column s is %s", s.DataType())
	}
	whole := rec.Column(0).(*array.Struct)
	if !array.Equal(s.Field(0).(*array.Struct).Field(0), whole.Field(1).(*array.Struct).Field(0)) {
		t.Error("the member is not what was written")
	}
	items := got[0].Column(0).(*array.List).ListValues().(*array.Struct)
	if items.NumField() != 1 || items.DataType().(*arrow.StructType).Field(0).Name != members[1].Name {
		t.Errorf("items are %s", items.DataType())
	}
}
