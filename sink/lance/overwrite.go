package lance

import (
	"context"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Overwrite gives the table the columns of schema and the given rows in place of
// all it has; recs may be nil. The records stay the caller's. Earlier versions stay
// readable, config and table metadata are kept, indexes go. It wins over whatever
// others commit meanwhile. Columns get field ids that were not in use, so that no
// file written for the old columns can be taken for one of the new.
func (t *Table) Overwrite(ctx context.Context, schema *arrow.Schema, recs iter.Seq2[arrow.Record, error]) (*Dataset, error) {
	d, err := t.Latest(ctx)
	if err != nil {
		return nil, fmt.Errorf("overwrite: %w", err)
	}
	if err := d.manifest.Writable(); err != nil {
		return nil, fmt.Errorf("overwrite: %w", err)
	}
	s, err := fields.FromArrow(schema)
	if err != nil {
		return nil, fmt.Errorf("overwrite: %w", err)
	}
	top, err := maxFieldID(d.manifest)
	if err != nil {
		return nil, fmt.Errorf("overwrite: %w", err)
	}
	next := top + 1
	renumber(s.Fields, fields.NoParent, &next)
	var files []*DataFile
	if recs != nil {
		if files, err = t.writeFiles(ctx, s, recs); err != nil {
			return nil, fmt.Errorf("overwrite: %w", err)
		}
	}
	return t.operate(ctx, "overwrite", func(base *manifest.Manifest) (*Proposal, error) {
		top, err := maxFieldID(base)
		if err != nil {
			return nil, err
		}
		return &Proposal{
			Operation: OpOverwrite, Schema: s, Files: files, SetConfig: keepMark(base, max(top, s.MaxID())),
		}, nil
	})
}

// Restore makes the newest version have the content of an older one: rows, columns,
// indexes, config and metadata. It wins over whatever others commit meanwhile.
// Numbers of fragments and, in tables that note them, field ids stay used up.
func (t *Table) Restore(ctx context.Context, version uint64) (*Dataset, error) {
	old, err := t.log.Version(ctx, version)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := old.Writable(); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return t.operate(ctx, "restore", func(base *manifest.Manifest) (*Proposal, error) {
		top, err := maxFieldID(base)
		if err != nil {
			return nil, err
		}
		return &Proposal{Operation: OpRestore, Restore: old, SetConfig: keepMark(base, top)}, nil
	})
}
