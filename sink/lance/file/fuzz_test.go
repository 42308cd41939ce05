package file_test

import (
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// FuzzFile reads hostile files: footer, tables, column metadata and pages.
// Whatever they hold, there is an error or rows, and never more rows than the
// metadata could tell of.
func FuzzFile(f *testing.F) {
	for _, c := range compressions() {
		data, _ := damagedFile(f, c)
		f.Add(data)
		f.Add(data[len(data)/2:])
		f.Add(data[len(data)-40:])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := file.Open(toObject(data), "data/x.lance")
		if err != nil {
			expectLocated(t, "open", err)
			return
		}
		for column := range r.Columns() {
			if _, err := r.Pages(column); err != nil {
				expectLocated(t, "pages", err)
			}
		}
		if r.Rows() > 1<<16 {
			return // nulls without data behind them may be as many as they like
		}
		recs, _ := decode(data, 0)
		for _, rec := range recs {
			rec.Release()
		}
	})
}
