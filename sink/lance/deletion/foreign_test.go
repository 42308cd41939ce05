package deletion_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestReference reads deletion files of both kinds that the reference wrote.
func TestReference(t *testing.T) {
	ref := lanceref.Start(t)
	dir := filepath.Join(t.TempDir(), "t.lance")
	table := ref.Table(dir)
	const rows = 200_000
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	for i := range rows {
		b.Append(int64(i))
	}
	column := b.NewArray()
	defer column.Release()
	schema := arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int64}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{column}, rows)
	defer rec.Release()
	if _, err := table.Create(lanceref.WriteOptions{DataStorageVersion: "2.1"}, schema, rec); err != nil {
		t.Fatal(err)
	}
	want := map[uint32]bool{}
	for _, c := range []struct {
		predicate string
		gone      func(int) bool
		kind      deletion.Kind
	}{
		{"a = 17", func(i int) bool { return i == 17 }, deletion.Array},
		{"a % 1000 = 3", func(i int) bool { return i%1000 == 3 }, deletion.Array},
		{"a % 7 = 0 and a < 70000", func(i int) bool { return i%7 == 0 && i < 70_000 }, deletion.Bitmap},
		{"a > 100000 and a < 199000", func(i int) bool { return i > 100_000 && i < 199_000 }, deletion.Bitmap},
	} {
		version, err := table.Delete(c.predicate)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if c.gone(i) {
				want[uint32(i)] = true
			}
		}
		got := readDeletions(t, dir, version, c.kind)
		if len(got) != len(want) || slices.ContainsFunc(got, func(row uint32) bool { return !want[row] }) {
			t.Errorf("%s: %d rows, want %d", c.predicate, len(got), len(want))
		}
	}
}

func readDeletions(t *testing.T, dir string, version uint64, kind deletion.Kind) []uint32 {
	t.Helper()
	store, err := localfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	m, err := manifest.ReadVersion(t.Context(), store, version)
	if err != nil {
		t.Fatal(err)
	}
	f, err := m.Fragment(0)
	if err != nil {
		t.Fatal(err)
	}
	if f.Deletion.Kind != kind {
		t.Errorf("version %d has a deletion file of kind %d", version, f.Deletion.Kind)
	}
	rows, err := deletion.Read(t.Context(), store, f.ID, &f.Deletion, f.PhysicalRows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
