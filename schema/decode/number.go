package decode

import (
	"bytes"
	"math"
	"math/bits"
	"strconv"
)

// number is a JSON number as written. If long is false its value is exactly
// mant * 10^exp, negated if neg.
type number struct {
	src     *[]byte // payload that holds it, or nil
	from    int     // first byte in src
	to      int     // and the one behind the last
	mant    uint64
	exp     int
	neg     bool
	integer bool // written without fraction and exponent
	long    bool // more digits than mant can hold
}

// lit is the number as written, empty if it is not.
func (n *number) lit() []byte {
	if n.src == nil {
		return nil
	}
	return (*n.src)[n.from:n.to]
}

// number reads the number that is next into s.num.
func (s *scanner) number() *Reject {
	p, i := s.p, s.i
	n := &s.num
	n.exp, n.neg, n.integer = 0, false, true
	if i < len(p) && p[i] == '-' {
		n.neg = true
		i++
	}
	first := i
	mant, k := leadingDigits(load(p, i))
	if i += k; k == 8 {
		mant, i = digits(p, i, mant)
	}
	if i == first || p[first] == '0' && i > first+1 {
		return s.malformed(i)
	}
	count := i - first
	if i < len(p) && p[i] == '.' {
		first = i + 1
		more, k := leadingDigits(load(p, first))
		mant = mant*tens[k] + more
		if i = first + k; k == 8 {
			mant, i = digits(p, i, mant)
		}
		if i == first {
			return s.malformed(i)
		}
		n.integer, n.exp = false, first-i
		count += i - first
	}
	if i < len(p) && p[i]|0x20 == 'e' {
		var exp int
		first = i + 1
		i, exp = exponent(p, first)
		if i == first {
			return s.malformed(first)
		}
		n.integer = false
		n.exp += exp
	}
	n.mant, n.long = mant, count > 19 // 19 digits always fit a uint64
	n.from, n.to, s.i = s.i, i, i
	if n.src != &s.p {
		n.src = &s.p
	}
	if i-n.from > s.maxNumber {
		return reject(ClassLimit, "number of %d bytes at byte %d, the limit is %d", i-n.from, n.from, s.maxNumber)
	}
	return nil
}

// exponent reads an optional sign and digits. Beyond a million the value no
// longer matters and stops growing. The index is i again if there is no digit.
func exponent(p []byte, i int) (end, exp int) {
	j, neg := i, false
	if j < len(p) && (p[j] == '+' || p[j] == '-') {
		neg = p[j] == '-'
		j++
	}
	first := j
	for ; j < len(p) && p[j]-'0' <= 9; j++ {
		if exp < 1_000_000 {
			exp = exp*10 + int(p[j]-'0')
		}
	}
	if j == first {
		return i, 0
	}
	if neg {
		exp = -exp
	}
	return j, exp
}

// magnitude returns the number without its sign if it is a whole number that
// fits a uint64, however it is written.
func (n *number) magnitude() (uint64, bool) {
	if n.integer && !n.long {
		return n.mant, true
	}
	return n.disguised()
}

// disguised is magnitude for numbers of many digits, or with a fraction or exponent.
func (n *number) disguised() (uint64, bool) {
	if n.integer {
		m, err := strconv.ParseUint(string(bytes.TrimPrefix(n.lit(), []byte("-"))), 10, 64)
		return m, err == nil
	}
	var buf [40]byte
	digits, exp := n.decimal(buf[:0])
	if len(digits) == 0 {
		return 0, true
	}
	if exp < 0 || len(digits)+exp > 20 {
		return 0, false
	}
	digits = append(digits, "00000000000000000000"[:exp]...)
	m, err := strconv.ParseUint(string(digits), 10, 64)
	return m, err == nil
}

