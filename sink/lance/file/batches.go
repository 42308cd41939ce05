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
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// DefaultBatchRows is the number of rows of a record when none is given.
const DefaultBatchRows = 8192

// Batches reads the fields of s as records of batchRows rows each (the last
// may have fewer; 0 means DefaultBatchRows), in the file's row order. columnOf
// tells which physical column holds a leaf field, by id; a field without one
// reads as null, or is an error if it is not nullable. At most one decoded page
// per column and one record are held at a time. The caller releases each
// record. An error ends the sequence: damage is a *corrupt.Error, an encoding
// or type that is not read a fields.ErrUnsupported.
func (r *Reader) Batches(ctx context.Context, s *fields.Schema, columnOf func(id int32) (column int, ok bool), batchRows int) iter.Seq2[arrow.Record, error] {
	if batchRows <= 0 {
		batchRows = DefaultBatchRows
	}
	return func(yield func(arrow.Record, error) bool) {
		b, err := r.newBatcher(s, columnOf)
		if err != nil {
			yield(nil, err)
			return
		}
		defer b.close()
		for remain := r.rows; remain > 0; {
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			n := min(remain, uint64(batchRows))
			rec, err := b.record(int(n))
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

// All reads every field of the file's own schema.
func (r *Reader) All(ctx context.Context, batchRows int) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, err := r.Schema()
		if err != nil {
			yield(nil, err)
			return
		}
		columns := make(map[int32]int)
		for i, f := range s.Leaves() {
			columns[f.ID] = i
		}
		columnOf := func(id int32) (int, bool) {
			c, ok := columns[id]
			return c, ok
		}
		r.Batches(ctx, s, columnOf, batchRows)(yield)
	}
}

// batcher reads records of some fields.
type batcher struct {
	file    *Reader
	schema  *arrow.Schema
	fields  []*fieldReader
	decoder encoding.Decoder
}

func (r *Reader) newBatcher(s *fields.Schema, columnOf func(int32) (int, bool)) (*batcher, error) {
	if r.rows > math.MaxInt {
		return nil, errors.New("more rows than this machine can count")
	}
	as, err := s.Arrow()
	if err != nil {
		return nil, err
	}
	b := &batcher{file: r, schema: as}
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
