package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Compute makes the values of new columns from those of existing ones. It gets some
// rows in their stored order and returns as many, in a record of the new columns
// alone. Rows that are deleted are among them, since a file has values for all rows.
// It releases nothing of what it gets; what it returns is released for it.
type Compute func(ctx context.Context, in arrow.Record) (arrow.Record, error)

// AddColumnsFunc adds the columns of schema, which must be nullable and new, with
// values that f computes from the columns called inputs, which are as in ScanOptions;
// with none it gets the first column. A data file of the new columns is written for
// every fragment.
//
// Where others commit meanwhile only the fragments that they added or rewrote are
// computed again. An append by others that did not know the columns, and comes after
// this, has null there.
func (t *Table) AddColumnsFunc(ctx context.Context, schema *arrow.Schema, inputs []string, f Compute) (*Dataset, error) {
	b := &backfill{table: t, compute: f, made: map[string]*DataFile{}}
	b.input = func(d *Dataset) (*fields.Schema, *arrow.Schema, error) {
		if len(inputs) > 0 {
			return d.projection(inputs)
		}
		return firstColumn(d)
	}
	b.reshape = func(s *fields.Schema, next int32) (*fields.Schema, []int32, error) {
		for _, column := range schema.Fields() {
			if s.Lookup(fields.MakePath(column.Name)) != nil {
				return nil, nil, fmt.Errorf("there is a column %q already", column.Name)
			}
		}
		if schema.NumFields() == 0 {
			return nil, nil, errors.New("there is no column to add")
		}
		return appendColumns(s, schema, next)
	}
	return b.commit(ctx, "add columns")
}

// firstColumn is what is read where nothing but the number of rows matters.
func firstColumn(d *Dataset) (*fields.Schema, *arrow.Schema, error) {
	return d.projection([]string{string(fields.MakePath(d.Fields().Fields[0].Name))})
}

// appendColumns adds new columns to a schema, and returns them as they stand there.
func appendColumns(s *fields.Schema, columns *arrow.Schema, next int32) (*fields.Schema, []int32, error) {
	merged, _, err := fields.Merge(s, columns, next)
	if err != nil {
		return nil, nil, err
	}
	*s = *merged
	return &fields.Schema{Fields: merged.Fields[len(merged.Fields)-columns.NumFields():]}, nil, nil
}

// Terms are what an operation that writes values for rows that are there goes by. The
// zero value has none.
type Terms struct {
	// Guard, unless nil, is asked of each version that the change would be built upon;
	// an error ends it, and nothing is changed.
	Guard func(base *Dataset) error
	// Progress, unless nil, is called each time some rows are done. It may commit to the
	// table. An error ends the operation.
	Progress func(ctx context.Context) error
	// Config changes the table's config in the same version.
	Config MapEdit
}

// backfill adds a data file to every fragment.
type backfill struct {
	table   *Table
	terms   Terms
	input   func(d *Dataset) (*fields.Schema, *arrow.Schema, error)
	compute Compute
	// reshape changes a schema to what it shall be, with new ids from next upward, and
	// returns the fields that the new files hold, nil if there is nothing to do, and the
	// ids that older ones lose.
	reshape func(s *fields.Schema, next int32) (added *fields.Schema, gone []int32, err error)
	// check, unless nil, says why a version does not allow it.
	check   func(base *manifest.Manifest) error
	retypes bool

	made map[string]*DataFile // by fragment content and ids
	seen uint64               // highest fragment that was looked at, for a deliberate bug
}

func (b *backfill) commit(ctx context.Context, name string) (*Dataset, error) {
	return b.table.operate(ctx, name, func(base *manifest.Manifest) (*Proposal, error) {
		if err := base.Writable(); err != nil {
			return nil, err
		}
		if b.check != nil {
			if err := b.check(base); err != nil {
				return nil, err
			}
		}
		return b.plan(ctx, base)
	})
}

