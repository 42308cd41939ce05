package compress

import (
	"fmt"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// maxDictionaryPage bounds what the items of one page come to: a few bits of
// index may name an item of any size.
const maxDictionaryPage = 1 << 30

// maxDictionaryItems bounds the items of a page's dictionary; real ones stay
// below 2^20.
const maxDictionaryItems = 1 << 28

// indexWidth is the bits of an index into a page's dictionary.
const indexWidth = 32

// Dictionary is the items that a page holds once, as it stores them.
type Dictionary struct {
	Encoding *lancepb.CompressiveEncoding
	Items    uint64
	Buffer   []byte
}

// Compress is the dictionary under General, if that makes it smaller. Its buffer
// is then one with dst's memory, which is returned for the next call.
func (d Dictionary) Compress(c *Codec, dst []byte) (Dictionary, []byte, error) {
	out, err := c.Append(dst[:0], d.Buffer)
	if err != nil || len(out) >= len(d.Buffer) {
		return d, out, err
	}
	d.Encoding, d.Buffer = c.Encoding(d.Encoding), out
	return d, out, nil
}

// indexed is chunks of indices with their dictionary.
type indexed struct {
	Chunked
	dictionary Dictionary
}

// partedIndexed is the same over indices in several buffers.
type partedIndexed struct {
	Parted
	dictionary Dictionary
}

// WithDictionary joins a writer of indices and the dictionary they refer to.
func WithDictionary(indices Chunked, d Dictionary) Indexed {
	if p, ok := indices.(Parted); ok {
		return &partedIndexed{Parted: p, dictionary: d}
	}
	return &indexed{Chunked: indices, dictionary: d}
}

func (i *indexed) Dictionary() Dictionary       { return i.dictionary }
func (i *partedIndexed) Dictionary() Dictionary { return i.dictionary }

// dictionaryDecoder reads chunks of indices into a dictionary that the page
// holds once.
type dictionaryDecoder struct {
	indices Decoder
	items   block.Block
	picked  *block.Builder // the indices of one chunk
	text    []byte
	ends    []int
}

// shortItem is the size up to which items are copied as if they had just that: one
// move instead of a call. Behind the last item of a dictionary lies as much.
const shortItem = 16

// OpenDictionary is the decoder of a page whose chunks are indices, described
// by e, into a dictionary of items of a shape.
func OpenDictionary(e *lancepb.CompressiveEncoding, d Dictionary, s block.Shape, x *Expanders) (Decoder, error) {
	inner, err := Open(e, block.Shape{Width: indexWidth}, x)
	if err != nil {
		return nil, err
	}
	b, err := d.Read(s, x)
	if err != nil {
		return nil, err
	}
	if b.Width == 1 {
		return nil, misfit(d.Encoding, s)
	}
	b.Data = append(b.Data, make([]byte, shortItem)...)
	picked := block.NewBuilder(block.Shape{Width: indexWidth}, 0, 0)
	return &dictionaryDecoder{indices: inner, items: b, picked: picked}, nil
}

// Read is the items, of a shape.
func (d Dictionary) Read(s block.Shape, x *Expanders) (block.Block, error) {
	if d.Items > maxDictionaryItems {
		return block.Block{}, fmt.Errorf("a dictionary of %d items", d.Items)
	}
	b, err := readBlock(d.Encoding, s, d.Buffer, int(d.Items), x)
	if err != nil {
		return block.Block{}, fmt.Errorf("dictionary: %w", err)
	}
	return b, nil
}

func (d *dictionaryDecoder) Buffers() int { return d.indices.Buffers() }

func (d *dictionaryDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	d.picked.Reset()
	if err := d.indices.Decode(d.picked, bufs, n, want); err != nil {
		return err
	}
	picked := d.picked.Block()
	indices := wordsOf[uint32](picked.Data)
	for _, at := range indices {
		if uint64(at) >= uint64(d.items.Items) {
			return fmt.Errorf("item %d of a dictionary of %d", at, d.items.Items)
		}
	}
	if d.items.Width > 0 {
		return d.fixed(dst, indices)
	}
	d.ends = slices.Grow(d.ends[:0], len(indices))[:len(indices)]
	var text []byte
	var ok bool
	if d.items.Offsets64 != nil {
		text, ok = lookUp(dst.Text(), d.ends, d.items.Data, d.items.Offsets64, indices)
	} else {
		text, ok = lookUp(dst.Text(), d.ends, d.items.Data, d.items.Offsets32, indices)
	}
	if !ok {
		return errTooMuch
	}
	return dst.AppendText(text, d.ends)
}

// errTooMuch says that indices name more than a page may hold.
var errTooMuch = fmt.Errorf("the page expands to more than %d bytes", maxDictionaryPage)

// fixed adds items of one width.
func (d *dictionaryDecoder) fixed(dst *block.Builder, indices []uint32) error {
	width := d.items.Width / 8
	if dst.Bytes()+len(indices)*width > maxDictionaryPage {
		return errTooMuch
	}
	d.text = d.text[:0]
	for _, at := range indices {
		d.text = append(d.text, d.items.Data[int(at)*width:][:width]...)
	}
	dst.AppendFixed(d.text, len(indices))
	return nil
}

// lookUp appends items that vary in length and leaves in ends where each ends; false
// if that becomes too much.
func lookUp[O int32 | int64](text []byte, ends []int, items []byte, offsets []O, indices []uint32) ([]byte, bool) {
	for i, index := range indices {
		item := items[offsets[index]:offsets[index+1]]
		at := len(text)
		if at+len(item) > maxDictionaryPage {
			return nil, false
		}
		if len(item) <= shortItem && cap(text)-at >= shortItem {
			*(*[shortItem]byte)(text[at : at+shortItem]) = *(*[shortItem]byte)(item[:shortItem])
			text = text[:at+len(item)]
		} else {
			text = append(text, item...)
		}
		ends[i] = len(text)
	}
	return text, true
}
