package layout

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// FullZip writes full-zip pages. It keeps its buffers between pages. Not safe
// for concurrent use.
type FullZip struct {
	data, index []byte
	starts      []int // where each row begins in data
	packed      []byte
}

// FullZipSafe reports whether every reader understands a leaf as full-zip.
// Some count nullable structs outside a list as if their nulls had value
// slots; for such leaves another layout is the better choice if there is one.
func FullZipSafe(leaf repdef.Leaf) bool {
	return repdef.MaxRep(leaf.Layers) == 0 || visibleOfItems(leaf.Layers) == repdef.MaxVisible(leaf.Layers)
}

// visibleOfItems is the largest visible level as a reader computes it that
// counts all item layers instead of those before the first list.
func visibleOfItems(layers []repdef.Layer) uint16 {
	n := 0
	for _, l := range layers {
		if !l.IsList() {
			n += l.Width()
		}
	}
	return uint16(n)
}

// control is the word before each level's value: both levels side by side.
type control struct {
	rep, def         []uint16
	bitsRep, bitsDef int
	bytes            int // 0, 1, 2 or 4
}

func newControl(leaf repdef.Leaf) control {
	c := control{
		rep: leaf.Rep, def: leaf.Def,
		bitsRep: repdef.Bits(repdef.MaxRep(leaf.Layers)),
		bitsDef: repdef.Bits(repdef.MaxDef(leaf.Layers)),
	}
	c.bytes = controlBytes(c.bitsRep + c.bitsDef)
	return c
}

func controlBytes(bits int) int {
	switch {
	case bits == 0:
		return 0
	case bits <= 8:
		return 1
	case bits <= 16:
		return 2
	default:
		return 4
	}
}

func (c *control) append(dst []byte, level int) []byte {
	word := uint32(0)
	if c.rep != nil {
		word = uint32(c.rep[level]) << c.bitsDef
	}
	if c.def != nil {
		word |= uint32(c.def[level])
	}
	switch c.bytes {
	case 1:
		dst = append(dst, byte(word))
	case 2:
		dst = binary.LittleEndian.AppendUint16(dst, uint16(word))
	case 4:
		dst = binary.LittleEndian.AppendUint32(dst, word)
	}
	return dst
}

// Write lays out a leaf whose values are b, of whole bytes each. Codec, unless
// nil, compresses each value that varies in length if the page gets smaller by
// it.
func (f *FullZip) Write(leaf repdef.Leaf, b block.Block, shape block.Shape, codec *compress.Codec) (Page, error) {
	levels := leaf.Levels()
	if uint64(levels) > math.MaxUint32 {
		return Page{}, fmt.Errorf("%d levels in one page", levels)
	}
	c := newControl(leaf)
	l := &lancepb.FullZipLayout{
		BitsRep:         uint32(c.bitsRep),
		BitsDef:         uint32(c.bitsDef),
		NumItems:        uint32(levels),
		NumVisibleItems: uint32(b.Items),
		Layers:          kinds(leaf.Layers),
	}
	page := Page{Layout: &lancepb.PageLayout{Layout: &lancepb.PageLayout_FullZip{FullZip: l}}}
	if b.Width > 0 {
		bits := b.Width + 8*compress.ValidityBytes(b, shape)
		l.Width = &lancepb.FullZipLayout_BitsPerValue{BitsPerValue: uint32(bits)}
		l.ValueCompression = compress.VectorEncoding(shape, b.Inner)
		page.Buffers = f.fixed(leaf, b, c, shape)
		return page, nil
	}
	l.Width = &lancepb.FullZipLayout_BitsPerOffset{BitsPerOffset: uint32(shape.Offsets)}
	l.ValueCompression = compress.VariableEncoding(shape.Offsets)
	if codec != nil {
		if err := f.variable(leaf, b, c, codec); err != nil {
			return Page{}, err
		}
		if len(f.data) < b.Bytes()+levels*(c.bytes+shape.Offsets/8) {
			l.ValueCompression = codec.Encoding(l.ValueCompression)
			page.Buffers = [][]byte{f.data, f.rowIndex()}
			return page, nil
		}
	}
	if err := f.variable(leaf, b, c, nil); err != nil {
		return Page{}, err
	}
	page.Buffers = [][]byte{f.data, f.rowIndex()}
	return page, nil
}

// fixed zips values of one width: each visible level is followed by its slot,
// null or not. Without levels the values are the page.
func (f *FullZip) fixed(leaf repdef.Leaf, b block.Block, c control, s block.Shape) [][]byte {
	if c.bytes == 0 && b.Inner == nil {
		return [][]byte{b.Data}
	}
	visible, maxRep := repdef.MaxVisible(leaf.Layers), repdef.MaxRep(leaf.Layers)
	f.data, f.starts = f.data[:0], f.starts[:0]
	item := 0
	for level := range leaf.Levels() {
		if c.rep != nil && c.rep[level] == maxRep {
			f.starts = append(f.starts, len(f.data))
		}
		f.data = c.append(f.data, level)
		if c.def == nil || c.def[level] <= visible || maxRep == 0 {
			f.data = append(compress.AppendValidity(f.data, b, s, item), b.Item(item)...)
			item++
		}
	}
	if maxRep == 0 {
		return [][]byte{f.data}
	}
	return [][]byte{f.data, f.rowIndex()}
}

// variable zips values that vary in length: each level that is present is
// followed by its length and its bytes; a null has neither.
func (f *FullZip) variable(leaf repdef.Leaf, b block.Block, c control, codec *compress.Codec) error {
	visible, maxRep := repdef.MaxVisible(leaf.Layers), repdef.MaxRep(leaf.Layers)
	f.data, f.starts = f.data[:0], f.starts[:0]
	item := 0
	for level := range leaf.Levels() {
		if c.rep == nil || c.rep[level] == maxRep {
			f.starts = append(f.starts, len(f.data))
		}
		f.data = c.append(f.data, level)
		if c.def != nil && c.def[level] != 0 {
			if c.def[level] <= visible || maxRep == 0 {
				item++
			}
			continue
		}
		value := b.Item(item)
		item++
		if codec != nil {
			var err error
			if f.packed, err = codec.Append(f.packed[:0], value); err != nil {
				return err
			}
			value = f.packed
		}
		if b.Offsets64 != nil {
			f.data = binary.LittleEndian.AppendUint64(f.data, uint64(len(value)))
		} else {
			f.data = binary.LittleEndian.AppendUint32(f.data, uint32(len(value)))
		}
		f.data = append(f.data, value...)
	}
	return nil
}

// rowIndex is where each row starts, and the end, in the smallest integers
// that hold them.
func (f *FullZip) rowIndex() []byte {
	f.index = f.index[:0]
	end := len(f.data)
	width := indexBytes(uint64(end))
	for _, start := range append(f.starts, end) {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], uint64(start))
		f.index = append(f.index, word[:width]...)
	}
	return f.index
}

func indexBytes(size uint64) int {
	switch {
	case size <= math.MaxUint8:
		return 1
	case size <= math.MaxUint16:
		return 2
	case size <= math.MaxUint32:
		return 4
	default:
		return 8
	}
}
