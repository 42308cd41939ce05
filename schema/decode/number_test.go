package decode

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

func scanNumber(t *testing.T, lit string) *number {
	t.Helper()
	s := &scanner{maxNumber: DefaultMaxNumberBytes}
	s.take([]byte(lit))
	if rej := s.number(); rej != nil || s.i != len(lit) {
		t.Fatalf("%s: %v at %d", lit, rej, s.i)
	}
	return &s.num
}

// literal writes a random number, with a bias to the places where something
// ends: 2^24, 2^53, 2^63, 2^64, the float ranges, ties.
func literal(r *rand.Rand) string {
	edges := []float64{1 << 24, 1 << 53, 1 << 63, 1 << 64, math.MaxFloat32, math.SmallestNonzeroFloat32, math.MaxFloat64, 0x1p-1022, 0x1p-126, 1, 10}
	sign := []string{"", "-"}[r.IntN(2)]
	switch r.IntN(7) {
	case 0:
		return sign + strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)
	case 1: // near an edge, exactly
		f := new(big.Float).SetPrec(2000).SetFloat64(edges[r.IntN(len(edges))])
		f.Add(f, big.NewFloat(float64(r.IntN(5)-2)/2))
		return f.Text('f', r.IntN(3))
	case 2: // halfway between two float32, often subnormal ones
		f := float64(math.Float32frombits(r.Uint32() % (0x7f000000 >> (r.IntN(2) * 8))))
		up := float64(math.Nextafter32(float32(f), math.MaxFloat32))
		tie := new(big.Float).SetPrec(200).SetFloat64(f)
		tie.Add(tie, new(big.Float).SetFloat64(up)).Quo(tie, big.NewFloat(2))
		return sign + tie.Text('e', 40+r.IntN(20))
	case 3:
		return sign + strconv.FormatFloat(math.Float64frombits(r.Uint64()>>1%(0x7ff<<52)), 'e', -1, 64)
	case 4:
		return fmt.Sprintf("%s%d.%0*de%d", sign, r.IntN(1000), 1+r.IntN(25), r.IntN(100000), r.IntN(80)-40)
	case 5: // a whole number in disguise
		zeros := strings.Repeat("0", r.IntN(30))
		return fmt.Sprintf("%s%d%s.%se-%d", sign, 1+r.Uint64()>>r.IntN(64), zeros, strings.Repeat("0", 1+r.IntN(30)), r.IntN(30))
	default:
		return fmt.Sprintf("%s%.*f", sign, r.IntN(10), math.Abs(r.NormFloat64()))
	}
}

// TestNumbers compares the conversions with strconv and exact arithmetic.
func TestNumbers(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 10_000 {
		lit := literal(r)
		n := scanNumber(t, lit)
		exact, ok := new(big.Rat).SetString(lit)
		if !ok {
			t.Fatalf("%s is no number", lit)
		}
		fits := func(name string, got any, gotOK bool, low, high string) {
			lo, _ := new(big.Rat).SetString(low)
			hi, _ := new(big.Rat).SetString(high)
			want := exact.IsInt() && exact.Cmp(lo) >= 0 && exact.Cmp(hi) <= 0
			if want != gotOK || want && exact.Num().String() != fmt.Sprint(got) {
				t.Fatalf("seed %d: %s as %s: got %v %t, want %t", seed, lit, name, got, gotOK, want)
			}
		}
		i64, ok64 := n.signed(64)
		fits("int64", i64, ok64, "-9223372036854775808", "9223372036854775807")
		i8, ok8 := n.signed(8)
		fits("int8", i8, ok8, "-128", "127")
		u64, okU := n.unsigned(64)
		fits("uint64", u64, okU, "0", "18446744073709551615")
		u32, okU32 := n.unsigned(32)
		fits("uint32", u32, okU32, "0", "4294967295")

		f64, err := strconv.ParseFloat(lit, 64)
		if got, ok := n.nearest64(); ok != (err == nil) || ok && math.Float64bits(got) != math.Float64bits(f64) {
			t.Fatalf("seed %d: %s as float64: got %v %t, want %v %v", seed, lit, got, ok, f64, err)
		}
		if _, ok := n.float64(); ok != (err == nil && (!n.integer || exact.Cmp(new(big.Rat).SetFloat64(f64)) == 0)) {
			t.Fatalf("seed %d: %s fits float64: got %t", seed, lit, ok)
		}
		wide, err := strconv.ParseFloat(lit, 32)
		if got, ok := n.nearest32(); ok != (err == nil) || ok && math.Float32bits(got) != math.Float32bits(float32(wide)) {
			t.Fatalf("seed %d: %s as float32: got %v %t, want %v %v", seed, lit, got, ok, wide, err)
		}
		if _, ok := n.float32(); ok != (err == nil && (!n.integer || exact.Cmp(new(big.Rat).SetFloat64(wide)) == 0)) {
			t.Fatalf("seed %d: %s fits float32: got %t", seed, lit, ok)
		}
	}
}

func TestPlainRun(t *testing.T) {
	for _, special := range []byte{0, 1, '\n', 0x1f, '"', '\\', 0x80, 0xc3, 0xff} {
		for at := range 40 {
			for _, filler := range []byte{' ', '!', '#', '[', ']', 'a', 0x7f} {
				p := []byte(strings.Repeat(string(filler), 40))
				for start := range at + 1 {
					p[at] = special
					if at+1 < len(p) {
						p[at+1] = '"'
					}
					if got := plainRun(p, start); got != at {
						t.Fatalf("%q from %d: got %d, want %d", p, start, got, at)
					}
				}
			}
		}
	}
	if got := plainRun([]byte("abcdefghijk"), 3); got != 11 {
		t.Errorf("no special byte: got %d", got)
	}
}
