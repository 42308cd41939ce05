package decode

import (
	"math"

	"github.com/pst-bridge/pst-bridge/schema"
)

// add makes a column for a field that was not seen before.
func (b *Batch) add(parent *column, name, key string) (*column, *Reject) {
	if len(name) > b.o.MaxNameBytes {
		return nil, reject(ClassLimit, "field name of %d bytes, the limit is %d", len(name), b.o.MaxNameBytes)
	}
	if b.unborn >= b.o.MaxColumns && !b.lifted {
		return nil, overflow("more than %d fields that are only null", b.o.MaxColumns)
	}
	c := &column{name: name, parent: parent, lv: parent.lv, inferred: true}
	parent.adopt(c)
	parent.expect(c, key)
	b.unborn++
	b.note(c, opAdded)
	return c, nil
}

// adopt makes child the last field of the struct c.
func (c *column) adopt(child *column) {
	c.children = append(c.children, child)
	if c.byName == nil {
		c.byName = make(map[string]*column)
	}
	c.byName[child.name] = child
}

// expect has objects of the struct c show a field, or what stands for an undeclared
// one, under a key.
func (c *column) expect(field *column, key string) {
	if c.keys == nil {
		c.keys = make(map[string]*column)
	}
	c.keys[key] = field
	field.key, field.token = key, makeToken(key)
}

// unexpect undoes expect. Fields that are followed by this one in some prediction may
// still point to it: without a key it is never taken.
func (c *column) unexpect(field *column) {
	delete(c.keys, field.key)
	field.key, field.token = "", token{}
}

// nameOf is the name of the field of the struct c that has the given key.
func (c *column) nameOf(key string) string {
	if c.parent == nil {
		return schema.ColumnName(key)
	}
	return schema.MemberName(key)
}

// forget undoes add.
func (b *Batch) forget(c *column) {
	st := c.parent
	st.children = st.children[:len(st.children)-1]
	delete(st.byName, c.name)
	st.unexpect(c)
	b.unborn--
}

// bear gives a column its type at its first value that is not null. Items of
// lists are columns too, but not counted: the list is.
func (b *Batch) bear(c *column, k kind, width int) *Reject {
	if of := c.parent.whole; of != nil {
		return reject(ClassType, "field %s: %s, a large_list, takes no new members", c.path(), of.path())
	}
	if c.parent.item != c {
		if b.born >= b.o.MaxNewColumns && !b.lifted {
			return overflow("field %s: more than %d new columns in a batch", c.path(), b.o.MaxNewColumns)
		}
		if b.named >= b.o.MaxColumns {
			return reject(ClassLimit, "field %s: more than %d columns", c.path(), b.o.MaxColumns)
		}
		b.born++
		b.named++
		b.unborn--
	}
	b.note(c, opBorn)
	c.kind, c.width = k, width
	if k.hasOffsets() {
		c.offs = []int32{0}
	}
	if k == list {
		c.items = &level{}
		c.item = &column{parent: c, lv: c.items, inferred: true}
	}
	if k == vector {
		c.item = &column{parent: c, kind: floating, width: 32}
	}
	return nil
}

// unbear undoes bear. What the column learned about the order of its fields
// goes with it.
func (b *Batch) unbear(c *column) {
	if c.parent.item != c {
		b.born--
		b.named--
		b.unborn++
	}
	*c = column{
		name: c.name, key: c.key, token: c.token, parent: c.parent, lv: c.lv, inferred: true,
		next: c.next, seen: c.seen,
	}
}

// enliven makes the column, and those of a struct, part of the record: from now
// on every slot of its level costs memory.
func (b *Batch) enliven(c *column) *Reject {
	if c.live || c.kind == foreign || c.kind == unborn {
		return nil
	}
	c.live = true
	c.reserve()
	c.lv.bits += c.slotBits()
	b.bits += c.lv.slots * c.slotBits()
	b.note(c, opLive)
	if rej := b.checkSize(); rej != nil {
		return rej
	}
	for _, child := range c.children {
		if rej := b.enliven(child); rej != nil {
			return rej
		}
	}
	if c.kind == list {
		return b.enliven(c.item)
	}
	return nil
}

// open makes the slot now open of column c not null; the caller writes the value.
func (b *Batch) open(c *column) *Reject {
	if !c.live {
		if rej := b.enliven(c); rej != nil {
			return rej
		}
	}
	slot := c.lv.slots
	if c.n < slot {
		c.pad(slot)
	}
	if c.valid != nil {
		appendBit(&c.valid, slot, true)
	}
	c.n = slot + 1
	return nil
}

// noteInteger notes of an inferred column of integers, of which the number in hand is
// the next, what types it can still become, and makes it one of uint64 if need be.
func (b *Batch) noteInteger(c *column) {
	n := &b.num
	switch c.kind {
	case signed:
		v, ok := n.signed(64)
		if !ok {
			b.unsign(c)
			return
		}
		if v < 0 && !c.negative {
			c.negative = true
			b.note(c, opNegative)
		}
		if v < 0 {
			v = -v // the least int64 stays: its bits are its magnitude
		}
		b.exactInt(c, uint64(v))
	case unsigned:
		if v, ok := n.unsigned(64); ok {
			b.exactInt(c, v)
		}
	default: // what floats can hold is another question
	}
}

// exactInt notes whether an inferred column of integers can still become one of
// floats; v is an integer without its sign.
func (b *Batch) exactInt(c *column, v uint64) {
	if c.inexact || v <= 1<<53 {
		return
	}
	if f := float64(v); f >= 1<<64 || uint64(f) != v {
		c.inexact = true
		b.note(c, opInexact)
	}
}

// unsign turns an inferred column of integers, none of them negative, into one of
// uint64, for an integer beyond int64.
func (b *Batch) unsign(c *column) {
	v, ok := b.num.unsigned(64)
	if !ok || c.negative {
		return // the value does not fit
	}
	c.kind = unsigned
	b.note(c, opUnsigned)
	b.exactInt(c, v)
}

// widen turns an inferred column of integers, all exact as float64, into floats.
func (b *Batch) widen(c *column) {
	if c.kind == unsigned {
		for i, v := range c.words {
			c.words[i] = math.Float64bits(float64(v))
		}
		b.note(c, opWidenedUnsigned)
	} else {
		for i, v := range c.words {
			c.words[i] = math.Float64bits(float64(int64(v)))
		}
		b.note(c, opWidened)
	}
	c.kind = floating
}

// narrow undoes widen for a column that had the given kind.
func (c *column) narrow(to kind) {
	for i, v := range c.words {
		f := math.Float64frombits(v)
		if c.words[i] = uint64(int64(f)); to == unsigned {
			c.words[i] = uint64(f)
		}
	}
	c.kind = to
}

// looksLikeVector tells whether the array that begins at the scanner's place is
// a new vector, and of how many values, commas being as good as values here: the
// elements are checked when they are read. A vector is an array in a field of a
// vector's name whose first element is a number, null or absent.
func (b *Batch) looksLikeVector(c *column) (dim int, ok bool) {
	if !schema.IsVector(c.name) {
		return 0, false
	}
	saved := b.i
	defer func() { b.i = saved }()
	b.i++
	b.space()
	switch ch := b.peek(); {
	case ch == ']':
		return 0, true
	case ch != '-' && ch != 'n' && (ch < '0' || ch > '9'):
		return 0, false
	}
	dim = 1
	for _, ch := range b.p[b.i:] {
		switch ch {
		case ',':
			dim++
		case ']':
			return dim, true
		}
	}
	return dim, true
}
