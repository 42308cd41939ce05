package decode

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

// fixedText stores a string in a column of a type without values of its own in JSON.
func (b *Batch) fixedText(c *column, s []byte) *Reject {
	switch t := c.typ.(type) {
	case arrow.DecimalType:
		p, i := b.p, b.i
		defer func() { b.p, b.i = p, i }()
		b.take(s)
		if rej := b.number(); rej != nil || b.i != len(s) {
			return misfit(c, "string that is not a number")
		}
		return b.putDecimal(c, &b.num, t)
	case *arrow.FixedSizeBinaryType:
		raw, ok := b.unbase64(s)
		switch {
		case !ok:
			return misfit(c, "string that is not base64")
		case len(raw) != t.ByteWidth:
			return misfit(c, "binary of another length")
		}
		return b.putRaw(c, raw)
	case *arrow.Date64Type:
		day, ok := parseDate(s)
		if !ok {
			return misfit(c, "string that is not a date YYYY-MM-DD")
		}
		return b.putFixed(c, uint64(day.UnixMilli()))
	case *arrow.Time32Type:
		return b.putTimeOfDay(c, s, t.Unit)
	case *arrow.Time64Type:
		return b.putTimeOfDay(c, s, t.Unit)
	default:
		return misfit(c, "string")
	}
}

// fixedNumber stores the number in hand in such a column.
func (b *Batch) fixedNumber(c *column) *Reject {
	n := &b.num
	switch t := c.typ.(type) {
	case arrow.DecimalType:
		return b.putDecimal(c, n, t)
	case *arrow.Float16Type:
		h, ok := n.float16()
		if !ok {
			return misfit(c, "number out of range, or an integer beyond the exact ones,")
		}
		return b.putFixed(c, uint64(h))
	case *arrow.DurationType:
		return b.putCount(c, math.MinInt64, math.MaxInt64, 1)
	case *arrow.Date64Type:
		return b.putCount(c, math.MinInt64, math.MaxInt64, 24*60*60*1000)
	case *arrow.Time32Type:
		return b.putCount(c, 0, perDay(t.Unit)-1, 1)
	case *arrow.Time64Type:
		return b.putCount(c, 0, perDay(t.Unit)-1, 1)
	default:
		return misfit(c, "number")
	}
}

// perDay is how many units a day has.
func perDay(u arrow.TimeUnit) int64 { return int64(24 * time.Hour / u.Multiplier()) }

// putCount stores an integer that counts the units of the column: a multiple of step
// from low to high.
func (b *Batch) putCount(c *column, low, high, step int64) *Reject {
	v, ok := b.num.signed(64)
	if !ok {
		return misfit(c, "number that is no integer, or out of range,")
	}
	if v < low || v > high || v%step != 0 {
		return misfit(c, "integer out of range")
	}
	return b.putFixed(c, uint64(v))
}

// putTimeOfDay stores a time written as HH:MM:SS, with a fraction of seconds or without.
func (b *Batch) putTimeOfDay(c *column, s []byte, unit arrow.TimeUnit) *Reject {
	const whole = len(time.TimeOnly)
	t, err := time.Parse("15:04:05.999999999", string(s))
	if err != nil || len(s) < whole || len(s) > whole && (s[whole] != '.' || len(s) == whole+1) {
		return misfit(c, "string that is not a time HH:MM:SS")
	}
	nanos := int64(t.Sub(t.Truncate(24 * time.Hour)))
	if size := int64(unit.Multiplier()); nanos%size != 0 || len(s) > whole+10 {
		return misfit(c, "time finer than the unit of the column")
	}
	return b.putFixed(c, uint64(nanos/int64(unit.Multiplier())))
}

// putRaw stores a value that is given as its bytes.
func (b *Batch) putRaw(c *column, v []byte) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	if c.width == 64 {
		c.words = append(c.words, binary.NativeEndian.Uint64(v))
	} else {
		c.buf = append(c.buf, v...)
	}
	return nil
}

