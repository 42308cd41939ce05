package lance

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/nullarray"
)

// Take reads single rows by their place in the table, deleted rows not counted, in
// the order given; a row may be named twice. Columns are as in ScanOptions. It reads
// little more of the data files than holds those rows: of mini-block pages the
// chunks, of full-zip pages the values. The caller releases the record. A row that
// is not there is an ErrNoRow.
func (d *Dataset) Take(ctx context.Context, rows []uint64, columns ...string) (arrow.Record, error) {
	sorted := unique(rows)
	if n := len(sorted); n > 0 && sorted[n-1] >= d.LiveRows() {
		return nil, fmt.Errorf("take row %d of %d of version %d: %w", sorted[n-1], d.LiveRows(), d.Version(), ErrNoRow)
	}
	var want []RowRange
	for _, row := range sorted {
		if n := len(want); n > 0 && want[n-1].To == row {
			want[n-1].To++
			continue
		}
		want = append(want, RowRange{row, row + 1})
	}
	rec, err := take(ctx, d, rows, sorted, columns, d.pieces(ctx, want))
	if err != nil {
		return nil, fmt.Errorf("take rows of version %d: %w", d.Version(), err)
	}
	return rec, nil
}

// unique is the rows ascending, each once.
func unique[T ~uint64](rows []T) []T {
	if slices.IsSorted(rows) {
		return slices.Compact(slices.Clone(rows))
	}
	sorted := slices.Clone(rows)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// take reads pieces that hold the sorted rows, and puts those in the order of rows.
func take[T ~uint64](ctx context.Context, d *Dataset, rows, sorted []T, columns []string, pieces iter.Seq2[piece, error]) (arrow.Record, error) {
	var recs []arrow.Record
	defer func() {
		for _, rec := range recs {
			rec.Release()
		}
	}()
	err := d.scan(ctx, ScanOptions{Columns: columns, BatchRows: math.MaxInt}, pieces, func(rec arrow.Record) bool {
		recs = append(recs, rec)
		return true
	})
	if err != nil {
		return nil, err
	}
	if len(recs) == 0 {
		return d.noRows(columns)
	}
	order := make([]int, len(rows))
	for i, row := range rows {
		order[i], _ = slices.BinarySearch(sorted, row)
	}
	taken := make([]arrow.Array, recs[0].NumCols())
	defer func() {
		for _, c := range taken {
			if c != nil {
				c.Release()
			}
		}
	}()
	for i := range taken {
		if taken[i], err = reorder(columnsOf(recs, i), order); err != nil {
			return nil, fmt.Errorf("column %q: %w", recs[0].ColumnName(i), err)
		}
	}
	return array.NewRecord(recs[0].Schema(), taken, int64(len(rows))), nil
}

func columnsOf(recs []arrow.Record, i int) []arrow.Array {
	columns := make([]arrow.Array, len(recs))
	for k, rec := range recs {
		columns[k] = rec.Column(i)
	}
	return columns
}

// noRows is a record of no row.
func (d *Dataset) noRows(columns []string) (arrow.Record, error) {
	_, schema, err := d.projection(columns)
	if err != nil {
		return nil, err
	}
	none := make([]arrow.Array, 0, schema.NumFields())
	defer func() { releaseAll(none) }()
	for _, f := range schema.Fields() {
		plain := nullarray.New(dictionary.PlainType(f.Type), 0)
		column, err := dictionary.Index(plain, f.Type)
		plain.Release()
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", f.Name, err)
		}
		none = append(none, column)
	}
	return array.NewRecord(schema, none, 0), nil
}

// reorder joins arrays and puts their entries in another order. The caller gets a
// reference.
func reorder(parts []arrow.Array, order []int) (arrow.Array, error) {
	return plainly(parts, func(parts []arrow.Array) (arrow.Array, error) { return reordered(parts, order) })
}

// plainly makes an array of arrays of one type, from their values where that is a
// dictionary type or holds one: Arrow does not join different dictionaries right.
func plainly(parts []arrow.Array, f func([]arrow.Array) (arrow.Array, error)) (arrow.Array, error) {
	dt := parts[0].DataType()
	if !dictionary.Has(dt) {
		return f(parts)
	}
	plain := make([]arrow.Array, 0, len(parts))
	defer func() { releaseAll(plain) }()
	for _, p := range parts {
		values, err := dictionary.Plain(p)
		if err != nil {
			return nil, err
		}
		plain = append(plain, values)
	}
	made, err := f(plain)
	if err != nil {
		return nil, err
	}
	defer made.Release()
	return dictionary.Index(made, dt)
}

// reordered is reorder for arrays without dictionaries.
func reordered(parts []arrow.Array, order []int) (arrow.Array, error) {
	whole := parts[0]
	whole.Retain()
	if len(parts) > 1 {
		whole.Release()
		var err error
		if whole, err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			return nil, err
		}
	}
	defer whole.Release()
	var runs []arrow.Array
	for i := 0; i < len(order); {
		to := i + 1
		for to < len(order) && order[to] == order[to-1]+1 {
			to++
		}
		runs = append(runs, array.NewSlice(whole, int64(order[i]), int64(order[i]+to-i)))
		i = to
	}
	defer func() {
		for _, r := range runs {
			r.Release()
		}
	}()
	if len(runs) == 1 && runs[0].Len() == whole.Len() {
		whole.Retain()
		return whole, nil
	}
	return array.Concatenate(runs, memory.DefaultAllocator)
}
