package decode

import (
	"encoding/binary"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// A column of a dictionary type has the number of an entry in each slot. The entries
// are those of the whole batch, each once, in the order of their appearance, whatever
// dictionaries the messages had.

func (c *column) makeEntries(t *arrow.DictionaryType) {
	c.items = &level{}
	c.item = &column{parent: c, lv: c.items, typ: t.ValueType, required: true}
	c.item.kind, c.item.width = kindOf(t.ValueType)
	if c.item.kind.hasOffsets() {
		c.item.offs = []int32{0}
	}
}

// maxEntries is how many entries the numbers of a dictionary type can tell apart.
func maxEntries(t *arrow.DictionaryType) int {
	bits := t.IndexType.(arrow.FixedWidthDataType).BitWidth()
	if arrow.IsSignedInteger(t.IndexType.ID()) {
		bits--
	}
	if bits >= 31 {
		return math.MaxInt32
	}
	return 1 << bits
}

// entry returns the number of the entry with the bytes v, a new one if need be.
func (b *Batch) entry(c *column, v []byte) (int32, *Reject) {
	if i, ok := c.entries[string(v)]; ok {
		return i, nil
	}
	i := c.items.slots
	if limit := maxEntries(c.typ.(*arrow.DictionaryType)); i >= limit {
		return 0, overflow("field %s: more than the %d values in one batch that %s can tell apart", c.path(), limit, c.typeName())
	}
	if len(c.item.buf)+len(v) > math.MaxInt32 {
		return 0, overflow("field %s: more than 2 GiB of entries in one batch", c.path())
	}
	if c.grown != b.serial {
		c.grown = b.serial
		b.log = append(b.log, change{c: c, op: opGrown, n: i})
	}
	if c.entries == nil {
		c.entries = make(map[string]int32)
	}
	c.entries[string(v)] = int32(i)
	c.item.putBytes(v)
	c.items.slots++
	b.bits += 8 * len(v)
	if c.item.kind.hasOffsets() {
		b.bits += 32
	}
	return int32(i), b.checkSize()
}

// putBytes appends a value that is given as its bytes to a column without nulls.
func (c *column) putBytes(v []byte) {
	switch {
	case c.kind.hasOffsets():
		c.buf = append(c.buf, v...)
		c.offs = append(c.offs, int32(len(c.buf)))
	case c.width == 64:
		c.words = append(c.words, binary.NativeEndian.Uint64(v))
	default:
		c.buf = append(c.buf, v...)
	}
	c.n++
}

// bytesAt is what putBytes appended for slot i.
func (c *column) bytesAt(i int) []byte {
	switch {
	case c.kind.hasOffsets():
		return c.buf[c.offs[i]:c.offs[i+1]]
	case c.width == 64:
		return binary.NativeEndian.AppendUint64(nil, c.words[i])
	default:
		return c.buf[i*c.width/8 : (i+1)*c.width/8]
	}
}

// cutEntries takes a dictionary back to its first n entries.
func (c *column) cutEntries(n int) {
	for i := n; i < c.item.n; i++ {
		delete(c.entries, string(c.item.bytesAt(i)))
	}
	c.item.truncate(n)
	c.items.slots = n
	c.grown = 0
}

func (b *Batch) putEntry(c *column, v []byte) *Reject {
	i, rej := b.entry(c, v)
	if rej != nil {
		return rej
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	c.store(uint64(i))
	return nil
}

// indexed is data for a dictionary.
func (c *column) indexed(n int, valid *memory.Buffer, nulls int) arrow.ArrayData {
	typ := c.typ.(*arrow.DictionaryType)
	numbers := c.buf
	if bits := typ.IndexType.(arrow.FixedWidthDataType).BitWidth(); bits != c.width {
		wide := arrow.Int32Traits.CastFromBytes(c.buf)
		numbers = make([]byte, 0, n*bits/8)
		for _, v := range wide {
			switch bits {
			case 8:
				numbers = append(numbers, byte(v))
			case 16:
				numbers = binary.NativeEndian.AppendUint16(numbers, uint16(v))
			default:
				numbers = binary.NativeEndian.AppendUint64(numbers, uint64(v))
			}
		}
	}
	entries := c.item.data(c.items.slots).(*array.Data)
	return array.NewDataWithDictionary(typ, n, []*memory.Buffer{valid, memory.NewBufferBytes(numbers)}, nulls, 0, entries)
}
