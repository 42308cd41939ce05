package decode

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"github.com/pst-bridge/pst-bridge/schema"
)

// format is one way in which rows are written into payloads. Each has a file of its
// own, and a row in formats.
type format struct {
	types  []string // media types in lower case; the first is the one to name to people
	suffix string   // of structured media types ("+json"), or ""
	magic  string   // what every payload of the format begins with, or ""
	read   func(b *Batch) *Reject
}

// formats are all there are. A payload of which the headers do not say the format
// has the first whose magic it begins with.
//
//nolint:gochecknoglobals // a constant table
var formats = []*format{jsonFormat, msgpackFormat, arrowFormat}

// unspecific are media types that say nothing of the format.
//
//nolint:gochecknoglobals // a constant table
var unspecific = []string{"application/octet-stream", "text/plain"}

// Names of the headers that count, compared without case.
const (
	contentType     = "Content-Type"
	contentEncoding = "Content-Encoding"
)

// form is what the headers of a message say about its payload.
type form struct {
	format   *format // nil if they do not say
	encoding string  // "" for none
}

// lastForm remembers what the last Content-Type meant: publishers repeat themselves.
type lastForm struct {
	contentType string
	format      *format
}

// form reads the headers. Every value of them counts; two that differ contradict each
// other.
func (b *Batch) form(header map[string][]string) (f form, rej *Reject) {
	if len(header) == 0 {
		return f, nil
	}
	for name, values := range header {
		switch {
		case len(name) == len(contentType) && strings.EqualFold(name, contentType):
			for _, v := range values {
				if rej := b.addType(&f, v); rej != nil {
					return f, rej
				}
			}
		case len(name) == len(contentEncoding) && strings.EqualFold(name, contentEncoding):
			for _, v := range values {
				if rej := f.addEncoding(v); rej != nil {
					return f, rej
				}
			}
		}
	}
	return f, nil
}

func (b *Batch) addType(f *form, value string) *Reject {
	if b.last.format == nil || b.last.contentType != value {
		of, rej := formatOf(value)
		if rej != nil || of == nil {
			return rej
		}
		b.last = lastForm{strings.Clone(value), of}
	}
	if f.format != nil && f.format != b.last.format {
		return reject(ClassFormat, "one %s is %s, another %s", contentType, f.format.types[0], b.last.format.types[0])
	}
	f.format = b.last.format
	return nil
}

// formatOf is the format that a Content-Type names, nil if it names none.
func formatOf(value string) (*format, *Reject) {
	if strings.TrimSpace(value) == "" {
		return nil, nil //nolint:nilnil // as if the header were not there
	}
	name, params, err := mime.ParseMediaType(value)
	if err != nil {
		return nil, reject(ClassFormat, "%s %s cannot be read", contentType, schema.Quote(value))
	}
	switch charset := params["charset"]; strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii":
	default:
		return nil, reject(ClassFormat, "charset %s of the %s is not read: publish UTF-8", schema.Quote(charset), contentType)
	}
	if slices.Contains(unspecific, name) {
		return nil, nil //nolint:nilnil // nothing is said
	}
	for _, f := range formats {
		if slices.Contains(f.types, name) || f.suffix != "" && strings.HasSuffix(name, f.suffix) {
			return f, nil
		}
	}
	return nil, reject(ClassFormat, "%s %s is not one of %s", contentType, schema.Quote(name), knownTypes())
}

// knownTypes lists the formats for people.
func knownTypes() string {
	var names []string
	for _, f := range formats {
		names = append(names, f.types[0])
	}
	return strings.Join(names, ", ")
}

// sniff tells the format of a payload by how it begins.
func sniff(p []byte) *format {
	if len(p) > 0 && p[0] == '{' {
		return jsonFormat
	}
	for _, f := range formats {
		if f.magic != "" && bytes.HasPrefix(p, []byte(f.magic)) {
			return f
		}
	}
	return jsonFormat
}
