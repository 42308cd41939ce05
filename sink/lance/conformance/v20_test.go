package conformance_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// Tables of file version 2.0 are read, by scan and by row number, and never written to.
func TestTablesOfVersion20(t *testing.T) {
	ref := lanceref.Start(t)
	r := newRand(t)
	p := arrow.PrimitiveTypes
	var columns []column
	for _, kind := range []arrow.DataType{
		p.Int64, p.Float32, arrow.FixedWidthTypes.Boolean, arrow.BinaryTypes.String, arrow.BinaryTypes.LargeBinary,
		arrow.FixedSizeListOf(4, p.Float32), arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean),
		arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(3, p.Int16)), arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(5, arrow.FixedWidthTypes.Boolean)), arrow.ListOf(arrow.BinaryTypes.String), arrow.LargeListOf(arrow.ListOf(p.Int16)),
		indexedBy(p.Int8, arrow.BinaryTypes.String), indexedBy(p.Uint16, p.Float64), indexedBy(p.Int32, arrow.BinaryTypes.LargeBinary),
		indexedBy(p.Uint64, arrow.FixedWidthTypes.Boolean), arrow.ListOf(indexedBy(p.Int64, p.Int8)),
	} {
		for _, n := range []nullness{noNulls, someNulls, allNulls} {
			columns = append(columns, column{kind: kind, nulls: n}, column{kind: kind, nulls: n, flavour: holes})
		}
	}
	const rows = 900
	rec := recordOf(r, columns, rows)
	defer rec.Release()
	_, dir := newStore(t)
	byReference := ref.Table(dir)
	if _, err := byReference.Create(lanceref.WriteOptions{DataStorageVersion: "2.0", MaxRowsPerFile: 400}, rec.Schema(), rec); err != nil {
		t.Fatal(err)
	}
	store := must(localfs.Open(dir))(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	table := lance.Open(store, lance.Options{})
	d := must(table.Latest(t.Context()))(t)
	if d.FileVersion() != "2.0" {
		t.Errorf("file version %s", d.FileVersion())
	}
	requireRecords(t, must(collect(d.Scan(t.Context(), lance.ScanOptions{BatchRows: 1 + r.IntN(500)})))(t), rec, 1)

	taken := []uint64{3, 399, 400, 899, 3}
	part := must(d.Take(t.Context(), taken))(t)
	defer part.Release()
	got := array.NewTableFromRecords(part.Schema(), []arrow.Record{part})
	defer got.Release()
	requireRows(t, got, rec, taken)

	requireRanges(t, d, dir)
	if _, err := table.Append(t.Context(), sequence(rec)); !errors.Is(err, lance.ErrUnsupported) {
		t.Errorf("append: %v", err)
	}
}

// requireRanges reads the ranges of some rows and checks that they are those of two
// fragments, and lie in their files.
func requireRanges(t *testing.T, d *lance.Dataset, dir string) {
	t.Helper()
	all := make(map[string]bool)
	for r, err := range d.Ranges(t.Context(), lance.RangeOptions{From: 399, To: 401, Gap: 1 << 20}) {
		if err != nil {
			t.Fatal(err)
		}
		info := must(os.Stat(filepath.Join(dir, r.Key)))(t)
		if len(r.Pages) == 0 || r.Metadata.End() != uint64(info.Size()) || r.Pages[len(r.Pages)-1].End() > r.Metadata.Offset {
			t.Errorf("%+v of %d bytes", r, info.Size())
		}
		all[r.Key] = true
	}
	if len(all) != 2 {
		t.Errorf("rows of two fragments lie in %v", all)
	}
	for _, err := range d.Ranges(t.Context(), lance.RangeOptions{Columns: []string{"no such"}}) {
		if err == nil {
			t.Error("a column that is not there has ranges")
		}
	}
}
