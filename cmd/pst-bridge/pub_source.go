package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"
)

// payload is one message to publish: the lines that begin at a position.
type payload struct {
	at    position
	lines int
	data  []byte
}

// source reads the payloads of pub.
type source struct {
	files      []string // none: standard input
	stdin      io.Reader
	from       position // zero: from the beginning
	batchLines int
	maxPayload int
}

// payloads yields the messages in order. The data is the receiver's. After an
// error, which names file and line, the sequence ends.
func (s *source) payloads() iter.Seq2[payload, error] {
	return func(yield func(payload, error) bool) {
		files := s.files
		if len(files) == 0 {
			files = []string{"-"}
		}
		first := 1
		if s.from.File != "" {
			at := slices.Index(files, s.from.File)
			if at < 0 {
				yield(payload{}, usagef("--from %s: %s is not among the files", s.from, s.from.File))
				return
			}
			files, first = files[at:], s.from.Line
		}
		for _, name := range files {
			if !s.file(name, first, yield) {
				return
			}
			first = 1
		}
	}
}

// file yields the payloads of one file from line first on. It reports whether
// the next file is wanted.
func (s *source) file(name string, first int, yield func(payload, error) bool) bool {
	r := s.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			yield(payload{at: position{name, first}}, err)
			return false
		}
		defer f.Close() // opened for reading: closing loses nothing
		r = f
	}
	in := bufio.NewReaderSize(r, s.maxPayload+2) // a line of the largest message and its line end
	var p payload
	flush := func() bool {
		full := p
		p = payload{}
		return full.lines == 0 || yield(full, nil)
	}
	for n := 1; ; n++ {
		line, err := readLine(in)
		if len(line) > s.maxPayload {
			err = errLineTooLong
		}
		if err != nil && !errors.Is(err, io.EOF) {
			at := position{name, n}
			if errors.Is(err, errLineTooLong) {
				err = fmt.Errorf("line is longer than the server's max_payload of %d bytes", s.maxPayload)
			}
			if flush() {
				yield(payload{at: at}, fmt.Errorf("%s: %w", at, err))
			}
			return false
		}
		if n >= first && len(bytes.TrimSpace(line)) > 0 {
			if p.lines > 0 && len(p.data)+1+len(line) > s.maxPayload && !flush() {
				return false
			}
			p.append(position{name, n}, line)
			if p.lines == s.batchLines && !flush() {
				return false
			}
		}
		if err != nil { // the end of the file
			return flush()
		}
	}
}

// append adds a copy of line to p.
func (p *payload) append(at position, line []byte) {
	if p.lines == 0 {
		p.at = at
	} else {
		p.data = append(p.data, '\n')
	}
	p.data = append(p.data, line...)
	p.lines++
}

// errLineTooLong says that a line does not fit the reader's buffer.
var errLineTooLong = errors.New("line too long")

// readLine returns the next line without its end. It is valid until the next
// read. io.EOF may come with the last line.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, errLineTooLong
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), err
}

// msgID says which id a message gets.
type msgID struct {
	fileLine bool
	field    string
}

// UnmarshalText parses file:line or field=NAME.
func (m *msgID) UnmarshalText(text []byte) error {
	field, isField := strings.CutPrefix(string(text), "field=")
	switch {
	case string(text) == "file:line":
		*m = msgID{fileLine: true}
	case isField && field != "":
		*m = msgID{field: field}
	default:
		return fmt.Errorf("%q is neither file:line nor field=NAME", text)
	}
	return nil
}

// of returns the id of p; "" is none.
func (m msgID) of(p payload) (string, error) {
	switch {
	case m.fileLine:
		return p.at.String(), nil
	case m.field == "":
		return "", nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(p.data, &object); err != nil {
		return "", fmt.Errorf("%s: --msg-id field=%s: the line is not a JSON object: %w", p.at, m.field, err)
	}
	raw, ok := object[m.field]
	if !ok || string(raw) == "null" {
		return "", fmt.Errorf("%s: --msg-id field=%s: the line has no such field", p.at, m.field)
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text, nil
	}
	return string(raw), nil
}
