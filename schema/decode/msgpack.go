package decode

import (
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// msgpackFormat is MessagePack: a map is a row, an array of maps is rows, and several
// of them may follow each other.
//
//nolint:gochecknoglobals // a constant table
var msgpackFormat = &format{
	types: []string{
		"application/msgpack", "application/x-msgpack", "application/vnd.msgpack",
		"application/messagepack", "application/x-messagepack",
	},
	suffix: "+msgpack",
	read:   (*Batch).msgpack,
}

func (b *Batch) msgpack() *Reject {
	if len(b.p) == 0 {
		return reject(ClassParse, "the payload is empty")
	}
	first := b.rows.slots
	for b.i < len(b.p) {
		rows := 1
		if isPackedArray(b.p[b.i]) {
			t, rej := b.packed()
			if rej != nil {
				return rej
			}
			rows = t.size
		}
		for range rows {
			if rej := b.packedRow(); rej != nil {
				return rej
			}
		}
	}
	if b.rows.slots == first {
		return reject(ClassParse, "the payload has no rows")
	}
	return nil
}

func (b *Batch) packedRow() *Reject {
	at := b.i
	t, rej := b.packed()
	if rej != nil {
		return rej
	}
	if t.kind != packedMap {
		return reject(ClassParse, "not a msgpack map at byte %d", at)
	}
	if rej := b.packedObject(b.root, t.size, 1); rej != nil {
		return rej
	}
	return b.endRow()
}

// packedObject reads the members of a map into the struct column st, or into the row
// if st is the root.
func (b *Batch) packedObject(st *column, size, depth int) *Reject {
	if rej := b.openStruct(st, depth); rej != nil {
		return rej
	}
	st.serial++
	link := &st.first
	for range size {
		c, rej := b.packedKey(st, link)
		if rej != nil {
			return rej
		}
		if !c.meet(st) {
			return c.twice()
		}
		if rej := b.packedValue(c, depth+1); rej != nil {
			return rej
		}
		link = &c.next
	}
	return b.endObject(st)
}

// packedKey is key for msgpack.
func (b *Batch) packedKey(st *column, link **column) (*column, *Reject) {
	c, at := *link, b.i
	if c != nil && c.key != "" && b.isPackedKey(c.key) {
		return c, nil
	}
	t, rej := b.packed()
	if rej != nil {
		return nil, rej
	}
	if t.kind != packedStr {
		return nil, reject(ClassParse, "a key that is not a string, at byte %d", at)
	}
	if !utf8.Valid(t.bytes) {
		return nil, reject(ClassParse, "invalid UTF-8 in the key at byte %d", at)
	}
	if c, rej = b.lookUp(st, t.bytes); rej != nil {
		return nil, rej
	}
	*link = c
	return c, nil
}

// isPackedKey skips the key that is next if it is the given one in its shortest form.
func (b *Batch) isPackedKey(key string) bool {
	end := b.i + 1 + len(key)
	if len(key) > 31 || end > len(b.p) || b.p[b.i] != 0xa0|byte(len(key)) || string(b.p[b.i+1:end]) != key {
		return false
	}
	b.i = end
	return true
}

// packedUndeclared is undeclared for msgpack.
func (b *Batch) packedUndeclared(c *column, depth int) *Reject {
	text, rej := b.packedJSON(b.scratch[:0], depth)
	if rej != nil {
		return rej
	}
	b.scratch = text
	if b.o.Declared.Policy() == schema.KeepJSON {
		b.keep(c, text)
	}
	return nil
}

// packedValue reads the value that is next into column c. depth is that of the value
// if it is a map or array.
func (b *Batch) packedValue(c *column, depth int) *Reject {
	if c.keeps != keepsNothing {
		return b.packedText(c, depth)
	}
	at := b.i
	t, rej := b.packed()
	if rej != nil {
		return rej
	}
	switch t.kind {
	case packedNil:
		return nil // nothing is written: the slot stays null
	case packedBool:
		return b.putBool(c, t.yes)
	case packedInt:
		b.setInteger(t.neg, t.n)
		return b.putNumber(c)
	case packedFloat:
		return b.putFloat(c, t.float())
	case packedStr:
		if !utf8.Valid(t.bytes) {
			return reject(ClassParse, "field %s: invalid UTF-8 in the string at byte %d", c.path(), at)
		}
		if c.kind == binaries || c.typ != nil && c.typ.ID() == arrow.FIXED_SIZE_BINARY {
			return misfit(c, "string") // there are binaries in msgpack: this is no base64
		}
		return b.putString(c, t.bytes)
	case packedBin:
		return b.putBinary(c, t.bytes)
	case packedTime:
		return b.putPackedTime(c, t)
	case packedMap:
		return b.packedObject(c, t.size, depth)
	default:
		return b.packedArray(c, t.size, depth)
	}
}

// packedText is keepText for msgpack.
func (b *Batch) packedText(c *column, depth int) *Reject {
	if c.isUndeclared() {
		return b.packedUndeclared(c, depth)
	}
	at := b.i
	t, rej := b.packed()
	if rej != nil || t.kind == packedNil {
		return rej
	}
	if t.kind == packedStr && c.keeps == keepsText && utf8.Valid(t.bytes) {
		return b.putText(c, t.bytes)
	}
	b.i = at
	text, rej := b.packedJSON(b.scratch[:0], depth)
	if rej != nil {
		return rej
	}
	b.scratch = text
	return b.putText(c, text)
}

// packedArray reads the values of an array into column c, a list or a vector.
func (b *Batch) packedArray(c *column, size, depth int) *Reject {
	if depth > b.o.MaxDepth {
		return b.tooDeep()
	}
	if c.kind == unborn {
		var rej *Reject
		if schema.IsVector(c.name) && (size == 0 || b.packedNumberNext()) {
			rej = b.bearVector(c, size)
		} else {
			rej = b.bear(c, list, 0)
		}
		if rej != nil {
			return rej
		}
	}
	if c.kind == vector && size != c.dim && c.listable {
		if rej := b.toList(c, otherLength(c, size)); rej != nil {
			return rej
		}
	}
	switch {
	case c.kind == list:
		return b.packedList(c, size, depth)
	case c.kind == vector && c.item.isNumber():
		return b.packedVector(c, size)
	default:
		return misfit(c, "array")
	}
}

func (b *Batch) packedList(c *column, size, depth int) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	for range size {
		if rej := b.packedValue(c.item, depth+1); rej != nil {
			return rej
		}
		if rej := b.endItem(c); rej != nil {
			return rej
		}
	}
	return c.closeList()
}

func (b *Batch) packedVector(c *column, size int) *Reject {
	if size != c.dim {
		return otherLength(c, size)
	}
	if rej := b.open(c); rej != nil {
		return rej
	}
	for range size {
		t, rej := b.packed()
		if rej != nil {
			return rej
		}
		switch t.kind {
		case packedInt:
			b.setInteger(t.neg, t.n)
		case packedFloat:
			if c.item.kind == floating {
				if rej := b.floatComponent(c, t.float()); rej != nil {
					return rej
				}
				continue
			}
			b.setFloat(t.float())
		case packedNil:
			return misfit(c, "null inside a vector")
		default:
			return misfit(c, "array of anything but numbers")
		}
		v, ok := b.num.component(c.item)
		if !ok {
			return misfit(c, b.num.what(c.item))
		}
		c.item.component(v)
	}
	return nil
}
