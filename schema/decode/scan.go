package decode

import "unicode/utf8"

// scanner reads the tokens of one payload and checks all that RFC 8259 asks of
// them. It never reads outside p.
type scanner struct {
	p         []byte
	i         int    // next byte
	maxNumber int    // Options.MaxNumberBytes
	scratch   []byte // decoded bytes of a string with escapes
	keys      keyStack
	num       number // the last number
}

// take starts on a payload.
func (s *scanner) take(p []byte) {
	s.p, s.i = p, 0
}

// peek returns the next byte, or 0 at the end. No token begins with a 0 byte.
func (s *scanner) peek() byte {
	if s.i < len(s.p) {
		return s.p[s.i]
	}
	return 0
}

// space skips white space. There mostly is none, and that is found out inline.
func (s *scanner) space() {
	if s.i < len(s.p) && s.p[s.i] <= ' ' {
		s.skipSpace()
	}
}

func (s *scanner) skipSpace() {
	for s.i < len(s.p) {
		switch s.p[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// expect skips white space, one byte c, and white space again.
func (s *scanner) expect(c byte) *Reject {
	if s.i+1 < len(s.p) && s.p[s.i] == c && s.p[s.i+1] > ' ' {
		s.i++
		return nil
	}
	s.space()
	if s.peek() != c {
		return s.unexpected()
	}
	s.i++
	s.space()
	return nil
}

// keyword is one of the words true, false and null.
type keyword struct {
	text uint64 // as load shows it
	size int
}

//nolint:gochecknoglobals // constant tables
var (
	wordTrue  = keyword{load([]byte("true"), 0), 4}
	wordFalse = keyword{load([]byte("false"), 0), 5}
	wordNull  = keyword{load([]byte("null"), 0), 4}
)

// literal skips one of those words.
func (s *scanner) literal(w keyword) *Reject {
	if load(s.p, s.i)<<(64-8*w.size) != w.text<<(64-8*w.size) {
		return s.unexpected()
	}
	s.i += w.size
	return nil
}

func (s *scanner) unexpected() *Reject { return s.malformed(s.i) }

func (s *scanner) malformed(at int) *Reject {
	if at >= len(s.p) {
		return reject(ClassParse, "JSON ends too early, at byte %d", len(s.p))
	}
	return reject(ClassParse, "malformed JSON at byte %d", at)
}

// str reads the string whose opening quote is next. The bytes returned are its
// decoded text, valid UTF-8, part of the payload or of the scratch space: they
// are valid until the next call.
func (s *scanner) str() ([]byte, *Reject) {
	start := s.i + 1
	end := plainRun(s.p, start)
	if end < len(s.p) && s.p[end] == '"' {
		s.i = end + 1
		return s.p[start:end], nil
	}
	return s.hardStr(start, end)
}

// hardStr is str for text with escapes or beyond ASCII; j is the first such byte.
func (s *scanner) hardStr(start, j int) ([]byte, *Reject) {
	s.scratch = s.scratch[:0]
	seg, escaped := start, false
	for {
		if j >= len(s.p) {
			return nil, s.malformed(j)
		}
		switch c := s.p[j]; {
		case c == '"':
			s.i = j + 1
			if !escaped {
				return s.p[start:j], nil
			}
			s.scratch = append(s.scratch, s.p[seg:j]...)
			return s.scratch, nil
		case c == '\\':
			s.scratch = append(s.scratch, s.p[seg:j]...)
			next, rej := s.escape(j)
			if rej != nil {
				return nil, rej
			}
			escaped, j, seg = true, next, next
		case c < ' ':
			return nil, reject(ClassParse, "control character in a string at byte %d", j)
		default:
			for j < len(s.p) && s.p[j] >= utf8.RuneSelf {
				r, size := utf8.DecodeRune(s.p[j:])
				if r == utf8.RuneError && size <= 1 {
					return nil, reject(ClassParse, "invalid UTF-8 at byte %d", j)
				}
				j += size
			}
		}
		j = plainRun(s.p, j)
	}
}

// escape decodes the escape at j into the scratch space and returns the index
// behind it.
func (s *scanner) escape(j int) (int, *Reject) {
	if j+1 >= len(s.p) {
		return 0, s.malformed(j + 1)
	}
	c := s.p[j+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return s.unicode(j)
	default:
		return 0, s.malformed(j + 1)
	}
	s.scratch = append(s.scratch, c)
	return j + 2, nil
}

// unicode decodes the \u escape at j, with its second half if it is a pair of
// surrogates.
func (s *scanner) unicode(j int) (int, *Reject) {
	r, ok := s.hex4(j + 2)
	if !ok {
		return 0, s.malformed(j)
	}
	next := j + 6
	if r >= 0xD800 && r < 0xE000 {
		low, ok := rune(0), false
		if r < 0xDC00 && next+1 < len(s.p) && s.p[next] == '\\' && s.p[next+1] == 'u' {
			low, ok = s.hex4(next + 2)
		}
		if !ok || low < 0xDC00 || low >= 0xE000 {
			return 0, reject(ClassParse, "lone surrogate at byte %d", j)
		}
		r = 0x10000 + (r-0xD800)<<10 + (low - 0xDC00)
		next += 6
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return next, nil
}

// hex4 reads four hexadecimal digits.
func (s *scanner) hex4(j int) (rune, bool) {
	if j+4 > len(s.p) {
		return 0, false
	}
	var r rune
	for _, c := range s.p[j : j+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
