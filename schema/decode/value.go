package decode

import (
	"bytes"
	"encoding/base64"
	"math"

	"github.com/pst-bridge/pst-bridge/schema"
)

// object reads the object that is next into the struct column st.
func (b *Batch) object(st *column, depth int) *Reject {
	if rej := b.openStruct(st, depth); rej != nil {
		return rej
	}
	return b.members(st, depth)
}

// members is object for a struct that is open.
func (b *Batch) members(st *column, depth int) *Reject {
	st.serial++
	b.i++
	b.space()
	if b.peek() == '}' {
		b.i++
		return b.endObject(st)
	}
	link := &st.first // the field that is expected next: what came here last time
	for {
		c := *link
		if c != nil && c.token.isNext(b.p, b.i) {
			b.i += len(c.token.text)
			b.space()
		} else {
			var rej *Reject
			if c, rej = b.key(st); rej != nil {
				return rej
			}
			*link = c
		}
		if !c.meet(st) {
			return c.twice()
		}
		if rej := b.value(c, depth+1); rej != nil {
			return rej
		}
		link = &c.next
		b.space()
		switch b.peek() {
		case ',':
			b.i++
			b.space()
		case '}':
			b.i++
			return b.endObject(st)
		default:
			return b.unexpected()
		}
	}
}

func (b *Batch) openStruct(st *column, depth int) *Reject {
	if depth > b.o.MaxDepth {
		return b.tooDeep()
	}
	if st == b.root {
		return nil
	}
	if st.kind == unborn {
		if rej := b.bear(st, structure, 0); rej != nil {
			return rej
		}
	}
	if st.kind != structure {
		return misfit(st, "object")
	}
	return b.open(st)
}

func (b *Batch) tooDeep() *Reject {
	return reject(ClassLimit, "more than %d objects and arrays inside each other, at byte %d", b.o.MaxDepth, b.i)
}

// checkRequired rejects an object that lacks a column which must have a value.
func (b *Batch) checkRequired(st *column) *Reject {
	for _, c := range st.needed {
		if c.n <= c.lv.slots {
			return reject(ClassRequired, "field %s: the table needs a value of %s", c.path(), c.typeName())
		}
	}
	return nil
}

// key reads a key of an object of st, and the colon behind it, and returns its column,
// a new one if need be, or what stands for an undeclared key.
func (b *Batch) key(st *column) (*column, *Reject) {
	if b.peek() != '"' {
		return nil, b.unexpected()
	}
	name, rej := b.str()
	if rej != nil {
		return nil, rej
	}
	c, rej := b.lookUp(st, name)
	if rej != nil {
		return nil, rej
	}
	return c, b.expect(':')
}

// meet notes that the object of st in hand has the key of c, and tells whether it is
// the first time.
func (c *column) meet(st *column) bool {
	first := c.seen != st.serial
	c.seen = st.serial
	if c.isUndeclared() {
		st.lastStrange = st.serial
	}
	return first
}

func (c *column) twice() *Reject {
	return reject(ClassParse, "field %s: the key occurs twice in one object", c.path())
}

// lookUp returns what the key of a given name stands for in objects of st.
func (b *Batch) lookUp(st *column, name []byte) (*column, *Reject) {
	if c := st.keys[string(name)]; c != nil {
		return c, nil
	}
	return b.introduce(st, name)
}

// introduce is lookUp for a key that is not known yet.
func (b *Batch) introduce(st *column, name []byte) (*column, *Reject) {
	if st == b.root && len(name) >= len(schema.Prefix) && string(name[:len(schema.Prefix)]) == schema.Prefix {
		return nil, reject(ClassReserved, "field %s: names that begin with %s are reserved", schema.Quote(string(name)), schema.Prefix)
	}
	if len(name) == 0 {
		return nil, reject(ClassParse, "field name of no characters before byte %d", b.i)
	}
	column := st.nameOf(string(name))
	if c := st.byName[column]; c != nil && !b.isExtra(c) {
		st.expect(c, string(name))
		return c, nil
	}
	if b.o.Declared.Policy() != schema.Evolve {
		return b.stranger(st, name)
	}
	return b.add(st, column, string(name))
}

// value reads the value that is next into column c. depth is that of the value
// if it is an object or array.
func (b *Batch) value(c *column, depth int) *Reject {
	if c.keeps != keepsNothing {
		return b.keepText(c, depth)
	}
	switch ch := b.peek(); ch {
	case '"':
		return b.text(c)
	case '{':
		return b.object(c, depth)
	case '[':
		return b.array(c, depth)
	case 't':
		return b.boolean(c, wordTrue, true)
	case 'f':
		return b.boolean(c, wordFalse, false)
	case 'n':
		return b.literal(wordNull) // nothing is written: the slot stays null
	default:
		if ch == '-' || '0' <= ch && ch <= '9' {
			if rej := b.number(); rej != nil {
				return rej
			}
			return b.putNumber(c)
		}
		return b.unexpected()
	}
}

