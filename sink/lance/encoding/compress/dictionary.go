package compress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// maxDictionaryPage bounds what the items of one page come to: a few bits of
// index may name an item of any size.
const maxDictionaryPage = 1 << 30

// indexWidth is the bits of an index into a page's dictionary.
const indexWidth = 32

// Dictionary is the items that a page holds once, as it stores them.
type Dictionary struct {
	Encoding *lancepb.CompressiveEncoding
	Items    uint64
	Buffer   []byte
}

// dictionaryDecoder reads chunks of indices into a dictionary that the page
// holds once. This library does not write such pages.
type dictionaryDecoder struct {
	indices Decoder
	items   block.Block
}

// OpenDictionary is the decoder of a page whose chunks are indices, described
// by e, into a dictionary of items of a shape.
func OpenDictionary(e *lancepb.CompressiveEncoding, d Dictionary, s block.Shape, x *Expanders) (Decoder, error) {
	inner, err := Open(e, block.Shape{Width: indexWidth}, x)
	if err != nil {
		return nil, err
	}
	if d.Items > uint64(len(d.Buffer)) {
		return nil, fmt.Errorf("a dictionary of %d items in %d bytes", d.Items, len(d.Buffer))
	}
	b, err := readBlock(d.Encoding, s, d.Buffer, int(d.Items))
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	return &dictionaryDecoder{indices: inner, items: b}, nil
}

func (d *dictionaryDecoder) Buffers() int { return d.indices.Buffers() }

func (d *dictionaryDecoder) Decode(dst *block.Builder, bufs [][]byte, n int) error {
	picked := block.NewBuilder(block.Shape{Width: indexWidth}, min(n, MaxChunkItems), 4*MaxChunkItems)
	if err := d.indices.Decode(picked, bufs, n); err != nil {
		return err
	}
	indices := picked.Block()
	for i := range n {
		at := binary.LittleEndian.Uint32(indices.Item(i))
		if uint64(at) >= uint64(d.items.Items) {
			return fmt.Errorf("item %d of a dictionary of %d", at, d.items.Items)
		}
		item := d.items.Item(int(at))
		if dst.Bytes()+len(item) > maxDictionaryPage {
			return fmt.Errorf("the page expands to more than %d bytes", maxDictionaryPage)
		}
		if d.items.Width > 0 {
			dst.AppendFixed(item, 1)
		} else if err := dst.AppendItem(item); err != nil {
			return err
		}
	}
	return nil
}

// readBlock reads n items stored as one buffer instead of in chunks.
func readBlock(e *lancepb.CompressiveEncoding, s block.Shape, buf []byte, n int) (block.Block, error) {
	b := block.NewBuilder(s, n, len(buf))
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_Flat:
		if s.Width < 8 || c.Flat.GetBitsPerValue() != uint64(s.Width) {
			return block.Block{}, misfit(e, s)
		}
		err := flatDecoder{width: s.Width}.Decode(b, [][]byte{buf}, n)
		return b.Block(), err
	case *lancepb.CompressiveEncoding_Variable:
		if s.Offsets == 0 {
			return block.Block{}, misfit(e, s)
		}
		err := readVariableBlock(b, buf, n)
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
