package decode

import (
	"encoding/binary"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// nullsIn counts the nulls among values of an array; valid is its bitmap.
func nullsIn(a *ipc.Array, valid []byte, sp span) int {
	switch {
	case a.Type.ID() == arrow.NULL:
		return sp.n
	case valid == nil:
		return 0
	default:
		return sp.n - ipc.Ones(valid, sp.from, sp.n)
	}
}

// nullWherePresent tells whether a value is null though what it lies in is not.
func nullWherePresent(a *ipc.Array, sp span, present []byte) bool {
	if nullsIn(a, a.Valid, sp) == 0 {
		return false
	}
	for i := sp.from; i < sp.from+sp.n; i++ {
		if (present == nil || present[i>>3]>>(i&7)&1 != 0) && (a.Type.ID() == arrow.NULL || a.IsNull(i)) {
			return true
		}
	}
	return false
}

// both is the bitmap of what is set in two, each of which may be nil for all.
func both(x, y []byte, sp span) []byte {
	if x == nil || y == nil {
		if x == nil {
			return y
		}
		return x
	}
	out := make([]byte, (sp.from+sp.n+7)/8)
	for i := sp.from / 8; i < len(out); i++ {
		out[i] = x[i] & y[i]
	}
	return out
}

// appendBits sets the bits from at on, which is the first behind those of b, to n bits
// of src, or to ones if src is nil.
func appendBits(b []byte, at int, src []byte, sp span) []byte {
	growTo(&b, (at+sp.n+7)/8)
	get := func(i, n int) byte { // up to eight bits of src
		if src == nil {
			return 0xff >> (8 - n)
		}
		i += sp.from
		v := uint16(src[i>>3])
		if i>>3+1 < len(src) {
			v |= uint16(src[i>>3+1]) << 8
		}
		return byte(v>>(i&7)) & (0xff >> (8 - n))
	}
	for done := 0; done < sp.n; {
		n := min(8-(at+done)&7, sp.n-done)
		b[(at+done)>>3] |= get(done, n) << ((at + done) & 7)
		done += n
	}
	return b
}

// appendValid notes which of the next slots are not null, those of a column without
// bitmap being no question.
func (c *column) appendValid(valid []byte, sp span) {
	switch {
	case c.required:
	case valid != nil && ipc.Ones(valid, sp.from, sp.n) < sp.n:
		if c.valid == nil {
			c.padValid(c.n)
		}
		c.valid = appendBits(c.valid, c.n, valid, sp)
	case c.valid != nil:
		c.valid = appendBits(c.valid, c.n, nil, sp)
	}
}

// copyFixed appends values of the type of the column, which are of one width.
func (c *column) copyFixed(a *ipc.Array, sp span, valid []byte) {
	c.appendValid(valid, sp)
	switch {
	case c.kind == boolean:
		c.buf = appendBits(c.buf, c.n, a.Data, sp)
	case c.width == 64:
		n := len(c.words)
		c.words = append(c.words, make([]uint64, sp.n)...)
		copy(arrow.Uint64Traits.CastToBytes(c.words[n:]), a.Data[8*sp.from:])
	default:
		width := c.width / 8
		c.buf = append(c.buf, a.Data[width*sp.from:width*(sp.from+sp.n)]...)
	}
	c.n += sp.n
}

// integerAt is an integer of an array, a signed one with its sign in all bits.
func integerAt(a *ipc.Array, t arrow.DataType, i int) uint64 {
	switch t.ID() {
	case arrow.INT8:
		return uint64(int8(a.Data[i]))
	case arrow.UINT8:
		return uint64(a.Data[i])
	case arrow.INT16:
		return uint64(int16(binary.LittleEndian.Uint16(a.Data[2*i:])))
	case arrow.UINT16, arrow.FLOAT16:
		return uint64(binary.LittleEndian.Uint16(a.Data[2*i:]))
	case arrow.INT32, arrow.DATE32, arrow.TIME32:
		return uint64(int32(binary.LittleEndian.Uint32(a.Data[4*i:])))
	case arrow.UINT32, arrow.FLOAT32:
		return uint64(binary.LittleEndian.Uint32(a.Data[4*i:]))
	default:
		return binary.LittleEndian.Uint64(a.Data[8*i:])
	}
}
