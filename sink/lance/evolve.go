package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// ErrTableExists is returned by Create where there is a table already.
var ErrTableExists = errors.New("table exists already")

// Create makes a table with the columns of schema and the given rows; recs may be
// nil. The records stay the caller's. It returns the table's first version, or a
// later one if others have committed already.
func Create(ctx context.Context, store objstore.Store, schema *arrow.Schema, recs iter.Seq2[arrow.Record, error], o Options) (*Dataset, error) {
	t := Open(store, o)
	if _, err := t.log.Head(ctx); !errors.Is(err, ErrNoTable) {
		if err == nil {
			err = ErrTableExists
		}
		return nil, fmt.Errorf("create table: %w", err)
	}
	s, err := fields.FromArrow(schema)
	if err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	var files []*DataFile
	if recs != nil {
		if files, err = t.writeFiles(ctx, s, recs); err != nil {
			return nil, fmt.Errorf("create table: %w", err)
		}
	}
	return t.once(ctx, func(base *manifest.Manifest) (*Proposal, error) {
		if base != nil {
			return nil, ErrTableExists
		}
		return &Proposal{Operation: OpCreate, Schema: s, Files: files}, nil
	})
}

// Append adds the rows of records of one schema: columns of the table, by name and
// type, nullable ones at leisure. The records stay the caller's. No rows give no
// version.
func (t *Table) Append(ctx context.Context, recs iter.Seq2[arrow.Record, error]) (*Dataset, error) {
	d, err := t.Latest(ctx)
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	if err := d.manifest.Writable(); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	next, stop := iter.Pull2(recs)
	defer stop()
	first, err, ok := next()
	if !ok {
		return d, nil
	}
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	s, err := d.Fields().Project(first.Schema())
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	files, err := t.writeFiles(ctx, s, func(yield func(arrow.Record, error) bool) {
		for rec, err := first, error(nil); ; {
			if !yield(rec, err) {
				return
			}
			var more bool
			if rec, err, more = next(); !more {
				return
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	if len(files) == 0 {
		return d, nil
	}
	return t.once(ctx, func(*manifest.Manifest) (*Proposal, error) {
		return &Proposal{Operation: OpAppend, Files: files}, nil
	})
}

// AddColumns adds the nullable columns of schema that the table lacks, at any depth
// of structs; rows that are there read as null. A column that is there already must
// have the same type. Nothing to add gives no version.
func (t *Table) AddColumns(ctx context.Context, schema *arrow.Schema) (*Dataset, error) {
	return t.once(ctx, func(base *manifest.Manifest) (*Proposal, error) {
		if base == nil {
			return nil, ErrNoTable
		}
		top, err := maxFieldID(base)
		if err != nil {
			return nil, err
		}
		merged, added, err := fields.Merge(base.Schema(), schema, top+1)
		if err != nil || len(added) == 0 {
			return nil, err
		}
		return &Proposal{Operation: OpProject, Schema: merged, SetConfig: keepMark(base, merged.MaxID())}, nil
	})
}

// once commits a proposal that is recognised by the UUID of its transaction.
func (t *Table) once(ctx context.Context, build func(base *manifest.Manifest) (*Proposal, error)) (*Dataset, error) {
	head, err := t.log.Commit(ctx, &single{log: t.log, build: build})
	if err != nil {
		return nil, err
	}
	return t.dataset(head)
}

// single is a planner without a record of its own in the table. It finds its
// transactions in the chain of versions.
type single struct {
	log   *commit.Log
	build func(base *manifest.Manifest) (*Proposal, error)

	since   uint64      // version of the first base
	put     []*Proposal // all that were proposed: a put of unknown outcome may land late
	nothing bool        // the last plan found nothing to do
}

var _ commit.Planner = (*single)(nil)

// Plan implements commit.Planner.
func (s *single) Plan(ctx context.Context, base *manifest.Manifest) (*Proposal, error) {
	s.nothing = false
	switch {
	case len(s.put) > 0 && base != nil:
		landing, err := s.Landed(ctx, base)
		if err != nil || landing == LandedWhole {
			return nil, err
		}
	case len(s.put) == 0 && base != nil:
		s.since = base.Version()
	}
	p, err := s.build(base)
	if err != nil {
		return nil, err
	}
	if p == nil {
		s.nothing = true
		return nil, nil //nolint:nilnil // the way to say that there is nothing to put
	}
	s.put = append(s.put, p)
	return p, nil
}

// Landed implements commit.Planner.
func (s *single) Landed(ctx context.Context, head *manifest.Manifest) (Landing, error) {
	if s.nothing {
		return LandedWhole, nil
	}
	for v := head.Version(); v > s.since; v-- {
		t, err := s.log.Transaction(ctx, v)
		if errors.Is(err, ErrNoVersion) || errors.Is(err, ErrNoTransaction) {
			return LandedNone, fmt.Errorf("look for our transaction: %w", err)
		}
		if err != nil {
			return LandedNone, err
		}
		for _, p := range s.put {
			if p.UUID != "" && p.UUID == t.UUID {
				return LandedWhole, nil
			}
		}
		if t.Operation == OpRestore || t.Operation == OpOverwrite {
			return LandedNone, nil
		}
	}
	return LandedNone, nil
}
