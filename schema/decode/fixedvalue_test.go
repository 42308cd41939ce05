package decode

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/schema"
)

func parsed(t *testing.T, text string) *number {
	t.Helper()
	s := scanner{maxNumber: DefaultMaxNumberBytes}
	s.take([]byte(text))
	if rej := s.number(); rej != nil || s.i != len(text) {
		t.Fatalf("%q: %v", text, rej)
	}
	return &s.num
}

// Every float16 is read back from its digits, and what lies between two becomes the
// nearest, at the exact middle the even one.
func TestNearestFloat16(t *testing.T) {
	write := func(f float64) string { return strconv.FormatFloat(f, 'e', -1, 64) }
	for h := range uint16(0x7c00) {
		v := halfValue(h)
		for neg, sign := range map[bool]string{false: "", true: "-"} {
			want := h
			if neg {
				want |= 1 << 15
			}
			if got, ok := parsed(t, sign+write(v)).nearest16(); !ok || got != want {
				t.Fatalf("%s%v: got %x, %t, want %x", sign, v, got, ok, want)
			}
		}
		if h == 0x7bff {
			break
		}
		if h%7 != 0 && h > 64 {
			continue // exact digits take their time
		}
		middle := (v + halfValue(h+1)) / 2
		even := h + h&1
		for text, want := range map[string]uint16{
			new(big.Float).SetFloat64(middle).Text('f', 60): even, write(math.Nextafter(middle, 0)): h, write(math.Nextafter(middle, 1e9)): h + 1,
			// Nearer to the middle than any float64.
			new(big.Float).SetFloat64(middle).Text('f', 60) + "1": h + 1,
		} {
			if got, ok := parsed(t, text).nearest16(); !ok || got != want {
				t.Fatalf("%s: got %x, %t, want %x", text, got, ok, want)
			}
		}
	}
	for text, want := range map[string]bool{"65520": false, "65520.000": false, "1e5": false, "-1e400": false, "65519.99999999999999999999999": false, "65519.99": true} {
		if got, ok := parsed(t, text).nearest16(); ok != want {
			t.Errorf("%s: got %x, %t", text, got, ok)
		}
	}
}

// Decimals of any size against package big.
func TestLittleEndian(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		digits := make([]byte, 1+r.IntN(76))
		for i := range digits {
			digits[i] = byte('0' + r.IntN(10))
		}
		neg := r.IntN(2) == 0
		var raw [32]byte
		littleEndian(&raw, digits, neg)
		want, _ := new(big.Int).SetString(string(digits), 10)
		if neg {
			want.Neg(want)
		}
		got := new(big.Int)
		for i := len(raw) - 1; i >= 0; i-- {
			got.Add(got.Lsh(got, 8), big.NewInt(int64(raw[i])))
		}
		if raw[31]>>7 != 0 {
			got.Sub(got, new(big.Int).Lsh(big.NewInt(1), 256))
		}
		if got.Cmp(want) != 0 {
			t.Fatalf("%t %s: got %v", neg, digits, got)
		}
	}
}

// Decimals are exact however they are written.
func TestDecimals(t *testing.T) {
	zeros := strings.Repeat("0", 90)
	for text, want := range map[string]string{
		"0": "0", "-0.0": "0", "0." + zeros: "0", "0e9": "0", "1." + zeros: "1", "-12.5": "-12.5", "125e-1": "12.5", "1" + zeros + "e-89": "10",
		"123456789012345678901234567890.1234": "123456789012345678901234567890.1234",
	} {
		b := NewBatch(nil, declare(t, schema.Evolve, col("n", "decimal256(40, 4)")))
		push(t, b, `{"n":`+text+`} {"n":"`+text+`"}`)
		values := record(t, b).Column(0)
		if got := values.ValueStr(0); got != want || values.ValueStr(1) != want {
			t.Errorf("%s: got %s and %s, want %s", text, got, values.ValueStr(1), want)
		}
	}
}