// decimal returns the number without its sign as digits * 10^exp, the digits
// without zeros at either end, none at all for zero. They are appended to buf.
func (n *number) decimal(buf []byte) (digits []byte, exp int) {
	digits = buf
	if !n.long {
		digits = strconv.AppendUint(digits, n.mant, 10)
		whole := len(digits)
		digits = bytes.TrimRight(digits, "0")
		return digits, n.exp + whole - len(digits)
	}
	lit := n.lit()
	for i, c := range lit {
		if c|0x20 == 'e' {
			_, exp = exponent(lit, i+1)
			break
		}
		if '0' <= c && c <= '9' {
			digits = append(digits, c)
		}
	}
	if dot := bytes.IndexByte(lit, '.'); dot >= 0 {
		end := len(lit)
		if e := bytes.IndexAny(lit, "eE"); e >= 0 {
			end = e
		}
		exp -= end - dot - 1
	}
	whole := len(digits)
	digits = bytes.TrimRight(digits, "0")
	exp += whole - len(digits)
	return bytes.TrimLeft(digits, "0"), exp
}

// signed returns the number as an integer of the given width in bits, or false
// if it is not one exactly.
func (n *number) signed(width int) (int64, bool) {
	if n.integer && !n.long && !n.neg {
		return int64(n.mant), n.mant>>(width-1) == 0
	}
	m, ok := n.magnitude()
	limit := uint64(1) << (width - 1)
	if !ok || m > limit || m == limit && !n.neg {
		return 0, false
	}
	if n.neg {
		return -int64(m), true
	}
	return int64(m), true
}

// unsigned is signed for unsigned integers. Minus zero is zero.
func (n *number) unsigned(width int) (uint64, bool) {
	m, ok := n.magnitude()
	if !ok || n.neg && m != 0 || bits.Len64(m) > width {
		return 0, false
	}
	return m, true
}

// powers are the powers of ten that a float64 holds exactly.
//
//nolint:gochecknoglobals // a constant table
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// nearest64 returns the float64 nearest to the number, or false beyond its
// range. Where mant and the power of ten are both exact, one operation of IEEE
// 754 rounds rightly.
func (n *number) nearest64() (float64, bool) {
	if n.long || n.mant > 1<<53 || n.exp < -22 || n.exp > 22 {
		f, err := strconv.ParseFloat(string(n.lit()), 64)
		return f, err == nil
	}
	f := float64(int64(n.mant))
	if n.exp < 0 {
		f /= powers[-n.exp]
	} else {
		f *= powers[n.exp]
	}
	if n.neg {
		f = -f
	}
	return f, true
}

// nearest32 returns the float32 nearest to the number, or false beyond its
// range. Rounding twice, to float64 and then to float32, differs from rounding
// once only where the float64 lies exactly between two float32 values, or where
// the float32 is subnormal.
func (n *number) nearest32() (float32, bool) {
	f, ok := n.nearest64()
	if !ok {
		return 0, false
	}
	const tie, below = 1 << 28, 1<<29 - 1
	if abs := math.Abs(f); f != 0 && abs < 0x1p-126 || math.Float64bits(f)&below == tie || abs > math.MaxFloat32 {
		narrow, err := strconv.ParseFloat(string(n.lit()), 32)
		return float32(narrow), err == nil
	}
	return float32(f), true
}

// float64 returns the number for a float64 column: the nearest value to a
// number written with a fraction or exponent, which is an approximation already,
// but an integer only if the column can hold it exactly.
func (n *number) float64() (float64, bool) {
	f, ok := n.nearest64()
	if !ok || n.integer && !n.equals(f) {
		return 0, false
	}
	return f, true
}

// float32 is float64 for float32 columns.
func (n *number) float32() (float32, bool) {
	f, ok := n.nearest32()
	if !ok || n.integer && !n.equals(float64(f)) {
		return 0, false
	}
	return f, true
}

// equals tells whether the number, which is an integer, is exactly f.
func (n *number) equals(f float64) bool {
	if !n.long && n.mant <= 1<<24 {
		return true
	}
	if !n.long { // it may have no digits: not all numbers come from text
		abs := math.Abs(f)
		return abs < 1<<64 && uint64(abs) == n.mant
	}
	digits := n.lit()
	if n.neg {
		digits = digits[1:]
	}
	var exact [400]byte
	return bytes.Equal(strconv.AppendFloat(exact[:0], math.Abs(f), 'f', 0, 64), digits)
}
