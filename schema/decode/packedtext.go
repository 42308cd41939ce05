package decode

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// packedJSON appends the value that is next as JSON text, for columns of text and
// fields without a column: binaries as base64, instants as RFC 3339 has them. It is held
// to the rules for JSON text.
func (b *Batch) packedJSON(dst []byte, depth int) ([]byte, *Reject) {
	at := b.i
	t, rej := b.packed()
	if rej != nil {
		return nil, rej
	}
	switch t.kind {
	case packedNil:
		return append(dst, "null"...), nil
	case packedBool:
		return strconv.AppendBool(dst, t.yes), nil
	case packedInt:
		if t.neg {
			dst = append(dst, '-')
		}
		return strconv.AppendUint(dst, t.n, 10), nil
	case packedFloat:
		if math.IsNaN(t.float()) || math.IsInf(t.float(), 0) {
			return nil, reject(ClassType, "NaN or infinity, which JSON has no word for, at byte %d", at)
		}
		return appendFloat(dst, t.float()), nil
	case packedStr:
		if !utf8.Valid(t.bytes) {
			return nil, reject(ClassParse, "invalid UTF-8 in the string at byte %d", at)
		}
		return appendQuoted(dst, t.bytes), nil
	case packedBin:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), t.bytes), '"'), nil
	case packedTime:
		sec := int64(t.n)
		instant := time.Unix(sec, int64(t.nano)).UTC()
		if year := instant.Year(); year < 0 || year > 9999 || instant.Unix() != sec {
			return nil, reject(ClassType, "a time beyond the years 0 to 9999, at byte %d", at)
		}
		return append(instant.AppendFormat(append(dst, '"'), time.RFC3339Nano), '"'), nil
	case packedMap, packedArray:
		if depth > maxTextDepth {
			return nil, reject(ClassLimit, "more than %d maps and arrays inside each other, at byte %d", maxTextDepth, at)
		}
	}
	if t.kind == packedMap {
		return b.packedJSONObject(dst, t.size, depth)
	}
	dst = append(dst, '[')
	for i := range t.size {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, rej = b.packedJSON(dst, depth+1); rej != nil {
			return nil, rej
		}
	}
	return append(dst, ']'), nil
}

func (b *Batch) packedJSONObject(dst []byte, size, depth int) ([]byte, *Reject) {
	keys := b.keys.open()
	dst = append(dst, '{')
	for i := range size {
		at := b.i
		key, rej := b.packed()
		switch {
		case rej != nil:
			return nil, rej
		case key.kind != packedStr || !utf8.Valid(key.bytes):
			return nil, reject(ClassParse, "a key that is not a string in UTF-8, at byte %d", at)
		case !b.keys.add(&keys, key.bytes):
			return nil, reject(ClassParse, "a key occurs twice in one object, at byte %d", at)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, key.bytes), ':')
		if dst, rej = b.packedJSON(dst, depth+1); rej != nil {
			return nil, rej
		}
	}
	b.keys.close(keys)
	return append(dst, '}'), nil
}

// appendFloat writes a finite float with a fraction or an exponent, so that it is read
// as one again.
func appendFloat(dst []byte, f float64) []byte {
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendQuoted writes text, which is valid UTF-8, as a JSON string.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
