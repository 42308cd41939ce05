package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// ScanOptions say what to read; the zero value reads all.
type ScanOptions struct {
	// Columns are names of top-level columns, in the order wanted; none: all, in the
	// table's order.
	Columns []string
	// BatchRows is the most rows a record has; 0: file.DefaultBatchRows. The last
	// record of a fragment may have fewer.
	BatchRows int
}

// Scan reads rows in the table's order. The caller releases each record. A column
// that a fragment lacks reads as null. One fragment is open at a time. An error ends
// the sequence; fragments with deleted rows, and files below another base
// directory, are not read yet and give ErrUnsupported.
func (d *Dataset) Scan(ctx context.Context, o ScanOptions) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		s, schema, err := d.projection(o.Columns)
		for i := 0; err == nil && i < d.manifest.Fragments(); i++ {
			var more bool
			more, err = d.scanFragment(ctx, i, s, o.BatchRows, func(columns []arrow.Array, rows int64) bool {
				return yield(array.NewRecord(schema, columns, rows), nil)
			})
			if err == nil && !more {
				return
			}
		}
		if err != nil {
			yield(nil, fmt.Errorf("scan version %d: %w", d.Version(), err))
		}
	}
}

// projection picks top-level columns.
func (d *Dataset) projection(columns []string) (*fields.Schema, *arrow.Schema, error) {
	if len(columns) == 0 {
		return d.Fields(), d.schema, nil
	}
	s := &fields.Schema{Metadata: d.Fields().Metadata}
	for _, name := range columns {
		f := d.Fields().Lookup(fields.MakePath(name))
		if f == nil {
			return nil, nil, fmt.Errorf("there is no column %q", name)
		}
		s.Fields = append(s.Fields, f)
	}
	schema, err := s.Arrow()
	return s, schema, err
}

// scanFragment yields the wanted columns of one fragment. more is false once yield
// was.
func (d *Dataset) scanFragment(ctx context.Context, i int, s *fields.Schema, batchRows int, yield func([]arrow.Array, int64) bool) (more bool, err error) {
	f, err := d.manifest.Fragment(i)
	if err != nil {
		return false, err
	}
	if f.Deletions {
		return false, fmt.Errorf("fragment %d: reading a deletion file: %w", f.ID, ErrUnsupported)
	}
	parts, err := d.openFragment(ctx, f, s)
	if err != nil {
		return false, fmt.Errorf("fragment %d: %w", f.ID, err)
	}
	defer func() { err = errors.Join(err, parts.close()) }()
	return parts.read(ctx, len(s.Fields), batchRows, yield)
}

// read reads all files of a fragment in step and puts their columns in order.
func (ps parts) read(ctx context.Context, width, batchRows int, yield func([]arrow.Array, int64) bool) (more bool, err error) {
	next := make([]func() (arrow.Record, error, bool), len(ps))
	for i, p := range ps {
		pull, stop := iter.Pull2(p.reader.Batches(ctx, p.fields, p.column, batchRows))
		defer stop()
		next[i] = pull
	}
	for {
		columns := make([]arrow.Array, width)
		recs := make([]arrow.Record, 0, len(ps))
		release := func() {
			for _, rec := range recs {
				rec.Release()
			}
		}
		for i, p := range ps {
			rec, err, ok := next[i]()
			if err != nil || !ok {
				release()
				return err == nil, err
			}
			recs = append(recs, rec)
			for k, at := range p.at {
				columns[at] = rec.Column(k)
			}
		}
		more := yield(columns, recs[0].NumRows())
		release()
		if !more {
			return false, nil
		}
	}
}
