// Package dump describes stored tables, versions and data files for people and for
// programs: sections, offsets, pages, encodings, sizes, ratios. It reads metadata
// alone, unless it is asked to measure.
//
// A description is a value that marshals to JSON; Text writes it for people:
//
//	t, err := dump.ReadTable(ctx, store, dump.Options{})
//	err = t.Text(os.Stdout)
package dump