// putDecimal stores a number that is exact at the scale of the column.
func (b *Batch) putDecimal(c *column, n *number, t arrow.DecimalType) *Reject {
	var buf [80]byte
	var raw [32]byte
	digits, exp := n.decimal(buf[:0])
	shift := exp + int(t.GetScale())
	switch {
	case len(digits) == 0:
		return b.putRaw(c, raw[:c.width/8])
	case shift < 0:
		return misfit(c, "number with more digits behind the point")
	case len(digits)+shift > int(t.GetPrecision()):
		return misfit(c, "number out of range")
	}
	for range shift {
		digits = append(digits, '0')
	}
	littleEndian(&raw, digits, n.neg)
	return b.putRaw(c, raw[:c.width/8])
}

// littleEndian writes an integer of at most 76 digits as two's complement.
func littleEndian(raw *[32]byte, digits []byte, neg bool) {
	var words [4]uint64
	for _, d := range digits {
		carry := uint64(d - '0')
		for i := range words {
			hi, lo := bits.Mul64(words[i], 10)
			var c uint64
			words[i], c = bits.Add64(lo, carry, 0)
			carry = hi + c
		}
	}
	if neg {
		carry := uint64(1)
		for i := range words {
			words[i], carry = bits.Add64(^words[i], 0, carry)
		}
	}
	for i, w := range words {
		binary.LittleEndian.PutUint64(raw[8*i:], w)
	}
}

// float16 returns the number for a float16 column, by the rule of float64.
func (n *number) float16() (uint16, bool) {
	h, ok := n.nearest16()
	if !ok || n.integer && (n.long || float64(n.mant) != math.Abs(halfValue(h))) {
		return 0, false
	}
	return h, true
}

// isHalf tells whether the column holds float16.
func (c *column) isHalf() bool { return c.kind == fixed && c.typ.ID() == arrow.FLOAT16 }

// Of a float16: the exponent of its least bit where it is subnormal, and the largest.
const (
	halfLeast = 0x1p-24
	maxHalf   = 65504
)

// nearest16 returns the float16 nearest to the number, or false beyond its range.
func (n *number) nearest16() (uint16, bool) {
	f, ok := n.nearest64()
	if !ok {
		return 0, false
	}
	sign := uint16(0)
	if math.Signbit(f) {
		sign = 1 << 15
	}
	abs := math.Abs(f)
	if !(abs < maxHalf+16) { // halfway to the next one, which is none; or no number
		return 0, false
	}
	step := halfLeast // between neighbours at abs
	if _, exp := math.Frexp(abs); abs >= 0x1p-14 {
		step = math.Ldexp(1, exp-11)
	}
	quotient := abs / step // exact: step is a power of two
	low := math.Floor(quotient)
	if rest := quotient - low; rest > 0.5 || rest == 0.5 && n.above(abs, low) {
		low++
	}
	v := low * step
	if v > maxHalf {
		return 0, false
	}
	return sign | halfBits(v), true
}

// above decides a tie between low and the next value: by the digits, of which abs is
// the nearest float64 only, or else for the even one.
func (n *number) above(abs, low float64) bool {
	even := math.Mod(low, 2) == 1
	if !n.long && n.exp == 0 {
		return even // abs is exact
	}
	exact, ok := new(big.Rat).SetString(string(n.lit()))
	if !ok {
		return even
	}
	switch exact.Abs(exact).Cmp(new(big.Rat).SetFloat64(abs)) {
	case 1:
		return true
	case -1:
		return false
	default:
		return even
	}
}

// halfBits is a float16 that is not negative as it is stored; v is one exactly.
func halfBits(v float64) uint16 {
	if v < 0x1p-14 {
		return uint16(v / halfLeast)
	}
	fraction, exp := math.Frexp(v) // 0.5 <= fraction < 1
	return uint16(exp+14)<<10 | uint16(fraction*2048)&(1<<10-1)
}

// halfValue is the inverse of halfBits, with a sign.
func halfValue(h uint16) float64 {
	exp, fraction := int(h>>10&31), float64(h&(1<<10-1))
	v := fraction * halfLeast
	if exp > 0 {
		v = math.Ldexp(1+fraction/1024, exp-15)
	}
	if h>>15 != 0 {
		return -v
	}
	return v
}
