package compress

import (
	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// vectors is fixed size lists with nulls inside, or of bools. Its chunks are, for
// every depth of lists that has nulls, outermost first, the validity bits of the
// entries there, and then the numbers.
type vectors struct {
	block  block.Block
	shape  block.Shape
	depths []int // that have nulls
}

var _ Parted = (*vectors)(nil)

// Vectors writes fixed size lists, all that Flat does not: with nulls inside, or
// of bools.
func Vectors(b block.Block, s block.Shape) Chunked {
	v := &vectors{block: b, shape: s}
	for depth, valid := range b.Inner {
		if valid != nil {
			v.depths = append(v.depths, depth)
		}
	}
	return v
}

// VectorEncoding describes fixed size lists of a shape, with validity bits at the
// depths where there are some.
func VectorEncoding(s block.Shape, inner [][]byte) *lancepb.CompressiveEncoding {
	e := FlatEncoding(s.Stored(), s.Dims)
	list := e
	for _, valid := range inner {
		list.GetFixedSizeList().HasValidity = valid != nil
		list = list.GetFixedSizeList().GetValues()
	}
	return e
}

func (v *vectors) Encoding() *lancepb.CompressiveEncoding {
	return VectorEncoding(v.shape, v.block.Inner)
}

func (v *vectors) Buffers() int { return 1 + len(v.depths) }

// Unit keeps chunks of bits on whole bytes.
func (v *vectors) Unit() int {
	if v.shape.Stored()%8 != 0 {
		return 8
	}
	return minUnit
}

// Fit leaves room for the padding between the buffers.
func (v *vectors) Fit(_, remain, room int) int {
	bits := v.shape.Stored()
	for _, depth := range v.depths {
		bits += v.shape.Entries(depth)
	}
	return min(remain, (room-16*v.Buffers())*8/bits, MaxChunkItems)
}

func (v *vectors) Append(dst []byte, item, n int) []byte { return v.AppendPart(dst, 0, item, n) }

func (v *vectors) AppendPart(dst []byte, part, item, n int) []byte {
	if part < len(v.depths) {
		depth := v.depths[part]
		return appendValidity(dst, v.block.Inner[depth], item, n, v.shape.Entries(depth))
	}
	w := v.block.Width / 8
	data := v.block.Data[item*w : (item+n)*w]
	if v.shape.Bits {
		return block.AppendBits(dst, data)
	}
	return append(dst, data...)
}

// appendValidity adds the bits of n items from one on, each of per entries.
func appendValidity(dst, valid []byte, item, n, per int) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (n*per+7)/8)...)
	bitutil.CopyBitmap(valid, item*per, n*per, dst[at:], 0)
	return dst
}

// AppendValidity adds the validity bits inside one item, as full-zip pages have
// them before its numbers: whole bytes for every depth that has nulls.
func AppendValidity(dst []byte, b block.Block, s block.Shape, item int) []byte {
	for depth, valid := range b.Inner {
		if valid != nil {
			dst = appendValidity(dst, valid, item, 1, s.Entries(depth))
		}
	}
	return dst
}

// ValidityBytes is what AppendValidity adds.
func ValidityBytes(b block.Block, s block.Shape) int {
	n := 0
	for depth, valid := range b.Inner {
		if valid != nil {
			n += (s.Entries(depth) + 7) / 8
		}
	}
	return n
}
