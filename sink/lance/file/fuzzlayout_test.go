package file_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// fixture is the one data file of a table that the reference wrote.
func fixture(f *testing.F, version string) []byte {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "dump", "testdata", "pylance-14.0.2", version+".lance", "data", "*.lance"))
	if err != nil || len(paths) != 1 {
		f.Fatalf("fixtures %v: %v", paths, err)
	}
	data, err := os.ReadFile(paths[0])
	if err != nil {
		f.Fatal(err)
	}
	return data
}

// addCuts seeds with a file, cut and flipped at the bounds of its sections.
func addCuts(f *testing.F, data []byte) {
	f.Helper()
	f.Add(data)
	l, err := file.ReadLayout(toObject(data), "data/x.lance")
	if err != nil {
		f.Fatal(err)
	}
	bounds := []file.Range{l.Schema(), l.Footer.ColumnMetadata, l.Footer.ColumnTable, l.Footer.GlobalTable, l.Footer.Range}
	for _, c := range l.Columns {
		bounds = append(bounds, c.Metadata)
		for _, p := range c.Pages {
			for _, b := range p.Buffers {
				bounds = append(bounds, b.Range)
			}
		}
	}
	for _, b := range bounds {
		if b.Length == 0 {
			continue
		}
		f.Add(data[b.Offset:])
		for _, at := range []uint64{b.Offset, b.End() - 1} {
			flipped := append([]byte{}, data...)
			flipped[at] ^= 0x81
			f.Add(flipped)
		}
	}
}

// FuzzLayout reads hostile metadata: footer, tables, schema, column metadata, page
// descriptions. What is accepted lies inside the file.
func FuzzLayout(f *testing.F) {
	for _, version := range []string{"v2_0", "v2_1", "v2_2"} {
		addCuts(f, fixture(f, version))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		alloccap.Check(t, func() {
			l, err := file.ReadLayout(toObject(data), "data/x.lance")
			if err != nil {
				expectLocated(t, "layout", err)
				return
			}
			for _, r := range l.Ranges(nil, 0, l.Rows, 0) {
				if r.End() > l.Size || r.End() < r.Offset {
					t.Errorf("%d bytes at %d of %d", r.Length, r.Offset, l.Size)
				}
			}
			for i := range l.Columns {
				_, _ = l.Columns[i].ArrowBytes()
			}
		})
	})
}

// FuzzVersion20 decodes hostile files of version 2.0.
func FuzzVersion20(f *testing.F) {
	addCuts(f, fixture(f, "v2_0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := file.ReadLayout(toObject(data), "data/x.lance")
		if err != nil || l.Version != "2.0" || !small(l) {
			return
		}
		alloccap.Check(t, func() {
			recs, err := decode(data, 100)
			for _, r := range recs {
				r.Release()
			}
			if err != nil {
				expectLocated(t, "decode", err)
			}
		})
	})
}
