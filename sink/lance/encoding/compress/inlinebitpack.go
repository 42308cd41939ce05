package compress

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// inlineBitpack packs chunks of exactly 1,024 items (the last padded with
// zeros) to the bits that the largest of each needs: one word with that
// width, then the packed words. Items count as unsigned, so one negative
// number makes its chunk as wide as the type.
type inlineBitpack[T word] struct {
	block  block.Block
	values [laneChunk]T
	packed [laneChunk + 1]T
}

// InlineBitpacking packs a fixed block of 8, 16, 32 or 64 bits, and tells the
// bytes that takes; nil if the block is of another width, or if packing would
// not make it smaller.
func InlineBitpacking(b block.Block) (Chunked, int) {
	switch b.Width {
	case 8:
		return tryInlineBitpack[uint8](b)
	case 16:
		return tryInlineBitpack[uint16](b)
	case 32:
		return tryInlineBitpack[uint32](b)
	case 64:
		return tryInlineBitpack[uint64](b)
	}
	return nil, 0
}

func tryInlineBitpack[T word](b block.Block) (Chunked, int) {
	if len(b.Data) <= inlineSize[T](1) && slices.ContainsFunc(b.Data, func(v byte) bool { return v != 0 }) {
		return nil, 0 // not even one bit a value is less
	}
	p := &inlineBitpack[T]{block: b}
	size := 0
	for item := 0; item < b.Items; item += laneChunk {
		n := p.load(item, min(b.Items-item, laneChunk))
		size += inlineSize[T](p.width(n))
		if size >= len(b.Data) {
			return nil, 0
		}
	}
	return p, size
}

// load copies items to where they are aligned and pads them with zeros.
func (p *inlineBitpack[T]) load(item, n int) int {
	w := wordBits[T]() / 8
	copy(asBytes(p.values[:n]), p.block.Data[item*w:(item+n)*w])
	clear(p.values[n:])
	return n
}

func (p *inlineBitpack[T]) width(n int) int {
	return bits.Len64(uint64(union(p.values[:n])))
}

// inlineSize is what a chunk of that width takes, in bytes.
func inlineSize[T word](width int) int {
	return wordBits[T]()/8 + laneChunk/8*width
}

func (p *inlineBitpack[T]) Encoding() *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_InlineBitpacking{
		InlineBitpacking: &lancepb.InlineBitpacking{UncompressedBitsPerValue: uint64(wordBits[T]())},
	}}
}

func (p *inlineBitpack[T]) Unit() int { return laneChunk }

func (p *inlineBitpack[T]) Fit(_, remain, room int) int {
	if inlineSize[T](wordBits[T]()) > room {
		return 0
	}
	return min(remain, laneChunk)
}

func (p *inlineBitpack[T]) Append(dst []byte, item, n int) []byte {
	width := p.width(p.load(item, n))
	words := laneChunk * width / wordBits[T]()
	packed := p.packed[:1+words]
	clear(packed)
	packed[0] = T(width)
	packLanes(packed[1:], &p.values, width)
	return append(dst, asBytes(packed)...)
}

// inlineDecoder reads chunks of inline bit packing.
type inlineDecoder[T word] struct {
	packed [laneChunk]T
	values [laneChunk]T
}

func newInlineDecoder(width int) (Decoder, bool) {
	switch width {
	case 8:
		return &inlineDecoder[uint8]{}, true
	case 16:
		return &inlineDecoder[uint16]{}, true
	case 32:
		return &inlineDecoder[uint32]{}, true
	case 64:
		return &inlineDecoder[uint64]{}, true
	}
	return nil, false
}

func (*inlineDecoder[T]) Buffers() int { return 1 }

func (d *inlineDecoder[T]) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	values, err := d.unpack(bufs[0], n)
	if err != nil {
		return err
	}
	for _, s := range want {
		dst.AppendFixed(asBytes(values[s.From:s.To]), s.Len())
	}
	return nil
}

// unpack is the n values of a chunk, valid until the next call.
func (d *inlineDecoder[T]) unpack(buf []byte, n int) ([]T, error) {
	if n > laneChunk {
		return nil, fmt.Errorf("%d items in a bit packed chunk, which holds at most %d", n, laneChunk)
	}
	header := wordBits[T]() / 8
	if len(buf) < header {
		return nil, fmt.Errorf("%d bytes are too few for a bit packed chunk", len(buf))
	}
	copy(asBytes(d.packed[:1]), buf)
	width := uint64(d.packed[0])
	if width > uint64(wordBits[T]()) {
		return nil, fmt.Errorf("a bit width of %d in a chunk of %d bit words", width, wordBits[T]())
	}
	words := laneChunk * int(width) / wordBits[T]()
	if len(buf)-header < words*header {
		return nil, fmt.Errorf("%d bytes are too few for %d bits per item", len(buf), width)
	}
	packed, ok := aligned[T](buf[header:][:words*header])
	if !ok {
		packed = d.packed[:words]
		copy(asBytes(packed), buf[header:])
	}
	unpackLanes(&d.values, packed, int(width))
	return d.values[:n], nil
}
