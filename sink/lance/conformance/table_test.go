package conformance_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// newStore is an empty place for a table, and its directory.
func newStore(t *testing.T) (objstore.Store, string) {
	t.Helper()
	dir := t.TempDir() + "/t.lance"
	store, err := localfs.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store, dir
}

// sequence hands out records.
func sequence(recs ...arrow.Record) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// TestTables makes tables of every type by a create and an append, and lets
// the reference read and check them.
func TestTables(t *testing.T) {
	for _, g := range groups() {
		for _, o := range writerOptions(g.since) {
			t.Run(fmt.Sprintf("%s/%s/%s", g.name, o.Version, o.Compression), func(t *testing.T) {
				t.Parallel() // beside the reference
				r := newRand(t)
				rec := recordOf(r, g.columns(r), g.rows/3)
				defer rec.Release()
				store, dir := newStore(t)
				parts := halves(rec)
				if _, err := lance.Create(t.Context(), store, rec.Schema(), sequence(parts[0]), lance.Options{Compression: o.Compression, FileVersion: o.Version}); err != nil {
					t.Fatal(err)
				}
				table := lance.Open(store, lance.Options{Compression: o.Compression})
				d, err := table.Append(t.Context(), sequence(parts[1]))
				if err != nil {
					t.Fatal(err)
				}
				if d.FileVersion() != o.Version.String() {
					t.Errorf("file version %s, want %s", d.FileVersion(), o.Version)
				}
				if d.Version() != 2 || d.LiveRows() != uint64(rec.NumRows()) {
					t.Errorf("version %d of %d rows, want 2 of %d", d.Version(), d.LiveRows(), rec.NumRows())
				}
				requireReference(t, lanceref.Start(t).Table(dir), rec)
				got := must(collect(d.Scan(t.Context(), lance.ScanOptions{BatchRows: 1 + r.IntN(g.rows)})))(t)
				requireRecords(t, got, rec, 1)
				one := r.IntN(int(rec.NumCols()))
				got = must(collect(d.Scan(t.Context(), lance.ScanOptions{Columns: []string{rec.ColumnName(one)}})))(t)
				requireRecords(t, got, columnOf(rec, one), 1)
			})
		}
	}
}

// columnOf is a record of one column of rec.
func columnOf(rec arrow.Record, i int) arrow.Record {
	schema := arrow.NewSchema(rec.Schema().Fields()[i:i+1], nil)
	return array.NewRecord(schema, []arrow.Array{rec.Column(i)}, rec.NumRows())
}

// requireReference lets the reference check a table and compare its rows.
func requireReference(t *testing.T, table *lanceref.Table, want arrow.Record) {
	t.Helper()
	if err := table.Validate(); err != nil {
		t.Error(err)
	}
	if err := table.Compare(want.Schema(), want); err != nil {
		t.Error(err)
	}
}

// TestEmptyTable makes a table without rows, which the reference appends to.
func TestEmptyTable(t *testing.T) {
	r := newRand(t)
	rec := recordOf(r, matrix(nested(), few), 50)
	defer rec.Release()
	store, dir := newStore(t)
	if _, err := lance.Create(t.Context(), store, rec.Schema(), nil, lance.Options{}); err != nil {
		t.Fatal(err)
	}
	table := lanceref.Start(t).Table(dir)
	requireReference(t, table, rec.NewSlice(0, 0))
	if _, err := table.Append(rec.Schema(), rec); err != nil {
		t.Fatal(err)
	}
	requireReference(t, table, rec)
}
