package lance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// ErrInexact is returned where a stored value has no equal in the new type.
var ErrInexact = errors.New("a value is not exact in the new type")

// ErrIndexed is returned where an index stands in the way of a change.
var ErrIndexed = errors.New("the column has an index")

// Retyping says how a column gets another type.
type Retyping struct {
	Terms
	Path string
	To   arrow.DataType
	// Round lets an integer that a float does not hold exactly become the nearest one.
	Round bool
}

// ChangeType rewrites a column with another type: an integer with any other integer
// type, an integer as a float, a float as another, date32 as a timestamp, string and
// large_string, binary and large_binary into one another, fixed-size lists of such
// numbers, and all of them but those lists from and to dictionaries. A fixed-size list
// may become a list. The column may be a member of a struct or what a list holds, but not lie inside a map, nor inside structs
// in a large_list; only its own values are rewritten. A value that the new type does not
// hold exactly is an ErrInexact that names its row, deleted or not, and nothing is
// changed. The column gets a new field id at its old place. A column with an index is
// refused with ErrIndexed: drop the index first.
//
// An append that another writer prepared with the old type must be made anew: that
// writer gets a conflict.
func (t *Table) ChangeType(ctx context.Context, path string, to arrow.DataType) (*Dataset, error) {
	return t.Retype(ctx, Retyping{Path: path, To: to})
}

// Retype is ChangeType under terms.
func (t *Table) Retype(ctx context.Context, r Retyping) (*Dataset, error) {
	path := r.Path
	b := &backfill{table: t, terms: r.Terms, retypes: true, made: map[string]*DataFile{}}
	b.check = func(base *manifest.Manifest) error { return unindexed(base, path) }
	b.input = func(d *Dataset) (*fields.Schema, *arrow.Schema, error) {
		s := only(d.Fields(), d.Fields().Lookup(fields.Path(path)))
		schema, err := s.Arrow()
		return s, schema, err
	}
	var made *arrow.Schema
	b.reshape = func(s *fields.Schema, next int32) (added *fields.Schema, gone []int32, err error) {
		list, at, err := siblings(s, path)
		if err != nil {
			return nil, nil, err
		}
		old := (*list)[at]
		if err := inWhole(s, old, path); err != nil {
			return nil, nil, err
		}
		retyped, err := retype(old, path, r.To, next)
		if err != nil {
			return nil, nil, err
		}
		was, err := only(s, old).Arrow()
		if err != nil {
			return nil, nil, err
		}
		(*list)[at] = retyped
		added = only(s, retyped)
		if made, err = added.Arrow(); err != nil {
			return nil, nil, err
		}
		return added, []int32{old.ID}, convertible(was.Field(0).Type, made.Field(0).Type)
	}
	b.compute = func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		out, err := convert(in.Column(0), made.Field(0).Type, r.Round)
		if err != nil {
			return nil, err
		}
		defer out.Release()
		return array.NewRecord(made, []arrow.Array{out}, in.NumRows()), nil
	}
	return b.commit(ctx, "change type")
}

// only is a schema without all that does not lead to a field.
func only(s *fields.Schema, wanted *fields.Field) *fields.Schema {
	part := &fields.Schema{}
	for _, f := range s.Fields {
		if f = prune(f, func(f *fields.Field) bool { return f == wanted }); f != nil {
			part.Fields = append(part.Fields, f)
		}
	}
	return part
}

// inWhole refuses a field that lies in a map, or a member of structs in a large_list:
// other readers need all of their columns in one file.
func inWhole(s *fields.Schema, f *fields.Field, path string) error {
	whole := ""
	for above := only(s, f).Fields[0]; above.ID != f.ID; above = above.Children[0] {
		switch kind := above.LogicalType; {
		case kind == "map", kind == "struct" && whole != "":
			return fmt.Errorf("column %s: types inside a %s are not changed: %w", fields.Path(path), cmp.Or(whole, kind), ErrUnsupported)
		case strings.HasPrefix(kind, "large_list"):
			whole = "large_list"
		}
	}
	return nil
}

// unindexed refuses a column with an index.
func unindexed(base *manifest.Manifest, path string) error {
	f := base.Schema().Lookup(fields.Path(path))
	if f == nil {
		return nil // another error says so
	}
	list, err := base.Indexes()
	if err != nil {
		return err
	}
	for _, x := range list {
		if slices.Contains(x.Fields, f.ID) {
			return fmt.Errorf("%w %q: %s; drop it first", ErrIndexed, x.Name, fields.Path(path))
		}
	}
	return nil
}

// retype is a column of another type with a new id.
func retype(old *fields.Field, path string, to arrow.DataType, id int32) (*fields.Field, error) {
	one, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{{Name: old.Name, Type: to, Nullable: old.Nullable}}, nil))
	if err != nil {
		return nil, err
	}
	f := one.Fields[0]
	switch {
	case len(old.Children) > 0 || len(f.Children) > 0 && !(isVector(old) && to.ID() == arrow.LIST):
		return nil, fmt.Errorf("column %s as %s: types of lists and structs are not changed: %w", fields.Path(path), to, ErrUnsupported)
	case f.LogicalType == old.LogicalType:
		return nil, fmt.Errorf("column %s is %s already", fields.Path(path), to)
	}
	f.ID, f.ParentID, f.Metadata = id, old.ParentID, old.Metadata
	for _, item := range f.Children { // one at most, and a leaf: a vector holds no other
		item.ID, item.ParentID = id+1, id
	}
	return f, nil
}

func isVector(f *fields.Field) bool { return strings.HasPrefix(f.LogicalType, "fixed_size_list") }
