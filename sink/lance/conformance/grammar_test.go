package conformance_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// relabel gives a data file's footer another minor version.
func relabel(t *testing.T, path string, minor uint16) {
	t.Helper()
	data := must(os.ReadFile(path))(t)
	binary.LittleEndian.PutUint16(data[len(data)-6:], minor)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGrammar holds that pages of one version in a file of the other are read or
// refused by us as by the reference.
func TestGrammar(t *testing.T) {
	ints, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	columns := []column{
		{ints, noNulls, wild},
		{ints, someNulls, wild},
		{text, noNulls, long},
		{arrow.FixedSizeListOf(100, arrow.PrimitiveTypes.Float32), someNulls, wild},
		{ints, allNulls, wild},
		{arrow.ListOf(ints), allNulls, wild},
		{structOf(ints), allNulls, wild},
		{ints, noNulls, same},
		{ints, someNulls, same},
		{arrow.ListOf(ints), noNulls, same},
		{text, noNulls, same},
		{text, someNulls, same},
	}
	read := 0
	for _, version := range versions {
		for _, c := range columns {
			t.Run(fmt.Sprintf("%s as the other/%s", version, c.name()), func(t *testing.T) {
				r := newRand(t)
				rec := recordOf(r, []column{c}, 300)
				defer rec.Release()
				path := filepath.Join(t.TempDir(), "x.lance")
				writeFile(t, path, file.WriterOptions{Version: version}, rec)
				_, minor := version.Number()
				relabel(t, path, 3-minor)

				theirs := lanceref.Start(t).CompareDataFile(path, rec.Schema(), rec)
				_, ours := collect(openFile(t, path).All(t.Context(), 0))
				if (theirs == nil) != (ours == nil) {
					t.Fatalf("reference: %v; we: %v", theirs, ours)
				}
				if ours == nil {
					requireReads(t, r, path, rec)
					read++
					return
				}
				var damage *corrupt.Error
				if !errors.As(ours, &damage) {
					t.Errorf("not damage: %v", ours)
				}
				t.Logf("reference: %.300s\nwe: %v", theirs.Error(), ours)
			})
		}
	}
	if read < 4 {
		t.Errorf("only %d files were read", read)
	}
}
