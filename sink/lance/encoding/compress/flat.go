package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// flat is items of a fixed width back to back; bits lowest first.
type flat struct {
	block block.Block
	dims  []int // fixed size lists around the numbers
}

// Flat writes a fixed block as it is. Dims are the lengths of the fixed size
// lists around its numbers, outermost first.
func Flat(b block.Block, dims []int) Chunked {
	return &flat{block: b, dims: dims}
}

func (f *flat) Encoding() *lancepb.CompressiveEncoding { return FlatEncoding(f.block.Width, f.dims) }

// FlatEncoding describes items of width bits, flattened from nested fixed size
// lists of the given lengths.
func FlatEncoding(width int, dims []int) *lancepb.CompressiveEncoding {
	if len(dims) > 0 {
		inner := FlatEncoding(width/dims[0], dims[1:])
		return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_FixedSizeList{
			FixedSizeList: &lancepb.FixedSizeList{ItemsPerValue: uint64(dims[0]), Values: inner},
		}}
	}
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Flat{
		Flat: &lancepb.Flat{BitsPerValue: uint64(width)},
	}}
}

// Unit keeps chunks of bits on whole bytes.
func (f *flat) Unit() int {
	if f.block.Width == 1 {
		return 8
	}
	return minUnit
}

func (f *flat) Fit(_, remain, room int) int {
	return min(remain, room*8/f.block.Width, MaxChunkItems)
}

func (f *flat) Append(dst []byte, item, n int) []byte {
	w := f.block.Width
	dst = append(dst, f.block.Data[item*w/8:(item*w+n*w+7)/8]...)
	if tail := n * w % 8; tail > 0 {
		dst[len(dst)-1] &= 1<<tail - 1 // what lies behind the last bit is whatever was in memory
	}
	return dst
}

// flatDecoder reads flat items, of bits or of whole bytes.
type flatDecoder struct{ width int }

func (flatDecoder) Buffers() int { return 1 }

func (d flatDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	data := bufs[0]
	if n > len(data)*8/d.width {
		return fmt.Errorf("%d bytes cannot hold %d items of %d bits", len(data), n, d.width)
	}
	for _, s := range want {
		if d.width == 1 {
			dst.AppendBits(data, s.From, s.Len())
		} else {
			dst.AppendFixed(data[s.From*d.width/8:s.To*d.width/8], s.Len())
		}
	}
	return nil
}
