package file

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file/v20"
)

// sourceV20 lends the container to package v20.
type sourceV20 struct {
	file  *Reader
	pages map[int][]Page
}

var _ v20.Source = (*sourceV20)(nil)

func (s *sourceV20) Rows() uint64 { return s.file.rows }

func (s *sourceV20) Pages(column int) ([]v20.Page, error) {
	pages, err := s.file.Pages(column)
	if err != nil {
		return nil, err
	}
	s.pages[column] = pages
	out := make([]v20.Page, len(pages))
	for i, p := range pages {
		out[i] = v20.Page{Rows: p.Rows, Description: p.description}
	}
	return out, nil
}

func (s *sourceV20) Buffers(column, page int) ([][]byte, error) {
	p := s.pages[column][page]
	buffers, err := s.file.readPage(p, make([]byte, p.memory()))
	if err != nil {
		return nil, fmt.Errorf("read page %d of column %d of %s: %w", page, column, s.file.key, err)
	}
	return buffers, nil
}

// batcherV20 is batcher for files of version 2.0, whose pages are read whole.
type batcherV20 struct {
	file   *Reader
	schema *arrow.Schema
	fields []*v20.Reader
	spans  []Span // not handed out yet
	at     int    // the row that the fields stand at
}

// selectV20 is Select for files of version 2.0.
func (r *Reader) selectV20(ctx context.Context, s *fields.Schema, columnOf func(int32) (int, bool), o Selection) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		b := &batcherV20{file: r, spans: o.Rows}
		defer b.close()
		if err := b.open(s, columnOf); err != nil {
			yield(nil, err)
			return
		}
		for len(b.spans) > 0 {
			if ctx.Err() != nil {
				yield(nil, context.Cause(ctx))
				return
			}
			rec, err := b.record(o.BatchRows)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(rec, nil) {
				return
			}
		}
	}
}

func (b *batcherV20) open(s *fields.Schema, columnOf func(int32) (int, bool)) (err error) {
	if b.schema, err = s.Arrow(); err != nil {
		return err
	}
	src := &sourceV20{file: b.file, pages: make(map[int][]Page)}
	for i, f := range s.Fields {
		fr, err := v20.NewReader(src, f, b.schema.Field(i), columnOf)
		if err != nil {
			return relocate(err, b.file.key, fmt.Sprintf("field %q", f.Name))
		}
		b.fields = append(b.fields, fr)
	}
	return nil
}

// record is the next rows of the spans, at most so many.
func (b *batcherV20) record(rows int) (arrow.Record, error) {
	var now []Span
	for rows > 0 && len(b.spans) > 0 {
		s := &b.spans[0]
		n := min(rows, s.Len())
		now = append(now, Span{From: s.From, To: s.From + n})
		rows -= n
		if n == s.Len() {
			b.spans = b.spans[1:]
			continue
		}
		b.spans = append([]Span{{From: s.From + n, To: s.To}}, b.spans[1:]...)
	}
	columns := make([]arrow.Array, 0, len(b.fields))
	defer func() {
		for _, c := range columns {
			c.Release()
		}
	}()
	total := 0
	for _, s := range now {
		total += s.Len()
	}
	for i, f := range b.fields {
		plain, err := b.column(f, now)
		if err != nil {
			return nil, relocate(err, b.file.key, fmt.Sprintf("field %q", b.schema.Field(i).Name))
		}
		c, err := index(plain, b.schema.Field(i))
		plain.Release()
		if err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	b.at = now[len(now)-1].To
	return array.NewRecord(b.schema, columns, int64(total)), nil
}

// column is the rows of the spans, of a field that stands at row b.at.
func (b *batcherV20) column(f *v20.Reader, spans []Span) (arrow.Array, error) {
	parts := make([]arrow.Array, 0, len(spans))
	defer func() {
		for _, p := range parts {
			p.Release()
		}
	}()
	at := b.at
	for _, s := range spans {
		if err := f.Skip(s.From - at); err != nil {
			return nil, err
		}
		part, err := f.Next(s.Len())
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		at = s.To
	}
	if len(parts) == 1 {
		parts[0].Retain()
		return parts[0], nil
	}
	return array.Concatenate(parts, memory.DefaultAllocator)
}

func (b *batcherV20) close() {
	for _, f := range b.fields {
		f.Close()
	}
}
