package decode

import (
	"encoding/binary"
	"math/bits"
)

// Text is looked at in words of eight bytes, the first in the lowest bits.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load returns the eight bytes of p from i on, with zeros for those behind its end.
func load(p []byte, i int) uint64 {
	if i+8 <= len(p) {
		return binary.LittleEndian.Uint64(p[i:])
	}
	return loadEnd(p, i)
}

//go:noinline
func loadEnd(p []byte, i int) uint64 {
	if i >= len(p) {
		return 0
	}
	if len(p) >= 8 {
		return binary.LittleEndian.Uint64(p[len(p)-8:]) >> (8 * (i + 8 - len(p)))
	}
	var w [8]byte
	copy(w[:], p[i:])
	return binary.LittleEndian.Uint64(w[:])
}

// plainRun returns the index at or behind i of the first byte that is not plain
// text of a string: a quote, a backslash, a control character or a byte beyond
// ASCII. Each of the four tests sets the high bit of the bytes that match and, by
// borrow, perhaps of bytes above the first match, so the lowest bit set is right.
func plainRun(p []byte, i int) int {
	for ; i < len(p); i += 8 {
		x := load(p, i) // zeros behind the end are control characters
		quote, slash := x^('"'*ones), x^('\\'*ones)
		m := x | (x-' '*ones)&^x | (quote-ones)&^quote | (slash-ones)&^slash
		if m &= highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	return i
}

// tens are the powers of ten that shift a number by the digits of a word.
//
//nolint:gochecknoglobals // a constant table
var tens = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// digits takes the run of digits at i into the number v, which wraps if there are too
// many, and returns the index behind it.
func digits(p []byte, i int, v uint64) (uint64, int) {
	for {
		more, n := leadingDigits(load(p, i))
		v = v*tens[n] + more
		i += n
		if n < 8 {
			return v, i
		}
	}
}

// leadingDigits returns the number that a word begins with, and how many digits it has.
// Digits become 0 to 9 by the first step; 0x76 more is 0x80 from 10 on, and only a byte
// from 10 on can carry into the next. The digits are then the highest bytes, behind
// zeros, and pairs of neighbours are joined three times.
func leadingDigits(x uint64) (v uint64, n int) {
	x ^= '0' * ones
	n = bits.TrailingZeros64((x|(x+0x76*ones))&highs) >> 3
	x <<= 64 - 8*n
	x = x * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	x = x * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	return x * (10000<<32 + 1) >> 32, n
}

// token is a key as objects without white space show it, with its quotes and the colon
// behind it. The zero value is that of a key which must be looked up.
type token struct {
	text       string
	head, mask uint64 // what a word that begins with the text is, where mask has ones
}

// makeToken is the zero value if the key would be escaped.
func makeToken(key string) token {
	if plainRun([]byte(key), 0) < len(key) {
		return token{}
	}
	t := token{text: `"` + key + `":`}
	t.head = load([]byte(t.text), 0)
	t.mask = 1<<(8*min(len(t.text), 8)) - 1
	return t
}

// isNext tells whether p goes on with the token at i.
func (t *token) isNext(p []byte, i int) bool {
	return load(p, i)&t.mask == t.head && t.text != "" && (len(t.text) <= 8 || t.endsAt(p, i))
}

// endsAt is isNext where the first word is known to be right.
func (t *token) endsAt(p []byte, i int) bool {
	end := i + len(t.text)
	return end <= len(p) && string(p[i+8:end]) == t.text[8:]
}
