package lance

import (
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/float16"
)

// Every half has a value, which is that half again, and no other number.
func TestHalves(t *testing.T) {
	for bits := range 1 << 16 {
		half := float16.FromBits(uint16(bits))
		v := halfValue(half)
		back, ok := halfOf(v)
		if math.IsNaN(v) {
			if !ok || !math.IsNaN(halfValue(back)) || bits&0x7c00 != 0x7c00 {
				t.Fatalf("%#x is NaN, which is %#x", bits, back.Uint16())
			}
			continue
		}
		if !ok || back != half {
			t.Fatalf("%#x is %g, which is %#x, %t", bits, v, back.Uint16(), ok)
		}
		if _, ok := halfOf(math.Nextafter(v, 1)); ok && v != 1 && !math.IsInf(v, 0) {
			t.Fatalf("the number beside %g is a half", v)
		}
	}
	for bits, want := range map[uint16]float64{1: 0x1p-24, 0x3ff: 0x3ffp-24, 0x400: 0x1p-14, 0x3c00: 1, 0xc500: -5, 0x7bff: 65504, 0xfc00: math.Inf(-1)} {
		if got := halfValue(float16.FromBits(bits)); got != want {
			t.Errorf("%#x is %g, want %g", bits, got, want)
		}
	}
}
