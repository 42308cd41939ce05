// Package escape writes names with a small alphabet so that they can be told
// apart: tables, durable consumers and columns are all named after something that
// may hold bytes which the name may not.
package escape

import (
	"strings"
)

const hex = "0123456789ABCDEF"

// Bytes writes each byte of s that plain refuses as _xHH, two upper-case hex digits,
// and so a '_' that would read as the start of such an escape. Everything else
// stays. For one plain it is injective; '_', 'x' and the digits must be plain.
func Bytes(s string, plain func(c byte) bool) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) && !reads(s[i:]) {
			b.WriteByte(c)
		} else {
			b.WriteString(Byte(c))
		}
	}
	return b.String()
}

// Byte returns the escape of one byte.
func Byte(c byte) string { return string([]byte{'_', 'x', hex[c>>4], hex[c&15]}) }

// reads reports whether s begins like an escape. What follows an underscore is
// never changed by Bytes when it is x, a digit or A-F, so looking at the text
// before escaping is enough.
func reads(s string) bool {
	return len(s) >= 4 && s[0] == '_' && s[1] == 'x' &&
		strings.IndexByte(hex, s[2]) >= 0 && strings.IndexByte(hex, s[3]) >= 0
}

// Undo returns what Bytes was given.
func Undo(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if !reads(name[i:]) {
			b.WriteByte(name[i])
			continue
		}
		b.WriteByte(byte(strings.IndexByte(hex, name[i+2])<<4 | strings.IndexByte(hex, name[i+3])))
		i += 3
	}
	return b.String()
}
