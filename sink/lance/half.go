package lance

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow/float16"
)

// Arrow's own conversions take the smallest halves for zero or for other numbers.

// halfValue is the number that a half-precision float stands for.
func halfValue(n float16.Num) float64 {
	bits := n.Uint16()
	fraction, exponent := float64(bits&0x3ff), int(bits>>10&0x1f)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 0x1f:
		if v = math.Inf(1); fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(1024+fraction, exponent-25)
	}
	return math.Copysign(v, float64(1-int(bits>>15)*2))
}

// halfOf is the half-precision float of a number, if there is one.
func halfOf(v float64) (float16.Num, bool) {
	sign := uint16(0)
	if math.Signbit(v) {
		sign = 1 << 15
	}
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return float16.FromBits(sign | 0x7e00), true
	case math.IsInf(v, 0):
		return float16.FromBits(sign | 0x7c00), true
	case size == 0:
		return float16.FromBits(sign), true
	case size > 65504:
		return float16.Num{}, false
	default:
		exponent := max(math.Ilogb(size), -14)
		digits := math.Ldexp(size, 10-exponent)
		if digits != math.Trunc(digits) {
			return float16.Num{}, false
		}
		return float16.FromBits(sign | uint16((exponent+14)<<10+int(digits))), true
	}
}
