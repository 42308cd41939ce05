package file

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// DefaultBatchRows is the number of rows of a record when none is given.
const DefaultBatchRows = 8192

// Span is the rows [From, To) of a file.
type Span = block.Span

// Batches reads the fields of s as records of batchRows rows each (the last
// may have fewer; 0 means DefaultBatchRows), in the file's row order. columnOf
// tells which physical column holds a leaf field, by id; a field without one
// reads as null, or is an error if it is not nullable. At most one page per column,
// as it is stored or, with lists or long values, decoded, and one record are held at a time. The caller releases each
// record. An error ends the sequence: damage is a *corrupt.Error, an encoding
// or type that is not read a fields.ErrUnsupported.
func (r *Reader) Batches(ctx context.Context, s *fields.Schema, columnOf func(id int32) (column int, ok bool), batchRows int) iter.Seq2[arrow.Record, error] {
	var all []Span
	if r.rows > 0 {
		all = []Span{{To: int(min(r.rows, math.MaxInt))}}
	}
	return r.Select(ctx, s, columnOf, Selection{Rows: all, BatchRows: batchRows})
}

// Selection says which rows of a file to read.
type Selection struct {
	Rows      []Span // ascending, not empty, none touching the next, inside the file
	BatchRows int    // the most rows of a record; 0: DefaultBatchRows
}

// Select is Batches for some of the rows. It reads the pages that hold them, and of
// a page that holds others too the parts that do.
func (r *Reader) Select(ctx context.Context, s *fields.Schema, columnOf func(id int32) (column int, ok bool), o Selection) iter.Seq2[arrow.Record, error] {
	batchRows := o.BatchRows
	if batchRows <= 0 {
		batchRows = DefaultBatchRows
	}
	return func(yield func(arrow.Record, error) bool) {
		if err := r.checkRows(o.Rows); err != nil {
			yield(nil, err)
			return
		}
		if r.version == V2_0 {
			r.selectV20(ctx, s, columnOf, Selection{Rows: o.Rows, BatchRows: batchRows})(yield)
			return
		}
		b, err := r.newBatcher(s, columnOf, o.Rows)
		if err != nil {
			yield(nil, err)
			return
		}
		defer b.close()
		for remain := block.Total(o.Rows); remain > 0; {
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			n := min(remain, batchRows)
			rec, err := b.record(n)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
			remain -= n
		}
	}
}

// checkRows wants spans as Selection describes them.
func (r *Reader) checkRows(rows []Span) error {
	if r.rows > math.MaxInt {
		return errors.New("more rows than this machine can count")
	}
	end := -1
	for _, s := range rows {
		if s.From <= end || s.To <= s.From || s.To > int(r.rows) {
			return fmt.Errorf("rows %d to %d of a file of %d: not ascending, or outside", s.From, s.To, r.rows)
		}
		end = s.To
	}
	return nil
}

// All reads every field of the file's own schema.
func (r *Reader) All(ctx context.Context, batchRows int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, err := r.Schema()
		if err != nil {
			yield(nil, err)
			return
		}
		r.Batches(ctx, s, r.ColumnsOf(s), batchRows)(yield)
	}
}

// batcher reads records of some fields.
type batcher struct {
	file    *Reader
	schema  *arrow.Schema
	rows    []Span // wanted
	fields  []*fieldReader
	decoder encoding.Decoder
}

func (r *Reader) newBatcher(s *fields.Schema, columnOf func(int32) (int, bool), rows []Span) (*batcher, error) {
	as, err := s.Arrow()
	if err != nil {
		return nil, err
	}
	b := &batcher{file: r, schema: as, rows: rows, decoder: encoding.Decoder{Version: r.version}}
	for i, f := range s.Fields {
		fr, err := b.newFieldReader(f, as.Field(i), columnOf)
		if err != nil {
			return nil, relocate(err, r.key, fmt.Sprintf("field %q", f.Name))
		}
		b.fields = append(b.fields, fr)
	}
	return b, nil
}

func (b *batcher) record(rows int) (arrow.Record, error) {
	columns := make([]arrow.Array, 0, len(b.fields))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	for _, f := range b.fields {
		c, err := f.next(rows)
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return array.NewRecord(b.schema, columns, int64(rows)), nil
}

func (b *batcher) close() {
	for _, f := range b.fields {
		f.close()
	}
	b.decoder.Close()
}
