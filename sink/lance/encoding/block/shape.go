package block

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// Shape is what the type of a leaf says about its block.
type Shape struct {
	Width   int   // bits of one item, or 0 when the items vary in length
	Offsets int   // bits of one offset, 32 or 64, when the items vary in length
	Dims    []int // lengths of nested fixed size lists, outermost first
	Null    bool  // the null type: items of no width that are never valid
	Bits    bool  // the numbers inside the lists are bools, of which blocks hold a byte each
}

// maxWidth bounds the bits of one fixed item: 64 MiB. Types come from stored
// schemas as well.
const maxWidth = 64 << 23

// ShapeOf is the shape of the leaves of a type. The error names a type that
// has no plain buffers (nested types, views, dictionaries).
func ShapeOf(dt arrow.DataType) (Shape, error) {
	switch t := dt.(type) {
	case *arrow.NullType:
		return Shape{Null: true}, nil
	case *arrow.StringType, *arrow.BinaryType:
		return Shape{Offsets: 32}, nil
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		return Shape{Offsets: 64}, nil
	case *arrow.DictionaryType:
		return Shape{}, fmt.Errorf("type %s has no plain buffers", dt)
	case *arrow.FixedSizeListType:
		inner, err := ShapeOf(t.Elem())
		if err != nil {
			return Shape{}, err
		}
		if inner.Width == 1 {
			inner = Shape{Width: 8, Bits: true}
		}
		if inner.Width < 8 || t.Len() < 1 {
			return Shape{}, fmt.Errorf("type %s has no plain buffers", dt)
		}
		if inner.Width > maxWidth/int(t.Len()) {
			return Shape{}, fmt.Errorf("type %s is wider than %d bits", dt, maxWidth)
		}
		dims := append([]int{int(t.Len())}, inner.Dims...)
		return Shape{Width: inner.Width * int(t.Len()), Dims: dims, Bits: inner.Bits}, nil
	case arrow.FixedWidthDataType:
		if t.BitWidth() >= 1 && t.BitWidth() <= maxWidth {
			return Shape{Width: t.BitWidth()}, nil
		}
	}
	return Shape{}, fmt.Errorf("type %s has no plain buffers", dt)
}

// Number is the width in bits of the numbers inside the fixed size lists, or
// of the item itself.
func (s Shape) Number() int { return s.Width / s.Numbers() }

// Stored is the bits of one item as pages hold it.
func (s Shape) Stored() int {
	if s.Bits {
		return s.Numbers()
	}
	return s.Width
}

// Entries is how many entries one item has at a depth of its fixed size lists.
func (s Shape) Entries(depth int) int {
	n := 1
	for _, d := range s.Dims[:depth+1] {
		n *= d
	}
	return n
}

// Numbers is how many numbers one item holds: 1 without fixed size lists.
func (s Shape) Numbers() int {
	n := 1
	for _, d := range s.Dims {
		n *= d
	}
	return n
}
