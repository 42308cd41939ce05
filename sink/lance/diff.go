package lance

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Diff says in what a later version differs from an earlier one, by what the two
// manifests hold; nothing else is read.
type Diff struct {
	From, To         uint64           // versions
	RowsBefore, Rows uint64           // live rows
	Added, Removed   []FragmentChange // fragments of one version alone, in its order
	Changed          []FragmentChange // of both, with other files or other deleted rows
	Columns          []ColumnChange
	// Metadata is what would give From the config and metadata of To; of fields that
	// both have, by their paths in From.
	Metadata MetadataUpdate
}

// FragmentChange is a fragment that two versions do not have alike.
type FragmentChange struct {
	ID                     uint64
	RowsBefore, Rows       uint64 // live ones; 0 in a version without the fragment
	FilesAdded, FilesGone  []string
	DeletedBefore, Deleted uint64
}

// ColumnChange is a field that two versions do not have alike. Before is nil for a new
// field, After for one that is gone. A column that was rewritten with another type is
// both: one that is gone and a new one of its name.
type ColumnChange struct {
	PathBefore, Path fields.Path
	Before, After    *fields.Field
}

// Diff compares d with another version of its table, which may be the earlier one.
func (d *Dataset) Diff(to *Dataset) (*Diff, error) {
	if d.table != to.table && d.table.store != to.table.store {
		return nil, errors.New("diff: the versions are of two tables")
	}
	diff := &Diff{From: d.Version(), To: to.Version(), RowsBefore: d.LiveRows(), Rows: to.LiveRows()}
	if err := diff.fragments(d.manifest, to.manifest); err != nil {
		return nil, fmt.Errorf("diff of versions %d and %d: %w", diff.From, diff.To, err)
	}
	diff.columns(d.Fields(), to.Fields())
	diff.metadata(d, to)
	return diff, nil
}

func (diff *Diff) metadata(from, to *Dataset) {
	diff.Metadata = MetadataUpdate{
		Config: editBetween(from.Config(), to.Config()), Table: editBetween(from.TableMetadata(), to.TableMetadata()),
		Schema: editBetween(from.Fields().Metadata, to.Fields().Metadata),
	}
	after := make(map[int32]*fields.Field)
	to.Fields().Walk(func(_ fields.Path, f *fields.Field) bool {
		after[f.ID] = f
		return true
	})
	from.Fields().Walk(func(p fields.Path, f *fields.Field) bool {
		if now := after[f.ID]; now != nil && !maps.Equal(f.Metadata, now.Metadata) {
			if diff.Metadata.Fields == nil {
				diff.Metadata.Fields = make(map[string]MapEdit)
			}
			diff.Metadata.Fields[string(p)] = editBetween(f.Metadata, now.Metadata)
		}
		return true
	})
}

// editBetween turns one map into another.
func editBetween(before, after map[string]string) MapEdit {
	var e MapEdit
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[key]; !ok {
			e.Delete = append(e.Delete, key)
		}
	}
	for key, value := range after {
		if was, ok := before[key]; ok && was == value {
			continue
		}
		if e.Set == nil {
			e.Set = make(map[string]string)
		}
		e.Set[key] = value
	}
	return e
}

func (diff *Diff) fragments(from, to *manifest.Manifest) error {
	before, err := fragmentsByID(from)
	if err != nil {
		return err
	}
	after, err := fragmentsByID(to)
	if err != nil {
		return err
	}
	for i := range from.Fragments() {
		f, err := from.Fragment(i)
		if err != nil {
			return err
		}
		if after[f.ID] == nil {
			diff.Removed = append(diff.Removed, fragmentChange(f, nil))
		}
	}
	for i := range to.Fragments() {
		f, err := to.Fragment(i)
		if err != nil {
			return err
		}
		c := fragmentChange(before[f.ID], f)
		switch {
		case before[f.ID] == nil:
			diff.Added = append(diff.Added, c)
		case len(c.FilesAdded)+len(c.FilesGone) > 0, before[f.ID].Deletion != f.Deletion:
			diff.Changed = append(diff.Changed, c)
		}
	}
	return nil
}

// fragmentChange compares two states of a fragment; either may be nil.
func fragmentChange(before, after *manifest.Fragment) FragmentChange {
	var c FragmentChange
	var was, is []string
	if before != nil {
		c.ID, c.RowsBefore, c.DeletedBefore = before.ID, before.PhysicalRows-before.DeletedRows, before.DeletedRows
		was = paths(before)
	}
	if after != nil {
		c.ID, c.Rows, c.Deleted = after.ID, after.PhysicalRows-after.DeletedRows, after.DeletedRows
		is = paths(after)
	}
	c.FilesAdded, c.FilesGone = without(is, was), without(was, is)
	return c
}

func paths(f *manifest.Fragment) []string {
	list := make([]string, len(f.Files))
	for i := range f.Files {
		list[i] = f.Files[i].Path
	}
	return list
}

// without returns what of a is not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func (diff *Diff) columns(from, to *fields.Schema) {
	type located struct {
		path  fields.Path
		field *fields.Field
	}
	before := make(map[int32]located)
	from.Walk(func(p fields.Path, f *fields.Field) bool {
		before[f.ID] = located{p, f}
		return true
	})
	kept := make(map[int32]bool)
	var added []ColumnChange
	to.Walk(func(p fields.Path, f *fields.Field) bool {
		was, ok := before[f.ID]
		switch {
		case !ok || was.field.LogicalType != f.LogicalType:
			added = append(added, ColumnChange{Path: p, After: f})
			return true
		case was.path != p || was.field.Nullable != f.Nullable:
			diff.Columns = append(diff.Columns, ColumnChange{PathBefore: was.path, Path: p, Before: was.field, After: f})
		}
		kept[f.ID] = true
		return true
	})
	from.Walk(func(p fields.Path, f *fields.Field) bool {
		if !kept[f.ID] {
			diff.Columns = append(diff.Columns, ColumnChange{PathBefore: p, Before: f})
		}
		return true
	})
	diff.Columns = append(diff.Columns, added...)
}
