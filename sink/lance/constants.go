package lance

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// AddConstants adds the columns of a record of one row, which must be nullable and
// new, with the value there in every row.
func (t *Table) AddConstants(ctx context.Context, row arrow.Record) (*Dataset, error) {
	if err := oneRow(row); err != nil {
		return nil, err
	}
	return t.AddColumnsFunc(ctx, row.Schema(), nil, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		return repeatRow(row, row.Schema(), in.NumRows())
	})
}

// AddMissing is AddConstants, under terms, for those of the columns that the table
// lacks by name. Where it has all of them there is no version.
func (t *Table) AddMissing(ctx context.Context, row arrow.Record, terms Terms) (*Dataset, error) {
	if err := oneRow(row); err != nil {
		return nil, err
	}
	b := &backfill{table: t, terms: terms, made: map[string]*DataFile{}}
	b.input = firstColumn
	var missing *arrow.Schema
	b.reshape = func(s *fields.Schema, next int32) (*fields.Schema, []int32, error) {
		var list []arrow.Field
		for _, f := range row.Schema().Fields() {
			if s.Lookup(fields.MakePath(f.Name)) == nil {
				list = append(list, f)
			}
		}
		if len(list) == 0 {
			return nil, nil, nil
		}
		missing = arrow.NewSchema(list, nil)
		return appendColumns(s, missing, next)
	}
	b.compute = func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		return repeatRow(row, missing, in.NumRows())
	}
	return b.commit(ctx, "add columns")
}

func oneRow(row arrow.Record) error {
	if row.NumRows() != 1 {
		return fmt.Errorf("add columns: constants are one row, not %d", row.NumRows())
	}
	return nil
}

// repeatRow returns some columns of the only row of a record n times.
func repeatRow(row arrow.Record, schema *arrow.Schema, n int64) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, schema.NumFields())
	defer func() { releaseAll(columns) }()
	for _, f := range schema.Fields() {
		c := row.Column(row.Schema().FieldIndices(f.Name)[0])
		many, err := plainly([]arrow.Array{c}, func(one []arrow.Array) (arrow.Array, error) {
			return repeat(one[0], int(n))
		})
		if err != nil {
			return nil, err
		}
		columns = append(columns, many)
	}
	return array.NewRecord(schema, columns, n), nil
}

// repeat returns the only entry of an array n times.
func repeat(one arrow.Array, n int) (arrow.Array, error) {
	if n == 0 {
		return array.NewSlice(one, 0, 0), nil
	}
	all := one
	all.Retain()
	for all.Len() < n {
		twice, err := array.Concatenate([]arrow.Array{all, all}, memory.DefaultAllocator)
		all.Release()
		if err != nil {
			return nil, err
		}
		all = twice
	}
	defer all.Release()
	return array.NewSlice(all, 0, int64(n)), nil
}

func releaseAll(columns []arrow.Array) {
	for _, c := range columns {
		c.Release()
	}
}
