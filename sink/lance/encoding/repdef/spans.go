package repdef

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// span is the entries [from, to) of an array.
type span struct{ from, to int }

// spans are entries of an array, in order; neighbours are joined, so that
// ordinary arrays need one.
type spans []span

// add appends a span.
func (s spans) add(next span) spans {
	if n := len(s); n > 0 && s[n-1].to == next.from {
		s[n-1].to = next.to
		return s
	}
	return append(s, next)
}

// gather is an array of just these entries of arr: arr itself, a slice of it,
// or a copy where something lies in between. The caller gets a reference.
func (s spans) gather(arr arrow.Array, mem memory.Allocator) (arrow.Array, error) {
	if len(s) == 0 {
		return array.NewSlice(arr, 0, 0), nil
	}
	if len(s) == 1 && s[0] == (span{0, arr.Len()}) {
		arr.Retain()
		return arr, nil
	}
	parts := make([]arrow.Array, len(s))
	for i, sp := range s {
		parts[i] = array.NewSlice(arr, int64(sp.from), int64(sp.to))
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	defer releaseAll(parts)
	return array.Concatenate(parts, mem)
}

// releaseAll gives up a reference of each array.
func releaseAll(arrs []arrow.Array) {
	for _, a := range arrs {
		a.Release()
	}
}