func (b *backfill) plan(ctx context.Context, base *manifest.Manifest) (*Proposal, error) {
	d, err := newDataset(b.table, base)
	if err != nil {
		return nil, err
	}
	if b.terms.Guard != nil {
		if err := b.terms.Guard(d); err != nil {
			return nil, err
		}
	}
	top, err := maxFieldID(base)
	if err != nil {
		return nil, err
	}
	s := base.Schema().Clone()
	added, gone, err := b.reshape(s, top+1)
	if err != nil || added == nil {
		return nil, err
	}
	p := &Proposal{
		Operation: OpMerge, Reshape: b.retypes, Schema: s, SetConfig: keepMark(base, s.MaxID()),
		Edits: make(map[uint64]manifest.FragmentEdit, base.Fragments()),
	}
	p.Metadata.Config = b.terms.Config
	again, seen := len(b.made) > 0, b.seen
	for i := range base.Fragments() {
		f, err := base.Fragment(i)
		if err != nil {
			return nil, err
		}
		b.seen = max(b.seen, f.ID)
		forgets := mutant.On("rewrite-forgets-appends") && again && f.ID > seen
		if b.retypes && (forgets || !holds(f, gone)) {
			p.Edits[f.ID] = manifest.FragmentEdit{} // it reads as null, before and after
			continue
		}
		made, err := b.file(ctx, d, f, added)
		if err != nil {
			return nil, fmt.Errorf("fragment %d: %w", f.ID, err)
		}
		entry := made.Entry()
		p.Files = append(p.Files, made)
		p.Edits[f.ID] = manifest.FragmentEdit{AddFile: &entry, Tombstone: gone}
	}
	return p, nil
}

// holds reports whether a fragment has a column of one of some fields.
func holds(f *manifest.Fragment, ids []int32) bool {
	for _, file := range f.Files {
		if slices.ContainsFunc(file.Fields, func(id int32) bool { return slices.Contains(ids, id) }) {
			return true
		}
	}
	return false
}

// file writes the new columns of a fragment, unless that was done before.
func (b *backfill) file(ctx context.Context, d *Dataset, f *manifest.Fragment, added *fields.Schema) (*DataFile, error) {
	wanted, schema, err := b.input(d)
	if err != nil {
		return nil, err
	}
	key := fmt.Sprint(f.ID, f.Files, added.Proto(), wanted.Proto())
	if made := b.made[key]; made != nil {
		return made, nil
	}
	w, err := b.table.newFile(ctx, added)
	if err != nil {
		return nil, err
	}
	rows := uint64(0)
	for in, err := range readAll(ctx, d, f, wanted, schema) {
		var out arrow.Record
		if err == nil {
			out, err = b.computed(ctx, in)
		}
		if err == nil && b.terms.Progress != nil {
			if err = b.terms.Progress(ctx); err != nil {
				out.Release()
			}
		}
		if err != nil {
			return nil, w.abort(rowError(err, f, rows))
		}
		err = w.write(ctx, out)
		rows += uint64(out.NumRows())
		out.Release()
		if err != nil {
			return nil, err
		}
	}
	if rows != f.PhysicalRows {
		return nil, w.abort(fmt.Errorf("it has %d rows, not %d", rows, f.PhysicalRows))
	}
	made, err := w.finish(ctx)
	if err == nil {
		b.made[key] = made
	}
	return made, err
}

// computed releases in, and returns the new columns of its rows. Who writes them
// checks their names and types.
func (b *backfill) computed(ctx context.Context, in arrow.Record) (arrow.Record, error) {
	defer in.Release()
	out, err := b.compute(ctx, in)
	if err != nil {
		return nil, err
	}
	if out.NumRows() != in.NumRows() {
		err = fmt.Errorf("%d rows were computed of %d", out.NumRows(), in.NumRows())
		out.Release()
		return nil, err
	}
	return out, nil
}

// cellError is about one row of a record.
type cellError struct {
	row int
	err error
}

func (e *cellError) Error() string { return fmt.Sprintf("row %d: %v", e.row, e.err) }
func (e *cellError) Unwrap() error { return e.err }

// rowError counts the row of an error from the beginning of the fragment.
func rowError(err error, f *manifest.Fragment, before uint64) error {
	var cell *cellError
	if !errors.As(err, &cell) {
		return err
	}
	row := before + uint64(cell.row)
	return fmt.Errorf("row %d (address %d): %w", row, f.ID<<32|row, cell.err)
}

// readAll reads some columns of all rows of a fragment, deleted ones included.
func readAll(ctx context.Context, d *Dataset, f *manifest.Fragment, s *fields.Schema, schema *arrow.Schema) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		if f.PhysicalRows > math.MaxUint32 {
			yield(nil, fmt.Errorf("%d rows are too many", f.PhysicalRows))
			return
		}
		ps, err := d.openFragment(ctx, f, s)
		if err != nil {
			yield(nil, err)
			return
		}
		all := file.Selection{Rows: []file.Span{{From: 0, To: int(f.PhysicalRows)}}}
		stopped := false
		_, err = ps.read(ctx, s, all, func(columns []arrow.Array, rows int64) bool {
			stopped = !yield(array.NewRecord(schema, columns, rows), nil)
			return !stopped
		})
		if err = errors.Join(err, ps.close()); err != nil && !stopped {
			yield(nil, err)
		}
	}
}
