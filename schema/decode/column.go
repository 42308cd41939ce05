package decode

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// kind is what a column holds.
type kind uint8

const (
	unborn     kind = iota // only nulls so far: there is no type, and no column in the record
	boolean                // bits in buf
	signed                 // width bits, two's complement
	unsigned               // width bits
	floating               // width 32 or 64
	text                   // offs and buf
	binaries               // offs and buf; base64 in JSON
	date                   // 32 bits, days since 1970
	timestamp              // 64 bits, counted in the unit of typ
	vector                 // dim values of a fixed width in item for every slot, null ones too
	list                   // offs and item
	structure              // children
	fixed                  // width bits of a type that only typed payloads have values for
	dictionary             // 32 bits, the number of an entry in item
	foreign                // a type of the table that no payload has a value for
)

// hasOffsets tells whether values of the kind differ in length.
func (k kind) hasOffsets() bool { return k == text || k == binaries || k == list }

// level is a sequence of slots that a set of columns shares: the rows of the
// batch, or the items of one list column.
type level struct {
	slots int // slots complete
	bits  int // Arrow bits per slot of the live columns, text and list items apart
}

// column collects the values of one column of the batch. Slots of its level
// that lie behind n are null and are written only when a later value or the
// record needs them, so a field that a row lacks costs nothing.
type column struct {
	name     string
	key      string // in JSON; empty while not known
	token    token  // of the key
	parent   *column
	lv       *level // not for items of a vector
	typ      arrow.DataType
	meta     arrow.Metadata // of the table's field
	inferred bool           // not a column of the table: the type follows the values
	required bool           // not nullable
	whole    *column        // the large_list of the table that it is or lies in: readers want all its members in each data file
	kind     kind
	width    int  // bits of one value: integers, floats, date, timestamp, fixed, dictionary
	live     bool // has a value in this batch, or lies in a struct that has one
	inexact  bool // inferred integers: one of them is not exact as a float64
	negative bool // inferred integers: one of them is below zero

	n     int      // slots written
	valid []byte   // bitmap of slots that are not null; nil while none is null
	words []uint64 // values of 64 bits
	buf   []byte   // values of fewer bits, text
	offs  []int32  // text, list: n+1 ends
	hint  hint     // how much the last batch needed

	keeps    keep
	always   bool   // part of the record whatever it holds
	demanded bool   // rows must have a value, though the column may hold nulls
	fallback []byte // JSON text of its default, nil for none
	listable bool   // vector: another length makes it a list

	dim     int              // vector: values per slot
	item    *column          // vector, list, dictionary
	items   *level           // list, dictionary
	entries map[string]int32 // dictionary: the number of each entry, by its bytes
	grown   uint64           // dictionary: the message whose first new entry is in the log

	children []*column          // structure, in the order of the table, then of appearance
	needed   []*column          // those that must not be null where the struct is not
	byName   map[string]*column // the same
	serial   uint64             // structure: counts the objects read
	seen     uint64             // serial of the parent's object that had this key last
	first    *column            // structure: the key that came first in the last object
	defaults []*column          // structure: the children with a default

	keys        map[string]*column // structure: the children and strangers whose key is known
	strangers   int                // structure: how many of those are undeclared
	lastStrange uint64             // structure: the serial of the last object that had one
	excess      map[string]bool    // structure: the strangers beyond those of one object
	excessOf    uint64             // structure: its serial

	next *column // the key that followed this one last
}

// hint is the capacity that the last batch needed, so that the next one grows
// its slices once.
type hint struct{ words, buf, offs int }

// pad writes nulls up to slot n. A column that is not nullable has no bitmap:
// its nulls lie under a null struct and are never looked at.
func (c *column) pad(n int) {
	k := n - c.n
	if k <= 0 {
		return
	}
	if !c.required {
		c.padValid(n)
	}
	switch c.kind {
	case boolean:
		growTo(&c.buf, (n+7)/8)
	case text, binaries, list:
		end := c.offs[c.n]
		for range k {
			c.offs = append(c.offs, end)
		}
	case vector:
		c.item.fillTo(n * c.dim)
	case signed, unsigned, floating, date, timestamp, fixed, dictionary:
		c.zero(n)
	case structure, unborn, foreign: // no values of their own
	}
	c.n = n
}

// fillTo appends values of a vector up to n, for slots that are null.
func (c *column) fillTo(n int) {
	if c.valid != nil {
		growTo(&c.valid, (n+7)/8)
	}
	switch c.kind {
	case boolean:
		growTo(&c.buf, (n+7)/8)
	case vector:
		c.item.fillTo(n * c.dim)
	default:
		c.zero(n)
	}
	c.n = n
}

