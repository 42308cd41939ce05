package decode

import (
	"errors"
	"strings"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode/inflate"
)

// addEncoding takes one Content-Encoding of a message. Only one level is undone: a
// list of encodings is the name of none.
func (f *form) addEncoding(value string) *Reject {
	value = strings.TrimSpace(value)
	if value == "" || strings.EqualFold(value, "identity") {
		return nil
	}
	if f.encoding != "" {
		return reject(ClassFormat, "more than one %s", contentEncoding)
	}
	f.encoding = value
	return nil
}

// maxKept is the most memory that is kept from one message for the next.
const maxKept = 1 << 20

// plain undoes the encoding of a payload. What it returns is valid until the next call.
func (b *Batch) plain(encoding string, p []byte) ([]byte, *Reject) {
	if encoding == "" {
		return p, nil
	}
	if b.inflated == nil || cap(b.inflated) > maxKept {
		b.inflated = []byte{}
	}
	out, err := b.inflater.Append(encoding, b.inflated[:0], p)
	switch {
	case errors.Is(err, inflate.ErrUnknown):
		return nil, reject(ClassFormat, "%s %s is not one of %s, or more than one", contentEncoding, schema.Quote(encoding), inflate.Names())
	case errors.Is(err, inflate.ErrLimit):
		return nil, reject(ClassLimit, "the payload in %s is %v", strings.ToLower(encoding), err)
	case err != nil:
		return nil, reject(ClassParse, "the payload in %s is %v", strings.ToLower(encoding), err)
	}
	b.inflated = out
	return out, nil
}
