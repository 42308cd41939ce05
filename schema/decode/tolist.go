package decode

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// A vector that is declared with vector: to_list becomes a list in the batch when one of
// another length comes; who commits the record has the table changed first.

// otherLength rejects a vector for its length.
func otherLength(c *column, size int) *Reject {
	return reject(ClassType, "field %s: a vector of %d values does not fit %s", c.path(), size, c.typeName())
}

// vectorOrList reads an array into a column of vectors, or of what it becomes for it.
func (b *Batch) vectorOrList(c *column, depth int) *Reject {
	start := b.i
	rej := b.vector(c)
	if rej == nil || rej.Class != ClassType || !c.listable {
		return rej
	}
	b.i = start
	size, bad := b.arrayLength(depth)
	if bad != nil || size == c.dim {
		return rej
	}
	b.i = start
	c.truncate(c.lv.slots)
	if rej := b.toList(c, otherLength(c, size)); rej != nil {
		return rej
	}
	return b.list(c, depth)
}

// arrayLength skips the array that is next, and counts its items.
func (b *Batch) arrayLength(depth int) (n int, rej *Reject) {
	b.i++
	b.space()
	if b.peek() == ']' {
		return 0, nil
	}
	for {
		if rej := b.skip(depth + 1); rej != nil {
			return 0, rej
		}
		n++
		b.space()
		switch b.peek() {
		case ',':
			b.i++
			b.space()
		case ']':
			return n, nil
		default:
			return 0, b.unexpected()
		}
	}
}

// toList makes a vector column one of lists with the values it holds. why is what is
// wrong with a vector that it cannot hold.
func (b *Batch) toList(c *column, why *Reject) *Reject {
	if !c.listable || b.o.Widen == nil {
		return why
	}
	elem := c.typ.(*arrow.FixedSizeListType).ElemField()
	elem.Nullable = true
	to := arrow.ListOfField(elem)
	if err := b.o.Widen(schema.Widening{Path: c.names(), From: c.typ, To: to}); err != nil {
		return reject(ClassType, "%s: %v", why.Reason, err)
	}
	was := former{typ: c.typ, kind: c.kind, n: c.n, live: c.live, item: c.item, items: c.items}
	b.log = append(b.log, change{c: c, op: opRetyped, was: &was})
	if c.live {
		c.lv.bits -= c.slotBits()
		b.bits -= c.lv.slots * c.slotBits()
	}
	c.typ, c.kind, c.items, c.offs = to, list, &level{}, make([]int32, 1, c.n+1)
	c.item = c.loose(was.item)
	if !c.live {
		return nil
	}
	c.lv.bits += c.slotBits()
	b.bits += c.lv.slots * c.slotBits()
	if rej := b.enliven(c.item); rej != nil {
		return rej
	}
	return b.checkSize()
}

// loose makes the items of lists of those of vectors, without what lies behind nulls,
// and notes where each list ends.
func (c *column) loose(items *column) *column {
	next := &column{
		name: items.name, parent: c, lv: c.items, typ: items.typ, meta: items.meta,
		kind: items.kind, width: items.width, dim: items.dim,
	}
	if items.item != nil { // a vector of vectors
		inner := *items.item
		inner.parent, inner.words, inner.buf, inner.valid, inner.n = next, nil, nil, nil, 0
		next.item, next.items = &inner, &level{}
	}
	for i := range c.n {
		if c.holds(i) {
			next.copySlots(items, i*c.dim, c.dim)
			c.items.slots += c.dim
		}
		c.offs = append(c.offs, int32(c.items.slots))
	}
	return next
}

// copySlots appends n values of a column of the same type, which are of a fixed width.
func (c *column) copySlots(from *column, at, n int) {
	for i := at; i < at+n; i++ {
		if from.valid != nil || c.valid != nil {
			c.copyValid(from.holds(i))
		}
		switch c.kind {
		case boolean:
			appendBit(&c.buf, c.n, from.buf[i>>3]>>(i&7)&1 != 0)
		case vector:
			c.item.copySlots(from.item, i*c.dim, c.dim)
		default:
			c.copyRaw(from, i)
		}
		c.n++
	}
}

func (c *column) copyValid(v bool) {
	if c.valid == nil {
		if v {
			return
		}
		c.padValid(c.n)
	}
	appendBit(&c.valid, c.n, v)
}

func (c *column) copyRaw(from *column, i int) {
	if c.width == 64 {
		c.words = append(c.words, from.words[i])
		return
	}
	size := c.width / 8
	c.buf = append(c.buf, from.buf[i*size:(i+1)*size]...)
}
