package decode

// jsonFormat is JSON: an object is a row. A payload is objects separated by white
// space, newline-delimited ones too, or one array of objects.
//
//nolint:gochecknoglobals // a constant table
var jsonFormat = &format{
	types: []string{
		"application/json", "text/json", "application/x-ndjson", "application/ndjson",
		"application/jsonl", "application/x-jsonlines", "application/jsonlines", "application/x-jsonl", "application/x-json",
	},
	suffix: "+json",
	read:   (*Batch).json,
}

func (b *Batch) json() *Reject {
	if len(b.p) >= 3 && string(b.p[:3]) == "\xEF\xBB\xBF" {
		return reject(ClassParse, "the payload begins with a byte order mark")
	}
	b.space()
	if b.i == len(b.p) {
		return reject(ClassParse, "the payload is empty")
	}
	if b.p[b.i] == '[' {
		return b.jsonArray()
	}
	for {
		if rej := b.jsonRow(); rej != nil {
			return rej
		}
		end := b.i
		b.space()
		if b.i == len(b.p) {
			return nil
		}
		if b.i == end {
			return reject(ClassParse, "no white space between two rows, at byte %d", b.i)
		}
	}
}

func (b *Batch) jsonRow() *Reject {
	if b.peek() != '{' {
		return reject(ClassParse, "not a JSON object at byte %d", b.i)
	}
	if rej := b.members(b.root, 1); rej != nil {
		return rej
	}
	return b.endRow()
}

// jsonArray reads the array that is next, and that must be the whole payload.
func (b *Batch) jsonArray() *Reject {
	b.i++
	b.space()
	if b.peek() == ']' {
		return reject(ClassParse, "the payload has no rows")
	}
	for {
		if b.i == len(b.p) {
			return b.unexpected()
		}
		if rej := b.jsonRow(); rej != nil {
			return rej
		}
		b.space()
		switch b.peek() {
		case ',':
			b.i++
			b.space()
		case ']':
			b.i++
			if b.space(); b.i < len(b.p) {
				return reject(ClassParse, "more behind the array of rows, at byte %d", b.i)
			}
			return nil
		default:
			return b.unexpected()
		}
	}
}
