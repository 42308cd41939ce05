package lance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Columns are named by path here: the names of structs and members joined by dots
// ("position.x"), "item" for what a list holds. A dot or backslash that is part of a
// name stands behind a backslash; fields.MakePath does that.

// DropColumns removes columns, and the indexes over them. The values stay in the
// files until these are compacted, and in earlier versions. A struct keeps at least
// one member, and the table one column.
func (t *Table) DropColumns(ctx context.Context, paths ...string) (*Dataset, error) {
	return t.reshape(ctx, "drop columns", func(s *fields.Schema) error {
		for _, path := range paths {
			list, at, err := siblings(s, path)
			if err != nil {
				return err
			}
			if len(*list) == 1 {
				return fmt.Errorf("column %s is the only one at its place", fields.Path(path))
			}
			*list = slices.Delete(slices.Clone(*list), at, at+1)
		}
		return nil
	})
}

// RenameColumn gives a column another name, at its place. Indexes stay.
func (t *Table) RenameColumn(ctx context.Context, path, name string) (*Dataset, error) {
	return t.reshape(ctx, "rename column", func(s *fields.Schema) error {
		list, at, err := siblings(s, path)
		if err != nil {
			return err
		}
		for i, f := range *list {
			if i != at && f.Name == name {
				return fmt.Errorf("there is a column %q beside %s already", name, fields.Path(path))
			}
		}
		(*list)[at].Name = name
		return nil
	})
}

// AllowNull lets a column hold null from now on. There is no way back: other
// writers' files may be on their way.
func (t *Table) AllowNull(ctx context.Context, path string) (*Dataset, error) {
	return t.reshape(ctx, "allow null", func(s *fields.Schema) error {
		list, at, err := siblings(s, path)
		if err == nil {
			(*list)[at].Nullable = true
		}
		return err
	})
}

// reshape commits another schema over the same files. Where others committed
// meanwhile the change is made to the schema they left.
func (t *Table) reshape(ctx context.Context, name string, change func(s *fields.Schema) error) (*Dataset, error) {
	return t.operate(ctx, name, func(base *manifest.Manifest) (*Proposal, error) {
		s := base.Schema().Clone()
		if err := change(s); err != nil {
			return nil, err
		}
		if _, err := s.Arrow(); err != nil {
			return nil, errors.Join(errors.New("the columns would not fit together"), err)
		}
		top, err := maxFieldID(base)
		if err != nil {
			return nil, err
		}
		return &Proposal{Operation: OpProject, Reshape: true, Schema: s, SetConfig: keepMark(base, top)}, nil
	})
}
