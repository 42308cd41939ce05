package file

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow/memory"
)

// mostKept is how many bytes a recycler keeps: what one page of the usual size takes,
// twice.
const mostKept = 2 * DefaultPageBytes

// mostWaste is how many times as much memory may be handed out as is asked for.
const mostWaste = 4

// bufferGrain is what Arrow rounds the size of buffers up to.
const bufferGrain = 64

// recycler is an allocator for the arrays that are made of a page while it is written:
// what they give back serves the next page. Pages are all about as large, and fresh
// memory costs more than what is copied into it. Not safe for concurrent use.
type recycler struct {
	free [][]byte
	kept int // bytes of those
}

var _ memory.Allocator = (*recycler)(nil)

// Allocate is memory of any content but zeros at the end: there lie bits of a bitmap
// that nobody sets, and they go to the file with the others.
func (r *recycler) Allocate(size int) []byte {
	best := -1
	for i, b := range r.free {
		if cap(b) >= size && cap(b) <= mostWaste*size && (best < 0 || cap(b) < cap(r.free[best])) {
			best = i
		}
	}
	if best < 0 {
		// Rounded up by a quarter at most, so that it serves a page a bit larger too.
		grain := max(1<<bits.Len(uint(size))/8, 64)
		return memory.DefaultAllocator.Allocate((size + grain - 1) / grain * grain)[:size]
	}
	b := r.free[best]
	last := len(r.free) - 1
	r.free[best], r.free[last] = r.free[last], nil
	r.free = r.free[:last]
	r.kept -= cap(b)
	b = b[:size]
	clear(b[max(size-bufferGrain, 0):])
	return b
}

// Reallocate is Allocate with the content of b.
func (r *recycler) Reallocate(size int, b []byte) []byte {
	if cap(b) >= size {
		return b[:size]
	}
	bigger := r.Allocate(size)
	copy(bigger, b)
	r.Free(b)
	return bigger
}

// Free takes memory back.
func (r *recycler) Free(b []byte) {
	if cap(b) == 0 || r.kept+cap(b) > mostKept {
		return
	}
	r.free = append(r.free, b)
	r.kept += cap(b)
}
