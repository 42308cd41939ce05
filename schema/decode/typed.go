package decode

import (
	"math"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/float16"
)

// The values of formats that have types of their own, where JSON has only text.

// setInteger makes an integer the number in hand.
func (b *Batch) setInteger(neg bool, v uint64) {
	b.num = number{mant: v, neg: neg, integer: true}
	if v > 1<<53 { // its digits are looked at
		b.spell()
	}
}

// spell gives the number in hand, which is whole, its digits.
func (b *Batch) spell() {
	b.scratch = b.scratch[:0]
	if b.num.neg {
		b.scratch = append(b.scratch, '-')
	}
	b.scratch = strconv.AppendUint(b.scratch, b.num.mant, 10)
	b.num.src, b.num.to = &b.scratch, len(b.scratch)
}

// setFloat makes a finite float the number in hand, as if it was written with a
// fraction.
func (b *Batch) setFloat(f float64) {
	if abs := math.Abs(f); abs < 1<<64 && abs == math.Trunc(abs) {
		b.num = number{mant: uint64(abs), neg: math.Signbit(f)}
		b.spell()
		return
	}
	b.scratch = strconv.AppendFloat(b.scratch[:0], f, 'e', -1, 64)
	b.num = number{src: &b.scratch, to: len(b.scratch), neg: f < 0, long: true}
}

// putFloat stores a float if it is exact in the column, which may become a wider one.
// Unlike a number in JSON it is not an approximation in decimals: its bits are its value.
func (b *Batch) putFloat(c *column, f float64) *Reject {
	switch narrow := float64(float32(f)); {
	case c.kind == floating && c.width == 32 && narrow != f && !math.IsNaN(f):
		if rej := b.widenTo(c, arrow.PrimitiveTypes.Float64, inexactFloat); rej != nil {
			return rej
		}
	case c.isHalf() && (narrow != f || float16.New(float32(f)).Float32() != float32(f)):
		return misfit(c, inexactFloat)
	case c.kind == unborn:
		if rej := b.bear(c, floating, 64); rej != nil {
			return rej
		}
	case c.inferred && (c.kind == signed || c.kind == unsigned) && !c.inexact:
		b.widen(c)
	}
	if c.kind == floating {
		return b.putFixed(c, c.floatBits(f))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return misfit(c, "NaN or infinity")
	}
	b.setFloat(f)
	return b.putNumber(c)
}

const inexactFloat = "float beyond the exact ones"

// overflows tells whether a finite float is none as a float32.
func overflows(f float64) bool { return math.IsInf(float64(float32(f)), 0) && !math.IsInf(f, 0) }

// floatBits is a float as a column of floats stores it.
func (c *column) floatBits(f float64) uint64 {
	if c.width == 32 {
		return uint64(math.Float32bits(float32(f)))
	}
	return math.Float64bits(f)
}

// floatComponent appends a float to the vector that is open: the nearest value, as from
// JSON, since programs that have floats of one width only send all vectors in it.
func (b *Batch) floatComponent(c *column, f float64) *Reject {
	if c.item.width == 32 && overflows(f) {
		return misfit(c, "number out of range")
	}
	c.item.component(c.item.floatBits(f))
	return nil
}

// component appends one value of a vector to the column of its items.
func (c *column) component(v uint64) {
	if c.valid != nil {
		appendBit(&c.valid, c.n, true)
	}
	c.store(v)
	c.n++
}

// putBinary stores bytes.
func (b *Batch) putBinary(c *column, v []byte) *Reject {
	if c.kind == unborn {
		if rej := b.bear(c, binaries, 0); rej != nil {
			return rej
		}
	}
	switch {
	case c.kind == binaries:
		return b.putText(c, v)
	case c.kind == dictionary && c.item.kind == binaries:
		return b.putEntry(c, v)
	case c.kind == fixed && c.typ.ID() == arrow.FIXED_SIZE_BINARY:
		if len(v)*8 != c.width {
			return misfit(c, "binary of "+strconv.Itoa(len(v))+" bytes")
		}
		return b.putRaw(c, v)
	default:
		return misfit(c, "binary")
	}
}

// putPackedTime stores an instant of MessagePack. A new column has nanoseconds, as
// the instants may have.
func (b *Batch) putPackedTime(c *column, t packed) *Reject {
	if c.kind == unborn {
		if rej := b.bear(c, timestamp, 64); rej != nil {
			return rej
		}
		c.typ = &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "UTC"}
	}
	if c.kind != timestamp {
		return misfit(c, "timestamp")
	}
	return b.putInstant(c, int64(t.n), int64(t.nano), false)
}
