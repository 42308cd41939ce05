package lance

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// ChangeType rewrites a top-level column with another type: an integer with any
// other integer type, an integer as a float, a float as another, string and
// large_string, binary and large_binary into one another. A value that the new type
// does not hold exactly is an error that names its row, deleted or not, and nothing is
// changed. The column gets a new field id at its old place. A column with an index is
// refused: drop the index first.
//
// An append that another writer prepared with the old type must be made anew: that
// writer gets a conflict.
func (t *Table) ChangeType(ctx context.Context, column string, to arrow.DataType) (*Dataset, error) {
	b := &backfill{table: t, inputs: []string{column}, retypes: true, made: map[string]*DataFile{}}
	b.check = func(base *manifest.Manifest) error { return unindexed(base, column) }
	b.reshape = func(s *fields.Schema, next int32) (*fields.Schema, []int32, error) {
		at := slices.IndexFunc(s.Fields, func(f *fields.Field) bool { return f.Name == column })
		if at < 0 {
			return nil, nil, fmt.Errorf("there is no column %q", column)
		}
		retyped, gone, err := retype(s.Fields[at], to, next)
		if err != nil {
			return nil, nil, err
		}
		s.Fields[at] = retyped
		return &fields.Schema{Fields: []*fields.Field{retyped}}, []int32{gone}, nil
	}
	b.compute = func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		out, err := convert(in.Column(0), to)
		if err != nil {
			return nil, err
		}
		defer out.Release()
		f := in.Schema().Field(0)
		f.Type = to
		return array.NewRecord(arrow.NewSchema([]arrow.Field{f}, nil), []arrow.Array{out}, in.NumRows()), nil
	}
	return b.commit(ctx, "change type")
}

// unindexed refuses a column with an index.
func unindexed(base *manifest.Manifest, column string) error {
	f := base.Schema().Lookup(fields.MakePath(column))
	if f == nil {
		return nil // another error says so
	}
	list, err := base.Indexes()
	if err != nil {
		return err
	}
	for _, x := range list {
		if slices.Contains(x.Fields, f.ID) {
			return fmt.Errorf("column %q has the index %q: drop it first", column, x.Name)
		}
	}
	return nil
}

// retype is a column of another type with a new id, and the old id.
func retype(old *fields.Field, to arrow.DataType, id int32) (*fields.Field, int32, error) {
	one, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{{Name: old.Name, Type: to, Nullable: old.Nullable}}, nil))
	if err != nil {
		return nil, 0, err
	}
	f := one.Fields[0]
	switch {
	case len(old.Children) > 0 || len(f.Children) > 0:
		return nil, 0, fmt.Errorf("column %q as %s: types of lists and structs are not changed: %w", old.Name, to, ErrUnsupported)
	case f.LogicalType == old.LogicalType:
		return nil, 0, fmt.Errorf("column %q is %s already", old.Name, to)
	}
	f.ID, f.ParentID, f.Metadata = id, fields.NoParent, old.Metadata
	return f, old.ID, nil
}

// convert returns the values of an array in another type, each exactly.
func convert(in arrow.Array, to arrow.DataType) (arrow.Array, error) {
	b := array.NewBuilder(memory.DefaultAllocator, to)
	defer b.Release()
	b.Reserve(in.Len())
	put, err := converter(in, b)
	if err != nil {
		return nil, err
	}
	for i := range in.Len() {
		if in.IsNull(i) {
			b.AppendNull()
			continue
		}
		if err := put(i); err != nil {
			return nil, &cellError{row: i, err: err}
		}
	}
	return b.NewArray(), nil
}

// converter returns what appends the value at a place to a builder.
func converter(in arrow.Array, b array.Builder) (func(i int) error, error) {
	if get := textOf(in); get != nil {
		if put := textTo(b, isUTF8(in)); put != nil {
			return func(i int) error { put(get(i)); return nil }, nil
		}
	}
	if put := numberTo(b); put != nil {
		if get := numberOf(in); get != nil {
			return func(i int) error {
				n := get(i)
				if !put(n) {
					return fmt.Errorf("%s does not fit into %s exactly", in.ValueStr(i), b.Type())
				}
				return nil
			}, nil
		}
	}
	return nil, fmt.Errorf("from %s to %s: %w", in.DataType(), b.Type(), errors.Join(errors.New("this change of type is not made"), ErrUnsupported))
}

func isUTF8(in arrow.Array) bool {
	id := in.DataType().ID()
	return id == arrow.STRING || id == arrow.LARGE_STRING
}

// textOf reads strings and binaries.
func textOf(in arrow.Array) func(i int) []byte {
	switch in := in.(type) {
	case *array.String:
		return func(i int) []byte { return []byte(in.Value(i)) }
	case *array.LargeString:
		return func(i int) []byte { return []byte(in.Value(i)) }
	case *array.Binary:
		return in.Value
	case *array.LargeBinary:
		return in.Value
	}
	return nil
}

// textTo writes strings, or binaries; nil if that is not what the values are.
func textTo(b array.Builder, utf8 bool) func(v []byte) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if utf8 {
			return func(v []byte) { b.Append(string(v)) }
		}
	case *array.LargeStringBuilder:
		if utf8 {
			return func(v []byte) { b.Append(string(v)) }
		}
	case *array.BinaryBuilder:
		if !utf8 {
			return b.Append
		}
	}
	return nil
}
