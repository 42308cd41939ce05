package compress

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// variablePad fills a variable chunk up to a whole offset, which readers
// demand. Its value is free; this one is the format's usual pad byte.
const variablePad = 0x48

// variable is, per chunk, n+1 offsets relative to the start of the buffer
// (the first is therefore their own size), the bytes, and padding to a whole
// offset that counts in the buffer's size.
type variable[O int32 | int64] struct {
	data    []byte
	offsets []O
	width   int // bytes of one offset
}

// Variable writes a block of items that vary in length.
func Variable(b block.Block) Chunked {
	if b.Offsets64 != nil {
		return &variable[int64]{data: b.Data, offsets: b.Offsets64, width: 8}
	}
	return &variable[int32]{data: b.Data, offsets: b.Offsets32, width: 4}
}

func (v *variable[O]) Encoding() *lancepb.CompressiveEncoding { return VariableEncoding(v.width * 8) }

// VariableEncoding describes items that vary in length, with plain offsets of
// the given bits.
func VariableEncoding(bits int) *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Variable{
		Variable: &lancepb.Variable{Offsets: FlatEncoding(bits, nil)},
	}}
}

// size is the buffer size of n items from item on.
func (v *variable[O]) size(item, n int) int {
	bytes := (n+1)*v.width + int(v.offsets[item+n]-v.offsets[item])
	return (bytes + v.width - 1) / v.width * v.width
}

func (v *variable[O]) Unit() int { return minUnit }

func (v *variable[O]) Fit(item, remain, room int) int {
	most := min(remain, MaxChunkItems)
	if v.size(item, most) <= room {
		return most
	}
	n := 1
	for n < most && v.size(item, n) <= room {
		n *= 2
	}
	for n > 0 && v.size(item, min(n, most)) > room {
		n /= 2
	}
	return min(n, most)
}

func (v *variable[O]) Append(dst []byte, item, n int) []byte {
	start := len(dst)
	shift := O((n+1)*v.width) - v.offsets[item]
	if v.width == 4 {
		for _, o := range v.offsets[item : item+n+1] {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(o+shift))
		}
	} else {
		for _, o := range v.offsets[item : item+n+1] {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(o+shift))
		}
	}
	dst = append(dst, v.data[v.offsets[item]:v.offsets[item+n]]...)
	for (len(dst)-start)%v.width != 0 {
		dst = append(dst, variablePad)
	}
	return dst
}

// variableDecoder reads chunks of items that vary in length.
type variableDecoder struct {
	width int   // bytes of one offset
	ends  []int // reused between chunks
}

func (*variableDecoder) Buffers() int { return 1 }

func (d *variableDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	for _, s := range want {
		data, err := d.parse(bufs[0], n, s)
		if err != nil {
			return err
		}
		if err := dst.AppendItems(data, d.ends); err != nil {
			return err
		}
	}
	return nil
}

// parse is the bytes of some of the n items of a chunk, and leaves in d.ends where
// each of them ends in those.
func (d *variableDecoder) parse(buf []byte, n int, want block.Span) ([]byte, error) {
	if n >= len(buf)/d.width {
		return nil, fmt.Errorf("%d bytes cannot hold the offsets of %d items", len(buf), n)
	}
	first := d.offset(buf, want.From)
	if first < uint64((n+1)*d.width) || first > uint64(len(buf)) {
		return nil, fmt.Errorf("offset %d does not lie behind the offsets", want.From)
	}
	d.ends = slices.Grow(d.ends[:0], want.Len())[:want.Len()]
	last := first
	for i := range d.ends {
		end := d.offset(buf, want.From+1+i)
		if end < last || end > uint64(len(buf)) {
			return nil, fmt.Errorf("offset %d lies before the one before it or outside the chunk", want.From+1+i)
		}
		d.ends[i] = int(end - first)
		last = end
	}
	return buf[first:last], nil
}

func (d *variableDecoder) offset(buf []byte, i int) uint64 {
	if d.width == 8 {
		return binary.LittleEndian.Uint64(buf[i*8:])
	}
	return uint64(binary.LittleEndian.Uint32(buf[i*4:]))
}
