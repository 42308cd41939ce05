package repdef

import (
	"errors"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Unshred is the reverse of Shred: it builds the array of a field from all
// its leaves, in the pre-order of the column-bearing fields, each with the
// same rows. The layers of the leaves need not be alike, but what two leaves
// say about a list or struct above both has to agree. The leaves are borrowed;
// the array holds its own references. Leaves come from stored bytes: levels
// out of range, lengths that do not add up, leaves that disagree and nulls in
// a field that has none are a *corrupt.Error.
func Unshred(field arrow.Field, leaves []Leaf, mem memory.Allocator) (arrow.Array, error) {
	return nil, errors.New("unshred: being built")
}
