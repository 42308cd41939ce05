package compress

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// levelBits is the size of a level in memory and in Flat buffers.
const levelBits = 16

// Levels writes repetition or definition levels: Flat, or bit packed out of
// line (the width is in the page's description) where a page has enough
// levels for that to pay. Not safe for concurrent use.
type Levels struct {
	width  int // bits of the largest level, or 0 for Flat
	values [laneChunk]uint16
	packed [laneChunk]uint16
}

// Reset makes it ready for a page of count levels, none above largest.
func (l *Levels) Reset(count int, largest uint16) {
	l.width = 0
	if count >= laneChunk {
		l.width = max(bits.Len16(largest), 1)
	}
}

// Encoding describes the scheme chosen.
func (l *Levels) Encoding() *lancepb.CompressiveEncoding {
	if l.width == 0 {
		return FlatEncoding(levelBits, nil)
	}
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_OutOfLineBitpacking{
		OutOfLineBitpacking: &lancepb.OutOfLineBitpacking{
			UncompressedBitsPerValue: levelBits,
			Values:                   FlatEncoding(l.width, nil),
		},
	}}
}

// Size is the bytes of n levels.
func (l *Levels) Size(n int) int {
	if l.width == 0 {
		return n * 2
	}
	full, rest := n/laneChunk, n%laneChunk
	size := full * l.width * laneChunk / 8
	if rest == 0 {
		return size
	}
	if l.packTail(rest) {
		return size + l.width*laneChunk/8
	}
	return size + rest*2
}

// Fit is the most levels, never more than 65,535, that fit into room bytes
// whatever their number.
func (l *Levels) Fit(room int) int {
	if l.width == 0 {
		return min(room/2, 1<<16-1)
	}
	// A tail takes at most what a packed chunk takes.
	return min(room/(l.width*laneChunk/8)*laneChunk, 1<<16-1)
}

// packTail decides as the reference does, so that the reader can tell from the
// size alone whether the tail is packed or raw.
func (l *Levels) packTail(rest int) bool {
	return l.width*(laneChunk-rest) < (levelBits-l.width)*rest
}

// Append adds one buffer with the levels of a chunk.
func (l *Levels) Append(dst []byte, levels []uint16) []byte {
	for l.width > 0 && len(levels) >= laneChunk {
		dst = l.appendPacked(dst, levels[:laneChunk])
		levels = levels[laneChunk:]
	}
	if l.width > 0 && len(levels) > 0 && l.packTail(len(levels)) {
		return l.appendPacked(dst, levels)
	}
	return append(dst, asBytes(levels)...)
}

func (l *Levels) appendPacked(dst []byte, levels []uint16) []byte {
	copy(l.values[:], levels)
	clear(l.values[len(levels):])
	packed := l.packed[:laneChunk*l.width/levelBits]
	clear(packed)
	packLanes(packed, &l.values, l.width)
	return append(dst, asBytes(packed)...)
}

// LevelDecoder reads the level buffers of a page's chunks. Not safe for
// concurrent use.
type LevelDecoder struct {
	width  int // packed width out of line; 0 flat; -1 inline
	inline inlineDecoder[uint16]
}

// OpenLevels is the decoder that a page's description asks for.
func OpenLevels(e *lancepb.CompressiveEncoding) (*LevelDecoder, error) {
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_Flat:
		if c.Flat.GetBitsPerValue() == levelBits {
			return &LevelDecoder{}, nil
		}
	case *lancepb.CompressiveEncoding_InlineBitpacking:
		if c.InlineBitpacking.GetUncompressedBitsPerValue() == levelBits {
			return &LevelDecoder{width: -1}, nil
		}
	case *lancepb.CompressiveEncoding_OutOfLineBitpacking:
		width := c.OutOfLineBitpacking.GetValues().GetFlat().GetBitsPerValue()
		if c.OutOfLineBitpacking.GetUncompressedBitsPerValue() == levelBits && width >= 1 && width <= levelBits {
			return &LevelDecoder{width: int(width)}, nil
		}
	}
	return nil, &UnsupportedError{Encoding: "levels as " + Name(e)}
}

// Append adds the n levels of one chunk's buffer; n is at most 65,535.
func (d *LevelDecoder) Append(dst []uint16, buf []byte, n int) ([]uint16, error) {
	switch d.width {
	case 0:
		return appendRawLevels(dst, buf, n)
	case -1:
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

func appendRawLevels(dst []uint16, buf []byte, n int) ([]uint16, error) {
	if len(buf) < n*2 {
		return nil, fmt.Errorf("%d bytes are too few for %d raw levels", len(buf), n)
	}
	for i := range n {
		dst = append(dst, binary.LittleEndian.Uint16(buf[i*2:]))
	}
	return dst, nil
}
