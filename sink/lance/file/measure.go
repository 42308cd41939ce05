package file

import "github.com/apache/arrow/go/v17/arrow"

// ArrowBytes is what a column takes as Arrow data: values and offsets of exactly
// its rows, validity bits left aside. Pages are cut by it.
func ArrowBytes(arr arrow.Array) uint64 {
	return uint64(arrayBytes(arr.Data(), 0, arr.Len()))
}
