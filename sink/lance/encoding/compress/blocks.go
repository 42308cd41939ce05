package compress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// readBlock reads n items stored as one buffer instead of in chunks.
func readBlock(e *lancepb.CompressiveEncoding, s block.Shape, buf []byte, n int, x *Expanders) (block.Block, error) {
	b := block.NewBuilder(s, n, len(buf))
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_Flat:
		if s.Width == 0 || c.Flat.GetBitsPerValue() != uint64(s.Width) {
			return block.Block{}, misfit(e, s)
		}
		err := flatDecoder{width: s.Width}.Decode(b, [][]byte{buf}, n, block.All(n))
		return b.Block(), err
	case *lancepb.CompressiveEncoding_Variable:
		if s.Offsets == 0 {
			return block.Block{}, misfit(e, s)
		}
		err := readVariableBlock(b, buf, n)
		return b.Block(), err
	case *lancepb.CompressiveEncoding_General:
		if c.General.GetValues().GetGeneral() != nil {
			break
		}
		expander, err := x.Open(c.General.GetCompression(), maxDictionaryPage)
		if err != nil {
			return block.Block{}, err
		}
		plain, err := expander.Expand(buf)
		if err != nil {
			return block.Block{}, err
		}
		return readBlock(c.General.GetValues(), s, plain, n, x)
	case *lancepb.CompressiveEncoding_InlineBitpacking:
		if c.InlineBitpacking.GetUncompressedBitsPerValue() != uint64(s.Width) {
			return block.Block{}, misfit(e, s)
		}
		return readPackedBlock(b, e, buf, n)
	case *lancepb.CompressiveEncoding_OutOfLineBitpacking:
		if c.OutOfLineBitpacking.GetUncompressedBitsPerValue() != uint64(s.Width) {
			return block.Block{}, misfit(e, s)
		}
		return readPackedBlock(b, e, buf, n)
	case *lancepb.CompressiveEncoding_Rle:
		d, err := openRLE(e, s)
		if err != nil {
			return block.Block{}, err
		}
		values, lengths, err := splitRuns(buf, s.Width/8)
		if err == nil {
			err = d.Decode(b, [][]byte{values, lengths}, n, block.All(n))
		}
		return b.Block(), err
	}
	return block.Block{}, &UnsupportedError{Encoding: "blocks as " + Name(e)}
}

// readVariableBlock reads two words, the bits of an offset and the position of
// the bytes, then the offsets, from 0, then the bytes. The first word tells how
// long words are.
func readVariableBlock(b *block.Builder, buf []byte, n int) error {
	if len(buf) < 8 {
		return errors.New("a block of strings without its header")
	}
	width := int(buf[0]) / 8
	if buf[0] != 32 && buf[0] != 64 || buf[1]|buf[2]|buf[3] != 0 {
		return &UnsupportedError{Encoding: "blocks of strings without a word for the width"}
	}
	word := func(i int) uint64 {
		if width == 8 {
			return binary.LittleEndian.Uint64(buf[i*8:])
		}
		return uint64(binary.LittleEndian.Uint32(buf[i*4:]))
	}
	if n > len(buf)/width-3 {
		return fmt.Errorf("%d bytes cannot hold the offsets of %d strings", len(buf), n)
	}
	start := word(1)
	if start < uint64((n+3)*width) || start > uint64(len(buf)) {
		return errors.New("the bytes do not lie behind the offsets")
	}
	data := buf[start:]
	last := word(2)
	for i := range n {
		end := word(3 + i)
		if end < last || end > uint64(len(data)) {
			return fmt.Errorf("offset %d lies before the one before it or outside the block", i+1)
		}
		if err := b.AppendItem(data[last:end]); err != nil {
			return err
		}
		last = end
	}
	return nil
}

// splitRuns cuts a block of runs into the values, of size bytes each, and the
// lengths, a byte each: eight bytes say how long the values are.
func splitRuns(buf []byte, size int) (values, lengths []byte, err error) {
	if len(buf) == 0 {
		return nil, nil, nil
	}
	if len(buf) < 8 {
		return nil, nil, errors.New("a block of runs without its header")
	}
	length := binary.LittleEndian.Uint64(buf)
	if length > uint64(len(buf)-8) || length != uint64(size)*(uint64(len(buf)-8)-length) {
		return nil, nil, fmt.Errorf("a block of %d bytes with %d of run values", len(buf), length)
	}
	return buf[8 : 8+length], buf[8+length:], nil
}

// readPackedBlock reads items that are bit packed as one buffer.
func readPackedBlock(b *block.Builder, e *lancepb.CompressiveEncoding, buf []byte, n int) (block.Block, error) {
	var err error
	switch b.Shape().Width {
	case 8:
		err = unpackBlock[uint8](b, e, buf, n)
	case 16:
		err = unpackBlock[uint16](b, e, buf, n)
	case 32:
		err = unpackBlock[uint32](b, e, buf, n)
	case 64:
		err = unpackBlock[uint64](b, e, buf, n)
	default:
		err = misfit(e, b.Shape())
	}
	return b.Block(), err
}

// unpackBlock reads groups of 1,024 items without a word for their width, or
// one group with it. A tail that is not a group is plain where that makes the
// size.
func unpackBlock[T word](b *block.Builder, e *lancepb.CompressiveEncoding, buf []byte, n int) error {
	var d inlineDecoder[T]
	out := e.GetOutOfLineBitpacking()
	if out == nil {
		return d.Decode(b, [][]byte{buf}, n, block.All(n))
	}
	size := wordBits[T]() / 8
	width := out.GetValues().GetFlat().GetBitsPerValue()
	if width < 1 || width > uint64(wordBits[T]()) {
		return &UnsupportedError{Encoding: "blocks as " + Name(e)}
	}
	group := laneChunk / 8 * int(width)
	full, rest := n/laneChunk, n%laneChunk
	plain := len(buf) == full*group+rest*size
	if rest > 0 && !plain {
		full++
	}
	if len(buf) < full*group {
		return fmt.Errorf("%d bytes are too few for %d items of %d bits", len(buf), n, width)
	}
	for i := range full {
		words := d.packed[:group/size]
		copy(asBytes(words), buf[i*group:])
		unpackLanes(&d.values, words, int(width))
		k := min(n-i*laneChunk, laneChunk)
		b.AppendFixed(asBytes(d.values[:k]), k)
	}
	if plain {
		b.AppendFixed(buf[full*group:], rest)
	}
	return nil
}