func (b *Batch) boolean(c *column, word keyword, v bool) *Reject {
	if rej := b.literal(word); rej != nil {
		return rej
	}
	return b.putBool(c, v)
}

func (b *Batch) putBool(c *column, v bool) *Reject {
	if c.kind == unborn {
		if rej := b.bear(c, boolean, 0); rej != nil {
			return rej
		}
	}
	if c.kind != boolean {
		return misfit(c, "bool")
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	appendBit(&c.buf, c.n-1, v)
	return nil
}

// text reads a string into columns of utf8, binary, date and timestamp.
func (b *Batch) text(c *column) *Reject {
	s, rej := b.str()
	if rej != nil {
		return rej
	}
	if c.kind == text {
		return b.putText(c, s)
	}
	return b.putString(c, s)
}

func (b *Batch) putString(c *column, s []byte) *Reject {
	switch c.kind {
	case text:
		return b.putText(c, s)
	case unborn:
		if rej := b.bear(c, text, 0); rej != nil {
			return rej
		}
		return b.putText(c, s)
	case binaries:
		raw, ok := b.unbase64(s)
		if !ok {
			return misfit(c, "string that is not base64")
		}
		return b.putText(c, raw)
	case date:
		return b.putDate(c, s)
	case timestamp:
		return b.putTime(c, s)
	case fixed:
		return b.fixedText(c, s)
	case dictionary:
		if c.item.kind == text {
			return b.putEntry(c, s)
		}
	default:
	}
	return misfit(c, "string")
}

//nolint:gochecknoglobals // a constant
var strictBase64 = base64.StdEncoding.Strict()

// unbase64 decodes what a binary is written as; the result is valid until the next call.
func (b *Batch) unbase64(s []byte) ([]byte, bool) {
	raw, err := strictBase64.AppendDecode(b.binary[:0], s)
	b.binary = raw
	return raw, err == nil && !bytes.ContainsAny(s, "\r\n")
}

func (b *Batch) putText(c *column, s []byte) *Reject {
	if len(c.buf)+len(s) > math.MaxInt32 {
		return overflow("field %s: more than 2 GiB of text in one batch", c.path())
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	b.bits += 8 * len(s)
	copy(extend(&c.buf, len(s)), s)
	c.offs = append(c.offs, int32(len(c.buf)))
	return nil
}

// putNumber stores the number in hand.
func (b *Batch) putNumber(c *column) *Reject {
	n := &b.num
	if c.kind == fixed {
		return b.fixedNumber(c)
	}
	if c.inferred {
		if rej := b.inferNumber(c); rej != nil {
			return rej
		}
	}
	v, ok := n.bitsFor(c)
	if !ok {
		var rej *Reject
		if v, rej = b.widenNumber(c); rej != nil {
			return rej
		}
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	c.store(v)
	return nil
}

// inferNumber settles the type of an inferred column for the number in hand: a
// number written with a fraction or exponent makes it float64, unless that would
// round an integer it already holds, and an integer beyond int64 makes it uint64,
// unless it holds a negative one.
func (b *Batch) inferNumber(c *column) *Reject {
	n := &b.num
	switch {
	case c.kind == unborn && n.integer:
		k := signed
		if _, ok := n.signed(64); !ok {
			if _, ok = n.unsigned(64); !ok {
				return reject(ClassType, "field %s: integer out of range does not fit int64 or uint64", c.path())
			}
			k = unsigned
		}
		if rej := b.bear(c, k, 64); rej != nil {
			return rej
		}
	case c.kind == unborn:
		return b.bear(c, floating, 64)
	case (c.kind == signed || c.kind == unsigned) && !n.integer && !c.inexact:
		b.widen(c)
		return nil
	}
	b.noteInteger(c)
	return nil
}

// bitsFor returns the number as column c stores it, or false if it does not fit
// there exactly. A float column takes the nearest value to a number that is
// written with a fraction or exponent.
func (n *number) bitsFor(c *column) (uint64, bool) {
	switch c.kind {
	case signed, timestamp:
		v, ok := n.signed(c.width)
		return uint64(v), ok
	case unsigned:
		return n.unsigned(c.width)
	case floating:
		if c.width == 32 {
			f, ok := n.float32()
			return uint64(math.Float32bits(f)), ok
		}
		f, ok := n.float64()
		return math.Float64bits(f), ok
	default:
		return 0, false
	}
}

// what describes a number that does not fit column c.
func (n *number) what(c *column) string {
	switch c.kind {
	case signed, unsigned, timestamp:
		if _, whole := n.magnitude(); !whole && !n.integer {
			return "fraction"
		}
		return "integer out of range"
	case floating:
		if n.integer {
			return "integer beyond the exact ones"
		}
		return "number out of range"
	default:
		return "number"
	}
}
