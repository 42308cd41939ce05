package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// requireReads reads a data file by our reader, in batches of random size, and
// compares.
func requireReads(t *testing.T, r *rand.Rand, path string, want arrow.Record) {
	t.Helper()
	store, err := localfs.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	obj, err := store.Open(t.Context(), filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	defer obj.Close()
	reader, err := file.Open(obj, filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	var got []arrow.Record
	for rec, err := range reader.All(t.Context(), 1+r.IntN(int(want.NumRows())+1)) {
		if err != nil {
			t.Fatal(err)
		}
		if a, b := fmt.Sprint(rec.Schema().Fields()), fmt.Sprint(want.Schema().Fields()); len(got) == 0 && a != b {
			t.Fatalf("schema\n%s, want\n%s", a, b)
		}
		got = append(got, rec)
	}
	requireRecords(t, got, want)
}
