package repdef

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Concat joins leaves of one column, such as the pages of a range of rows, in
// order. Their layers may differ in kind from page to page; the result has the
// layers that can say all of it. It needs at least one leaf; of one leaf it
// returns that leaf with a new reference. Layers that do not fit together or
// lengths that do not add up are a *corrupt.Error.
func Concat(leaves []Leaf, mem memory.Allocator) (Leaf, error) {
	return Leaf{}, errors.New("concat: being built")
}

// Normalize is the leaf with other layers that can say the same: of the same
// number and sort (item or list), each able to tell nulls and empty lists
// where the leaf's own layer is. It shares the leaf's memory where it can and
// holds its own reference to the values.
func Normalize(l Leaf, layers []Layer) (Leaf, error) {
	return Leaf{}, errors.New("normalize: being built")
}

// Check says whether a leaf is sound: known layers, levels in range and in a
// possible order, as many rows and values as the levels tell. The error is a
// *corrupt.Error with the given section.
func (l Leaf) Check(section string) error {
	return errors.New("check: being built")
}
