package layout

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// mostInline is the most bytes of a value that a page's description holds.
const mostInline = 32

// Constant writes pages without values of their own. It keeps its buffers
// between pages. Not safe for concurrent use.
type Constant struct {
	Grammar    Grammar // of the file version
	levels     compress.Levels
	scalar     []byte
	reps, defs []byte
}

// AllNull lays out a leaf that AllNull holds for. From 2.2 on its levels are
// compressed where that makes them smaller.
func (c *Constant) AllNull(leaf repdef.Leaf) Page {
	l := &lancepb.ConstantLayout{Layers: kinds(leaf.Layers)}
	p := Page{Layout: &lancepb.PageLayout{Layout: &lancepb.PageLayout_Constant{Constant: l}}}
	if simple(leaf.Layers) {
		return p
	}
	if c.Grammar == Narrow {
		p.Buffers = c.plainLevels(leaf)
		return p
	}
	c.reps, l.RepCompression, l.NumRepValues = c.compress(c.reps, leaf.Rep, repdef.MaxRep(leaf.Layers))
	c.defs, l.DefCompression, l.NumDefValues = c.compress(c.defs, leaf.Def, repdef.MaxDef(leaf.Layers))
	p.Buffers = [][]byte{c.reps, c.defs}
	return p
}

// Write lays out a leaf all of whose values are the same, nulls aside; false if
// they are not, or if readers know no such page of its type. The levels stay as
// they are: with a value, readers know no other.
func (c *Constant) Write(leaf repdef.Leaf, b block.Block, s block.Shape) (Page, bool) {
	if c.Grammar == Narrow || len(s.Dims) > 0 || s.Null {
		return Page{}, false
	}
	item, ok := sameItem(leaf, b)
	if !ok {
		return Page{}, false
	}
	l := &lancepb.ConstantLayout{Layers: kinds(leaf.Layers)}
	p := Page{Layout: &lancepb.PageLayout{Layout: &lancepb.PageLayout_Constant{Constant: l}}}
	switch {
	case b.Width == 1:
		l.InlineValue = []byte{b.Data[item/8] >> (item % 8) & 1}
	case b.Width > 0 && b.Width/8 <= mostInline:
		l.InlineValue = bytes.Clone(b.Item(item))
	case len(b.Item(item)) > math.MaxInt32:
		return Page{}, false
	default:
		c.scalar = appendScalar(c.scalar[:0], b.Item(item), s)
		p.Buffers = [][]byte{c.scalar}
	}
	if leaf.Rep != nil || leaf.Def != nil {
		p.Buffers = append(p.Buffers, c.plainLevels(leaf)...)
	}
	return p, true
}

// appendScalar is the reverse of parseScalar.
func appendScalar(dst, item []byte, s block.Shape) []byte {
	word := binary.LittleEndian.AppendUint32
	size := uint32(len(item))
	switch s.Offsets {
	case 32:
		dst = word(word(word(dst, 2), 8), size)
		dst = word(word(dst, 0), size)
	case 64:
		dst = word(word(word(dst, 2), 16), size)
		dst = word(word(word(word(dst, 0), 0), size), 0)
	default:
		dst = word(word(dst, 1), size)
	}
	return append(dst, item...)
}

// plainLevels are both kinds of levels as they are.
func (c *Constant) plainLevels(leaf repdef.Leaf) [][]byte {
	c.reps = appendLevels(c.reps[:0], leaf.Rep)
	c.defs = appendLevels(c.defs[:0], leaf.Def)
	return [][]byte{c.reps, c.defs}
}

// compress writes levels as one block.
func (c *Constant) compress(dst []byte, levels []uint16, largest uint16) ([]byte, *lancepb.CompressiveEncoding, uint64) {
	if levels == nil {
		return dst[:0], nil, 0
	}
	c.levels.Reset(levels, largest, true)
	return c.levels.Append(dst[:0], levels), c.levels.Encoding(), uint64(len(levels))
}

// sameItem finds an item that all valid items are equal to; there is a valid one.
func sameItem(leaf repdef.Leaf, b block.Block) (item int, ok bool) {
	if leaf.Def == nil {
		return 0, allSame(b)
	}
	visible := repdef.MaxVisible(leaf.Layers)
	item = -1
	next := 0
	for _, d := range leaf.Def {
		if d > visible {
			continue
		}
		switch {
		case d > 0:
		case item < 0:
			item = next
		case !equalItems(b, item, next):
			return 0, false
		}
		next++
	}
	return item, item >= 0
}

func equalItems(b block.Block, i, k int) bool {
	if b.Width == 1 {
		return bitutil.BitIsSet(b.Data, i) == bitutil.BitIsSet(b.Data, k)
	}
	return bytes.Equal(b.Item(i), b.Item(k))
}

// allSame reports whether all items are equal.
func allSame(b block.Block) bool {
	switch {
	case b.Width == 1:
		set := bitutil.CountSetBits(b.Data, 0, b.Items)
		return set == 0 || set == b.Items
	case b.Width > 0:
		w := b.Width / 8
		data := b.Data[:b.Items*w]
		return bytes.Equal(data[w:], data[:len(data)-w])
	}
	for i := 1; i < b.Items; i++ {
		if !bytes.Equal(b.Item(0), b.Item(i)) {
			return false
		}
	}
	return true
}
