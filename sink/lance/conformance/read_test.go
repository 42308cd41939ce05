package conformance_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// requireReads reads a data file by our reader, in batches of random size, and
// compares it with a record.
func requireReads(t *testing.T, r *rand.Rand, path string, want arrow.Record) {
	t.Helper()
	got, err := collect(openFile(t, path).All(t.Context(), 1+r.IntN(int(want.NumRows())+1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 {
		if a, b := fieldTypes(got[0].Schema()), fieldTypes(want.Schema()); a != b {
			t.Fatalf("columns\n%s, want\n%s", a, b)
		}
	}
	requireRecords(t, got, want, 1)
}

// openFile opens a data file for the time of the test.
func openFile(t *testing.T, path string) *file.Reader {
	t.Helper()
	store := must(localfs.Open(filepath.Dir(path)))(t)
	obj := must(store.Open(t.Context(), filepath.Base(path)))(t)
	t.Cleanup(func() {
		if err := errors.Join(obj.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return must(file.Open(obj, filepath.Base(path)))(t)
}

// collect takes the records of a scan.
func collect(recs iter.Seq2[arrow.Record, error]) ([]arrow.Record, error) {
	var all []arrow.Record
	for rec, err := range recs {
		if err != nil {
			return nil, err
		}
		all = append(all, rec)
	}
	return all, nil
}
