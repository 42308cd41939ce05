package lance

import (
	"context"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Member is a new member of the structs at some place of a table.
type Member struct {
	Terms
	Parent string // path of the structs
	// Value is a record of one row and one column: the member, which must be nullable,
	// and its value in every struct that is there.
	Value arrow.Record
}

// AddMember adds a member to structs, which may lie in structs and lists, with one value
// in all of those that are not null. A data file of that member alone is written for
// every fragment. Where there is such a member already nothing happens.
func (t *Table) AddMember(ctx context.Context, m Member) (*Dataset, error) {
	if m.Value.NumCols() != 1 {
		return nil, fmt.Errorf("add member: %d columns instead of one", m.Value.NumCols())
	}
	if err := oneRow(m.Value); err != nil {
		return nil, err
	}
	parent, member := fields.Path(m.Parent), m.Value.Schema().Field(0)
	b := &backfill{table: t, terms: m.Terms, made: map[string]*DataFile{}}
	b.input = func(d *Dataset) (*fields.Schema, *arrow.Schema, error) {
		s := only(d.Fields(), d.Fields().Lookup(parent))
		schema, err := s.Arrow()
		return s, schema, err
	}
	var made *arrow.Schema
	b.check = func(base *manifest.Manifest) error {
		s := base.Schema()
		if at := s.Lookup(parent); at == nil || at.LogicalType != "struct" {
			return fmt.Errorf("there are no structs at %s", parent)
		}
		return nil
	}
	b.reshape = func(s *fields.Schema, next int32) (*fields.Schema, []int32, error) {
		if s.Lookup(parent.Child(member.Name)) != nil {
			return nil, nil, nil
		}
		one, err := fields.FromArrow(m.Value.Schema())
		if err != nil {
			return nil, nil, err
		}
		at, f := s.Lookup(parent), one.Fields[0]
		renumber([]*fields.Field{f}, at.ID, &next)
		at.Children = append(at.Children, f)
		if err := inWhole(s, f, m.Parent); err != nil {
			return nil, nil, err
		}
		added := only(s, f)
		made, err = added.Arrow()
		return added, nil, err
	}
	b.compute = func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		out, err := graft(in.Column(0).Data(), made.Field(0).Type, len(parent.Parts())-1, m.Value.Column(0))
		if err != nil {
			return nil, err
		}
		defer out.Release()
		c := array.MakeFromData(out)
		defer c.Release()
		return array.NewRecord(made, []arrow.Array{c}, in.NumRows()), nil
	}
	return b.commit(ctx, "add member")
}

// graft is an array whose structs, so many steps below, have a value as their only
// member: nulls and lengths of lists are those of in. On the way there is one child each.
// The caller gets a reference.
func graft(in arrow.ArrayData, to arrow.DataType, steps int, value arrow.Array) (arrow.ArrayData, error) {
	var child arrow.ArrayData
	if steps > 0 {
		var err error
		if child, err = graft(in.Children()[0], to.(arrow.NestedType).Fields()[0].Type, steps-1, value); err != nil {
			return nil, err
		}
	} else {
		many, err := plainly([]arrow.Array{value}, func(one []arrow.Array) (arrow.Array, error) {
			return repeat(one[0], in.Offset()+in.Len())
		})
		if err != nil {
			return nil, err
		}
		child = many.Data()
		child.Retain()
		many.Release()
	}
	defer child.Release()
	return array.NewData(to, in.Len(), in.Buffers(), []arrow.ArrayData{child}, in.NullN(), in.Offset()), nil
}
