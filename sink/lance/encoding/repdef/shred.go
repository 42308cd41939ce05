package repdef

import (
	"fmt"
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Shred takes an array apart into the leaves below it, in the pre-order of
// the column-bearing fields. The kinds of the layers follow from the data:
// what no row needs takes no level. A flat array without nulls is its own
// Values and costs nothing. What Arrow allows to lie behind a null list or
// struct vanishes. Each leaf holds its own reference to its values; mem is
// used only where values have to be moved together. The error names an Arrow
// type that has no levels (union, views, a struct without members).
func Shred(arr arrow.Array, mem memory.Allocator) ([]Leaf, error) {
	s := shredder{mem: mem}
	err := s.visit(arr, descent{
		rows:   arr.Len(),
		levels: arr.Len(),
		spans:  spans{{0, arr.Len()}},
	})
	if err != nil {
		for _, l := range s.leaves {
			l.Release()
		}
		return nil, err
	}
	return s.leaves, nil
}

// shredder collects the leaves of one array.
type shredder struct {
	mem    memory.Allocator
	leaves []Leaf
}

// visit adds the leaves of arr, an array whose ancestors are told by d.
func (s *shredder) visit(arr arrow.Array, d descent) error {
	switch a := arr.(type) {
	case *array.Struct:
		if a.NumField() == 0 {
			return fmt.Errorf("shred %s: a struct without members has no columns", a.DataType())
		}
		d = d.throughItem(a)
		for i := range a.NumField() {
			if err := s.visit(a.Field(i), d); err != nil {
				return err
			}
		}
		return nil
	case *array.List:
		return s.visit(a.ListValues(), throughList(d, a, entryOffsets(a.Offsets(), a)))
	case *array.Map:
		return s.visit(a.ListValues(), throughList(d, a, entryOffsets(a.Offsets(), a)))
	case *array.LargeList:
		return s.visit(a.ListValues(), throughList(d, a, entryOffsets(a.Offsets(), a)))
	case array.ExtensionArray:
		return s.visit(a.Storage(), d)
	}
	if !isLeaf(arr.DataType()) {
		return fmt.Errorf("shred %s: the type has no levels", arr.DataType())
	}
	return s.leaf(arr, d)
}

// leaf ends a descent: arr is a column's values.
func (s *shredder) leaf(arr arrow.Array, d descent) error {
	values, err := d.spans.gather(arr, s.mem)
	if err != nil {
		return fmt.Errorf("gather values of %s: %w", arr.DataType(), err)
	}
	d = d.throughItem(arr)
	layers := d.layers()
	s.leaves = append(s.leaves, Leaf{
		Values: values,
		Rep:    d.repLevels(layers),
		Def:    d.defLevels(layers),
		Layers: layers,
		Rows:   d.rows,
	})
	return nil
}

// isLeaf reports whether arrays of the type are columns of their own. A
// fixed-size list is: its items are part of its value.
func isLeaf(t arrow.DataType) bool {
	switch t.ID() {
	case arrow.STRUCT, arrow.LIST, arrow.LARGE_LIST, arrow.MAP, arrow.LIST_VIEW, arrow.LARGE_LIST_VIEW,
		arrow.SPARSE_UNION, arrow.DENSE_UNION, arrow.RUN_END_ENCODED, arrow.EXTENSION:
		return false
	default:
		return true
	}
}

// entryOffsets is the part of a list array's offsets that is its own.
func entryOffsets[O int32 | int64](offsets []O, arr arrow.Array) []O {
	if arr.Len() == 0 {
		return nil
	}
	from := arr.Data().Offset()
	return offsets[from : from+arr.Len()+1]
}

// nulls looks up which entries of an array are null.
type nulls struct {
	bitmap []byte
	offset int
	all    bool // every entry is
}

// nullsOf is the lookup for an array; some is false if no entry is null.
func nullsOf(arr arrow.Array) (n nulls, some bool) {
	if arr.DataType().ID() == arrow.NULL {
		return nulls{all: true}, arr.Len() > 0
	}
	if arr.NullN() == 0 {
		return nulls{}, false
	}
	return nulls{bitmap: arr.NullBitmapBytes(), offset: arr.Data().Offset()}, true
}

// next is the first null entry from i on, or to if there is none before it.
func (n nulls) next(i, to int) int {
	if n.bitmap == nil {
		if n.all {
			return min(i, to)
		}
		return to
	}
	for at, end := i+n.offset, to+n.offset; at < end; at = (at | 7) + 1 {
		if missing := ^n.bitmap[at>>3] >> (at & 7); missing != 0 {
			return min(at+bits.TrailingZeros8(missing), end) - n.offset
		}
	}
	return to
}

// at reports whether entry i is null.
func (n nulls) at(i int) bool {
	if n.bitmap == nil {
		return n.all
	}
	i += n.offset
	return n.bitmap[i>>3]&(1<<(i&7)) == 0
}
