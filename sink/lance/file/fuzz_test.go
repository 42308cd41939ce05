package file_test

import (
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// FuzzFile reads hostile files: footer, tables, column metadata and pages.
// Whatever they hold, there is an error or rows, and never more rows than the
// metadata could tell of.
func FuzzFile(f *testing.F) {
	for _, c := range compressions() {
		data, _ := damagedFile(f, c)
		addCuts(f, data)
	}
	for _, version := range []string{"v2_1", "v2_2"} {
		addCuts(f, fixture(f, version))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := file.ReadLayout(toObject(data), "data/x.lance")
		if err != nil {
			expectLocated(t, "layout", err)
			return
		}
		if !small(l) {
			return // nulls without data behind them may be as many as they like
		}
		alloccap.Check(t, func() {
			recs, err := decode(data, 100)
			for _, rec := range recs {
				rec.Release()
			}
			if err != nil {
				expectLocated(t, "decode", err)
			}
		})
	})
}

// small reports whether what a file says of itself lets it be read in little memory:
// a type may be as wide as its schema says.
func small(l *file.Layout) bool {
	if l.Rows > 512 || len(l.Columns) > 64 {
		return false
	}
	for i := range l.Columns {
		if l.Columns[i].Width > 1<<12 {
			return false
		}
	}
	return true
}
