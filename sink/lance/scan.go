package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// ScanOptions say what to read; the zero value reads all.
type ScanOptions struct {
	// Columns are names of top-level columns, or paths such as "person.name" of what
	// lies below one (fields.Path), in the order wanted; none: all, in the table's
	// order. A column of which parts are named has those parts alone.
	Columns []string
	// BatchRows is the most rows a record has; 0: file.DefaultBatchRows. The last
	// record of a fragment may have fewer.
	BatchRows int
	// Ranges are the rows wanted, ascending and apart from each other; nil: all. What
	// lies behind the last row is left out.
	Ranges []RowRange
	// Offset is how many of those rows to pass over, Limit how many to read at most;
	// 0: all.
	Offset, Limit uint64
	// RowAddresses adds a last column _rowaddr: fragment << 32 | place in its files.
	// RowIDs adds _rowid, which is the same in tables without stable row ids; those
	// that have them give ErrUnsupported.
	RowAddresses, RowIDs bool
}

// Scan reads rows in the table's order. The caller releases each record. A column
// that a fragment lacks reads as null; deleted rows are left out. Fragments and
// pages without a wanted row are not read; one fragment is open at a time, with one
// page a column. An error ends the sequence; files below another base
// directory are not read yet and give ErrUnsupported.
func (d *Dataset) Scan(ctx context.Context, o ScanOptions) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		want, err := o.wanted(d.LiveRows())
		if err == nil {
			err = d.scan(ctx, o, d.pieces(ctx, want), func(rec arrow.Record) bool { return yield(rec, nil) })
		}
		if err != nil {
			yield(nil, fmt.Errorf("scan version %d: %w", d.Version(), err))
		}
	}
}

// scan reads the rows of some pieces, one after the other.
func (d *Dataset) scan(ctx context.Context, o ScanOptions, pieces iter.Seq2[piece, error], yield func(arrow.Record) bool) error {
	s, schema, err := d.projection(o.Columns)
	if err != nil {
		return err
	}
	if o.RowIDs && d.manifest.StableRowIDs() {
		return fmt.Errorf("stable row ids: %w", ErrUnsupported)
	}
	made := o.madeColumns()
	if len(made) > 0 {
		metadata := schema.Metadata()
		schema = arrow.NewSchema(append(schema.Fields(), made...), &metadata)
	}
	for p, err := range pieces {
		if err != nil {
			return err
		}
		addresses := addresses{piece: &p}
		more, err := d.scanPiece(ctx, &p, s, o.BatchRows, func(columns []arrow.Array, rows int64) bool {
			if len(made) > 0 {
				column := addresses.next(int(rows))
				defer column.Release()
				for range made {
					columns = append(columns, column)
				}
			}
			return yield(array.NewRecord(schema, columns, rows))
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// scanPiece yields the wanted columns of one fragment. more is false once yield was.
func (d *Dataset) scanPiece(ctx context.Context, p *piece, s *fields.Schema, batchRows int, yield func([]arrow.Array, int64) bool) (more bool, err error) {
	parts, err := d.openFragment(ctx, p.fragment, s)
	if err != nil {
		return false, fmt.Errorf("fragment %d: %w", p.fragment.ID, err)
	}
	defer func() { err = errors.Join(err, parts.close()) }()
	return parts.read(ctx, s, file.Selection{Rows: p.rows, BatchRows: batchRows}, yield)
}

// read reads all files of a fragment in step and puts their columns in order.
func (ps parts) read(ctx context.Context, s *fields.Schema, rows file.Selection, yield func([]arrow.Array, int64) bool) (more bool, err error) {
	next := make([]func() (arrow.Record, error, bool), len(ps))
	for i, p := range ps {
		pull, stop := iter.Pull2(p.reader.Select(ctx, p.fields, p.column, rows))
		defer stop()
		next[i] = pull
	}
	for {
		recs := make([]arrow.Record, 0, len(ps))
		release := func() {
			for _, rec := range recs {
				rec.Release()
			}
		}
		for i := range ps {
			rec, err, ok := next[i]()
			if err != nil || !ok {
				release()
				return err == nil, err
			}
			recs = append(recs, rec)
		}
		columns, err := ps.columns(recs, s)
		n := recs[0].NumRows()
		release()
		if err != nil {
			return false, err
		}
		more := yield(columns, n)
		for _, c := range columns {
			c.Release()
		}
		if !more {
			return false, nil
		}
	}
}

// columns are the wanted columns of records of the same rows, one of each part. The
// caller releases them.
func (ps parts) columns(recs []arrow.Record, s *fields.Schema) ([]arrow.Array, error) {
	columns := make([]arrow.Array, len(s.Fields))
	for i, p := range ps {
		for k, at := range p.at {
			c := recs[i].Column(k)
			if columns[at] == nil {
				c.Retain()
				columns[at] = c
				continue
			}
			joined, err := join(s.Fields[at], columns[at], c)
			if err != nil {
				return nil, fmt.Errorf("column %q: %w", s.Fields[at].Name, err)
			}
			columns[at].Release()
			columns[at] = joined
		}
	}
	return columns, nil
}
