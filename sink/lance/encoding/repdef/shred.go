package repdef

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Shred takes an array apart into the leaves below it, in the pre-order of
// the column-bearing fields. The kinds of the layers follow from the data:
// what no row needs takes no level. A flat array without nulls is its own
// Values and costs nothing. What Arrow allows to lie behind a null list or
// struct vanishes. Each leaf holds its own reference to its values; mem is
// used only where values have to be moved together. The error names an Arrow
// type that has no levels (map, union, views, a struct without members).
func Shred(arr arrow.Array, mem memory.Allocator) ([]Leaf, error) {
	return nil, errors.New("shred: being built")
}
