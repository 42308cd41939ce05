package decode

// maxTextDepth is how deep JSON may be nested that does not become columns: in columns
// of JSON text, and in fields that are kept or dropped as a whole.
const maxTextDepth = 128

// skip passes the value that is next, which lies at the given depth, and holds it to
// the rules that all JSON is held to.
func (s *scanner) skip(depth int) *Reject {
	switch ch := s.peek(); ch {
	case '"':
		_, rej := s.str()
		return rej
	case '{':
		return s.skipObject(depth)
	case '[':
		return s.skipArray(depth)
	case 't':
		return s.literal(wordTrue)
	case 'f':
		return s.literal(wordFalse)
	case 'n':
		return s.literal(wordNull)
	default:
		if ch == '-' || '0' <= ch && ch <= '9' {
			return s.number()
		}
		return s.unexpected()
	}
}

func (s *scanner) skipObject(depth int) *Reject {
	if depth > maxTextDepth {
		return reject(ClassLimit, "more than %d objects and arrays inside each other, at byte %d", maxTextDepth, s.i)
	}
	s.i++
	s.space()
	if s.peek() == '}' {
		s.i++
		return nil
	}
	keys := s.keys.open()
	for {
		if s.peek() != '"' {
			return s.unexpected()
		}
		at := s.i
		name, rej := s.str()
		if rej != nil {
			return rej
		}
		if !s.keys.add(&keys, name) {
			return reject(ClassParse, "a key occurs twice in one object, at byte %d", at)
		}
		if rej := s.expect(':'); rej != nil {
			return rej
		}
		if rej := s.skip(depth + 1); rej != nil {
			return rej
		}
		if more, rej := s.next('}'); !more {
			s.keys.close(keys)
			return rej
		}
	}
}

func (s *scanner) skipArray(depth int) *Reject {
	if depth > maxTextDepth {
		return reject(ClassLimit, "more than %d objects and arrays inside each other, at byte %d", maxTextDepth, s.i)
	}
	s.i++
	s.space()
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		if rej := s.skip(depth + 1); rej != nil {
			return rej
		}
		if more, rej := s.next(']'); !more {
			return rej
		}
	}
}

// next passes a comma, and reports true, or the end of what is open.
func (s *scanner) next(end byte) (more bool, rej *Reject) {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true, nil
	case end:
		s.i++
		return false, nil
	default:
		return false, s.unexpected()
	}
}
