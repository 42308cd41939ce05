package decode

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// A column of the table that cannot hold a value becomes a wider one in the batch, if
// the options allow it: schema.Widens says which types follow each other. The record
// then shows the wider type, and who commits it has the table changed first.

// former is what a column was before it was widened. Its values are those up to n.
type former struct {
	typ   arrow.DataType
	kind  kind
	width int
	words []uint64
	buf   []byte
	n     int
	live  bool
	item  *column // of vectors that became lists
	items *level
}

// widenTo gives a column of the table another type, with the values it holds. what
// describes the value that the present type cannot hold.
func (b *Batch) widenTo(c *column, to arrow.DataType, what string) *Reject {
	ofVector := c.parent.item == c && c.parent.kind != list
	if c.inferred || b.o.Widen == nil || c.typ == nil || ofVector || !schema.Widens(c.typ, to) {
		return misfit(c, what)
	}
	was := former{typ: c.typ, kind: c.kind, width: c.width, words: c.words, buf: c.buf, n: c.n, live: c.live, item: c.item, items: c.items}
	w := schema.Widening{Path: c.names(), From: c.typ, To: to}
	if w.Round = c.mayRound(); !w.Round && to.ID() == arrow.FLOAT64 && c.width == 64 && slices.ContainsFunc(c.words, c.rounds) {
		return reject(ClassType, "%s: integers before it would be rounded, and the column is not declared with widen: float", misfit(c, what).Reason)
	}
	if why := b.o.Widen(w); why != nil {
		return reject(ClassType, "%s: %v", misfit(c, what).Reason, why)
	}
	if !c.convert(to) {
		return misfit(c, what)
	}
	b.log = append(b.log, change{c: c, op: opRetyped, was: &was})
	if c.live {
		more := c.width - was.width
		c.lv.bits += more
		b.bits += more * c.lv.slots
	}
	return b.checkSize()
}

// restoreType undoes widenTo and toList. The column was cut back to complete rows before.
func (c *column) restoreType(was *former) {
	if was.live {
		c.lv.bits -= c.slotBits()
	}
	n := min(c.n, was.n)
	c.typ, c.kind, c.width = was.typ, was.kind, was.width
	c.words, c.buf, c.n = was.words, was.buf, was.n
	if c.item, c.items = was.item, was.items; was.kind == vector {
		c.offs = nil
	}
	if was.live {
		c.lv.bits += c.slotBits()
	}
	c.truncate(n)
}

// names is the path of a column as schema.Widening has it.
func (c *column) names() []string {
	if c.parent == nil {
		return nil
	}
	name := c.name
	if c.parent.item == c {
		name = schema.Item
	}
	return append(c.parent.names(), name)
}

// rounds reports whether a value of 64 bits, of a column of integers, is not exact as
// a float64.
func (c *column) rounds(v uint64) bool {
	if c.kind == signed && int64(v) < 0 {
		v = -v
	}
	f := float64(v)
	return f >= 1<<64 || uint64(f) != v
}

// convert gives the column new memory with its values in another type, or reports
// false if one of them does not fit there.
func (c *column) convert(to arrow.DataType) bool {
	next := column{typ: to}
	next.kind, next.width = kindOf(to)
	if next.width == 64 {
		next.words = make([]uint64, 0, c.n+c.n/4+1)
	} else {
		next.buf = make([]byte, 0, (c.n+c.n/4+1)*next.width/8)
	}
	for i := range c.n {
		v, ok := c.converted(c.load(i), next.kind)
		if !ok {
			return false
		}
		next.store(v)
	}
	c.typ, c.kind, c.width, c.words, c.buf = to, next.kind, next.width, next.words, next.buf
	return true
}

// load returns the value of a slot, a signed one with its sign in all bits.
func (c *column) load(i int) uint64 {
	var v uint64
	switch c.width {
	case 64:
		return c.words[i]
	case 32:
		v = uint64(binary.NativeEndian.Uint32(c.buf[4*i:]))
	case 16:
		v = uint64(binary.NativeEndian.Uint16(c.buf[2*i:]))
	default:
		v = uint64(c.buf[i])
	}
	if c.kind == signed || c.kind == date {
		unused := 64 - c.width
		v = uint64(int64(v<<unused) >> unused)
	}
	return v
}

// converted turns a value of the column, as load returns it, into one of another kind.
func (c *column) converted(v uint64, to kind) (uint64, bool) {
	switch {
	case c.kind == date:
		us, ok := mulAdd(int64(v), int64(24*time.Hour/time.Microsecond), 0)
		return uint64(us), ok
	case c.kind == floating:
		return math.Float64bits(float64(math.Float32frombits(uint32(v)))), true
	case to != floating:
		return v, true
	case c.kind == signed:
		return math.Float64bits(float64(int64(v))), true
	default:
		return math.Float64bits(float64(v)), true
	}
}

// widenNumber makes room for the number in hand, which column c cannot hold, and
// returns it as c stores it then.
func (b *Batch) widenNumber(c *column) (uint64, *Reject) {
	n := &b.num
	what := n.what(c)
	to := n.typeAbove(c)
	if to == nil {
		if f, ok := n.nearest64(); ok && c.kind == floating && c.width == 64 && c.mayRound() {
			return math.Float64bits(f), nil
		}
		return 0, misfit(c, what)
	}
	if rej := b.widenTo(c, to, what); rej != nil {
		return 0, rej
	}
	v, ok := n.bitsFor(c)
	if !ok {
		return 0, misfit(c, what)
	}
	return v, nil
}

// mayRound reports whether integers may be rounded where they meet floats.
func (c *column) mayRound() bool { return schema.Rounds(arrow.Field{Metadata: c.meta}) }

// typeAbove is the narrowest type that a column can be widened to and that holds the
// number, nil if there is none. A whole number beyond 64 bits only goes into what is
// a column of floats already, unless it is written as a float.
func (n *number) typeAbove(c *column) arrow.DataType {
	types := arrow.PrimitiveTypes
	switch {
	case c.kind == signed:
		for _, t := range []arrow.FixedWidthDataType{types.Int16.(arrow.FixedWidthDataType), types.Int32.(arrow.FixedWidthDataType), types.Int64.(arrow.FixedWidthDataType)} {
			if _, ok := n.signed(t.BitWidth()); ok && t.BitWidth() > c.width {
				return t
			}
		}
	case c.kind == unsigned:
		for _, t := range []arrow.FixedWidthDataType{types.Uint16.(arrow.FixedWidthDataType), types.Uint32.(arrow.FixedWidthDataType), types.Uint64.(arrow.FixedWidthDataType)} {
			if _, ok := n.unsigned(t.BitWidth()); ok && t.BitWidth() > c.width {
				return t
			}
		}
	case c.kind != floating || c.width == 64:
		return nil
	}
	if _, ok := n.float64(); ok && (c.kind == floating || !n.integer) {
		return types.Float64
	}
	return nil
}
