package compress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// LevelDecoder reads the level buffers of a page's chunks. Not safe for
// concurrent use.
type LevelDecoder struct {
	width    int // packed width out of line; 0 flat; -1 inline; -2 runs
	inline   inlineDecoder[uint16]
	expander *Expander // nil unless the buffers are compressed as a whole
}

// What stands in the place of a width.
const (
	inlineLevels = -1
	runLevels    = -2
)

// OpenLevels is the decoder that a page's description asks for; it works as
// long as x is open.
func OpenLevels(e *lancepb.CompressiveEncoding, x *Expanders) (*LevelDecoder, error) {
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_General:
		d, err := OpenLevels(c.General.GetValues(), x)
		if err != nil {
			return nil, err
		}
		if d.expander != nil {
			break
		}
		d.expander, err = x.Open(c.General.GetCompression(), maxChunkExpanded)
		return d, err
	case *lancepb.CompressiveEncoding_Rle:
		if c.Rle.GetValues().GetFlat().GetBitsPerValue() == levelBits && c.Rle.GetRunLengths().GetFlat().GetBitsPerValue() == 8 {
			return &LevelDecoder{width: runLevels}, nil
		}
	case *lancepb.CompressiveEncoding_Flat:
		if c.Flat.GetBitsPerValue() == levelBits {
			return &LevelDecoder{}, nil
		}
	case *lancepb.CompressiveEncoding_InlineBitpacking:
		if c.InlineBitpacking.GetUncompressedBitsPerValue() == levelBits {
			return &LevelDecoder{width: inlineLevels}, nil
		}
	case *lancepb.CompressiveEncoding_OutOfLineBitpacking:
		width := c.OutOfLineBitpacking.GetValues().GetFlat().GetBitsPerValue()
		if c.OutOfLineBitpacking.GetUncompressedBitsPerValue() == levelBits && width >= 1 && width <= levelBits {
			return &LevelDecoder{width: int(width)}, nil
		}
	}
	return nil, &UnsupportedError{Encoding: "levels as " + Name(e)}
}

// Append adds the n levels of one buffer: at most 65,535 in a chunk. It never
// allocates more than a fixed multiple of what the buffer expands to.
func (d *LevelDecoder) Append(dst []uint16, buf []byte, n int) ([]uint16, error) {
	if d.expander != nil {
		var err error
		if buf, err = d.expander.Expand(buf); err != nil {
			return nil, err
		}
	}
	switch d.width {
	case 0:
		return appendRawLevels(dst, buf, n)
	case runLevels:
		return appendRunLevels(dst, buf, n)
	case inlineLevels:
		values, err := d.inline.unpack(buf, n)
		return append(dst, values...), err
	}
	full, rest := n/laneChunk, n%laneChunk
	chunk := laneChunk * d.width / 8
	packed := full
	if rest > 0 && len(buf) != full*chunk+rest*2 {
		packed++
	}
	if len(buf) < packed*chunk {
		return nil, fmt.Errorf("%d bytes are too few for %d levels of %d bits", len(buf), n, d.width)
	}
	for i := range packed {
		words := d.inline.packed[:chunk/2]
		copy(asBytes(words), buf[i*chunk:])
		unpackLanes(&d.inline.values, words, d.width)
		dst = append(dst, d.inline.values[:min(n-i*laneChunk, laneChunk)]...)
	}
	if packed == full {
		return appendRawLevels(dst, buf[full*chunk:], rest)
	}
	return dst, nil
}

// appendRunLevels reads runs that are stored as one buffer.
func appendRunLevels(dst []uint16, buf []byte, n int) ([]uint16, error) {
	values, lengths, err := splitRuns(buf, levelBits/8)
	if err != nil {
		return nil, err
	}
	for i, length := range lengths {
		if int(length) > n {
			return nil, errors.New("the runs hold more levels than the buffer")
		}
		n -= int(length)
		level := binary.LittleEndian.Uint16(values[2*i:])
		for range length {
			dst = append(dst, level)
		}
	}
	if n > 0 {
		return nil, fmt.Errorf("the runs leave %d levels without a value", n)
	}
	return dst, nil
}

func appendRawLevels(dst []uint16, buf []byte, n int) ([]uint16, error) {
	if len(buf) < n*2 {
		return nil, fmt.Errorf("%d bytes are too few for %d raw levels", len(buf), n)
	}
	for i := range n {
		dst = append(dst, binary.LittleEndian.Uint16(buf[i*2:]))
	}
	return dst, nil
}
