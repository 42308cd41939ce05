package compress

import (
	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// vectors is fixed size lists some of whose numbers are null: the validity bits
// of the numbers of a chunk, then the numbers.
type vectors struct {
	flat
	numbers int // in one list
}

var _ Paired = (*vectors)(nil)

// VectorEncoding describes fixed size lists of the given lengths, outermost
// first, flattened to items of width bits, with or without validity bits of
// their numbers.
func VectorEncoding(width int, dims []int, validity bool) *lancepb.CompressiveEncoding {
	e := FlatEncoding(width, dims)
	if validity {
		e.GetFixedSizeList().HasValidity = true
	}
	return e
}

func newVectors(b block.Block, dims []int) *vectors {
	return &vectors{flat: flat{block: b, dims: dims}, numbers: dims[0]}
}

func (v *vectors) Encoding() *lancepb.CompressiveEncoding {
	return VectorEncoding(v.block.Width, v.dims, true)
}

// Fit leaves room for the padding between the two buffers.
func (v *vectors) Fit(_, remain, room int) int {
	return min(remain, (room-16)*8/(v.block.Width+v.numbers), MaxChunkItems)
}

func (v *vectors) Append(dst []byte, item, n int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (n*v.numbers+7)/8)...)
	bitutil.CopyBitmap(v.block.Inner, item*v.numbers, n*v.numbers, dst[at:], 0)
	return dst
}

func (v *vectors) AppendSecond(dst []byte, item, n int) []byte { return v.flat.Append(dst, item, n) }
