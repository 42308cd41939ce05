package lance

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// join is a column whose members lie in two data files: both arrays hold the same
// rows, each some of the members. Nulls and list lengths are those of a. The caller
// gets a reference.
func join(f *fields.Field, a, b arrow.Array) (arrow.Array, error) {
	data, err := joinData(f, a.Data(), b.Data())
	if err != nil {
		return nil, err
	}
	defer data.Release()
	return array.MakeFromData(data), nil
}

func joinData(f *fields.Field, a, b arrow.ArrayData) (arrow.ArrayData, error) {
	if a.Offset() != 0 || b.Offset() != 0 || a.Len() != b.Len() {
		return nil, fmt.Errorf("field %q: %d and %d entries in two data files", f.Name, a.Len(), b.Len())
	}
	var children []arrow.ArrayData
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	var members []arrow.Field
	have, add := nested(a.DataType()), nested(b.DataType())
	if have == nil || add == nil {
		return nil, fmt.Errorf("field %q lies in two data files", f.Name)
	}
	for _, child := range f.Children {
		i, k := member(have, child, f), member(add, child, f)
		switch {
		case i >= 0 && k >= 0:
			c, err := joinData(child, a.Children()[i], b.Children()[k])
			if err != nil {
				return nil, err
			}
			member := have[i]
			member.Type = c.DataType()
			children, members = append(children, c), append(members, member)
		case i >= 0:
			a.Children()[i].Retain()
			children, members = append(children, a.Children()[i]), append(members, have[i])
		case k >= 0:
			b.Children()[k].Retain()
			children, members = append(children, b.Children()[k]), append(members, add[k])
		}
	}
	return array.NewData(joinedType(a.DataType(), members), a.Len(), a.Buffers(), children, a.NullN(), 0), nil
}

// nested are the members of a struct, or a list's only child; nil of others.
func nested(dt arrow.DataType) []arrow.Field {
	switch t := dt.(type) {
	case *arrow.StructType:
		return t.Fields()
	case *arrow.ListType, *arrow.LargeListType:
		return t.(arrow.NestedType).Fields()
	}
	return nil
}

// member is which of an array's members is the child of a field: a list's only one
// whatever its name. -1 if it has none.
func member(have []arrow.Field, child, of *fields.Field) int {
	if of.LogicalType != "struct" {
		return 0
	}
	for i, m := range have {
		if m.Name == child.Name {
			return i
		}
	}
	return -1
}

func joinedType(dt arrow.DataType, members []arrow.Field) arrow.DataType {
	switch dt.(type) {
	case *arrow.ListType:
		return arrow.ListOfField(members[0])
	case *arrow.LargeListType:
		return arrow.LargeListOfField(members[0])
	}
	return arrow.StructOf(members...)
}