func (c *column) padValid(n int) {
	if c.valid == nil {
		c.valid = make([]byte, c.n/8, n/8+1)
		for i := range c.valid {
			c.valid[i] = 0xFF
		}
		if rest := c.n % 8; rest != 0 {
			c.valid = append(c.valid, 1<<rest-1)
		}
	}
	growTo(&c.valid, (n+7)/8)
}

// zero appends zero values of a fixed width up to n.
func (c *column) zero(n int) {
	if k := n - c.n; c.width == 64 {
		clear(extend(&c.words, k))
	} else {
		clear(extend(&c.buf, k*c.width/8))
	}
	c.n = n
}

// store appends one value of a fixed width.
func (c *column) store(v uint64) {
	switch c.width {
	case 64:
		c.words = append(c.words, v)
	case 32:
		c.buf = binary.NativeEndian.AppendUint32(c.buf, uint32(v))
	case 16:
		c.buf = binary.NativeEndian.AppendUint16(c.buf, uint16(v))
	default:
		c.buf = append(c.buf, byte(v))
	}
}

// truncate takes the column back to n slots. It relies on nothing but that the
// first n were complete, so it also mends a value that was left half written.
func (c *column) truncate(n int) {
	n = min(n, c.n)
	c.n = n
	if c.valid != nil {
		c.valid = cutBits(c.valid, n)
	}
	switch c.kind {
	case boolean:
		c.buf = cutBits(c.buf, n)
	case text, binaries:
		c.offs = c.offs[:n+1]
		c.buf = c.buf[:c.offs[n]]
	case list:
		c.offs = c.offs[:n+1]
		c.items.slots = int(c.offs[n])
		c.item.truncate(c.items.slots)
	case vector:
		c.item.truncate(n * c.dim)
	case structure:
		for _, child := range c.children {
			child.truncate(n)
		}
	case signed, unsigned, floating, date, timestamp, fixed, dictionary:
		if c.width == 64 {
			c.words = c.words[:n]
		} else {
			c.buf = c.buf[:n*c.width/8]
		}
	case unborn, foreign: // nothing was written
	}
}

// slotBits is what one slot costs in Arrow data, validity included, text and
// list items apart.
func (c *column) slotBits() int {
	switch c.kind {
	case boolean, structure:
		return 2
	case text, binaries, list:
		return 33
	case vector:
		return 1 + c.dim*c.item.valueBits()
	default:
		return 1 + c.width
	}
}

// valueBits is what a value of a vector costs.
func (c *column) valueBits() int {
	switch c.kind {
	case boolean:
		return 1
	case vector:
		return c.dim * c.item.valueBits()
	default:
		return c.width
	}
}

// isNumber tells whether the column holds integers or floats.
func (c *column) isNumber() bool {
	return c.kind == signed || c.kind == unsigned || c.kind == floating || c.isHalf()
}

// path names the column for people; "[]" stands for the items of a list.
func (c *column) path() string {
	switch {
	case c.parent == nil:
		return ""
	case c.parent.item == c:
		return c.parent.path() + "[]"
	case c.parent.parent == nil:
		return schema.Quote(c.name)
	default:
		return c.parent.path() + "." + schema.Quote(c.name)
	}
}

// typeName names the type of the column for people.
func (c *column) typeName() string {
	if c.typ != nil {
		return c.typ.String()
	}
	switch c.kind {
	case boolean:
		return "bool"
	case signed:
		return "int64"
	case unsigned:
		return "uint64"
	case floating:
		return "float64"
	case text:
		return "utf8"
	case binaries:
		return "binary"
	case vector:
		return "fixed_size_list<float32>[" + strconv.Itoa(c.dim) + "]"
	case list:
		return "list"
	case structure:
		return "struct"
	default:
		return "any type"
	}
}

// extend makes b longer by n elements, whose values are any, and returns those. Unlike
// append with a slice it does not write the pointer of b where there is room, which
// costs much while the collector runs.
func extend[T any](b *[]T, n int) []T {
	at := len(*b)
	if cap(*b)-at < n {
		*b = slices.Grow(*b, n)
	}
	*b = (*b)[:at+n]
	return (*b)[at:]
}

// appendBit sets bit i, which is the first behind the bits of b.
func appendBit(b *[]byte, i int, v bool) {
	if i&7 == 0 {
		*b = append(*b, 0)
	}
	if v {
		(*b)[i>>3] |= 1 << (i & 7)
	}
}

// cutBits keeps the first n bits of b and clears the rest of the last byte.
func cutBits(b []byte, n int) []byte {
	b = b[:(n+7)/8]
	if rest := n % 8; rest != 0 {
		b[len(b)-1] &= 1<<rest - 1
	}
	return b
}

// growTo appends zero bytes up to a length of n.
func growTo(b *[]byte, n int) {
	if n > len(*b) {
		clear(extend(b, n-len(*b)))
	}
}
