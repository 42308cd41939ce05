package repdef

import (
	"fmt"
	"math/bits"
)

// Layer is the kind of one nesting step on the way from a leaf to its row, by
// the numbers of the format (the enum of PageLayout.layers). Lists of layers
// run from the innermost (the leaf's own items) outward. "Item" layers are
// leaves and structs.
type Layer uint8

// The kinds of layers. Which one a page uses follows from its data, not from
// its schema: a nullable column whose page holds no null is AllValidItem.
const (
	AllValidItem     Layer = 1 // a leaf or struct without nulls
	AllValidList     Layer = 2 // a list, never null and never empty
	NullableItem     Layer = 3 // a leaf or struct, some null
	NullableList     Layer = 4 // a list, some null, none empty
	EmptyableList    Layer = 5 // a list, some empty, none null
	NullAndEmptyList Layer = 6 // a list, some null, some empty
)

// String is the name of the kind.
func (l Layer) String() string {
	switch l {
	case AllValidItem:
		return "all valid item"
	case AllValidList:
		return "all valid list"
	case NullableItem:
		return "nullable item"
	case NullableList:
		return "nullable list"
	case EmptyableList:
		return "emptyable list"
	case NullAndEmptyList:
		return "null and empty list"
	}
	return fmt.Sprintf("layer %d", uint8(l))
}

// Known reports whether l is one of the six kinds; stored layers may not be.
func (l Layer) Known() bool { return l >= AllValidItem && l <= NullAndEmptyList }

// IsList reports whether l is a list kind, as opposed to an item kind.
func (l Layer) IsList() bool { return l.Known() && l != AllValidItem && l != NullableItem }

// Width is the number of definition levels the layer uses: 0, 1 or 2.
func (l Layer) Width() int {
	switch l {
	case NullableItem, NullableList, EmptyableList:
		return 1
	case NullAndEmptyList:
		return 2
	default:
		return 0
	}
}

// hasNull reports whether the layer has a definition level for null.
func (l Layer) hasNull() bool {
	return l == NullableItem || l == NullableList || l == NullAndEmptyList
}

// hasEmpty reports whether the layer has a definition level for an empty list.
func (l Layer) hasEmpty() bool { return l == EmptyableList || l == NullAndEmptyList }

// makeLayer is the kind that can say exactly what was seen.
func makeLayer(s step) Layer {
	switch {
	case !s.list && s.null:
		return NullableItem
	case !s.list:
		return AllValidItem
	case s.null && s.empty:
		return NullAndEmptyList
	case s.null:
		return NullableList
	case s.empty:
		return EmptyableList
	default:
		return AllValidList
	}
}

// MaxRep is the largest repetition level of the layers: their number of
// lists. A level that starts a row has it; 0 means the page stores none.
func MaxRep(layers []Layer) uint16 {
	n := uint16(0)
	for _, l := range layers {
		if l.IsList() {
			n++
		}
	}
	return n
}

// MaxDef is the largest definition level of the layers; 0 means the page
// stores none.
func MaxDef(layers []Layer) uint16 {
	n := 0
	for _, l := range layers {
		n += l.Width()
	}
	return uint16(n)
}

// MaxVisible is the largest definition level that still has a slot among the
// values: the levels of the layers before the innermost list. Without lists
// every level is visible.
func MaxVisible(layers []Layer) uint16 {
	n := 0
	for _, l := range layers {
		if l.IsList() {
			break
		}
		n += l.Width()
	}
	return uint16(n)
}

// Bits is the number of bits that hold every level from 0 to largest.
func Bits(largest uint16) int { return bits.Len16(largest) }
