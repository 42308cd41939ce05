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
	out := cutter{lines: s.batchLines, bytes: s.maxPayload, yield: yield}
	for n := 1; ; n++ {
		at := position{name, n}
		line, err := readLine(in, s.maxPayload)
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			if out.flush() {
				yield(payload{at: at}, fmt.Errorf("%s: %w", at, err))
			}
			return false
		case n >= first && len(bytes.TrimSpace(line)) > 0 && !out.add(at, line):
			return false
		case err != nil: // the end of the file
			return out.flush()
		}
	}
}

// readLine returns the next line without its end. It is valid until the next
// read. io.EOF may come with the last line.
func readLine(in *bufio.Reader, limit int) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	line = bytes.TrimSuffix(line, []byte{'\n'})
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if errors.Is(err, bufio.ErrBufferFull) || len(line) > limit {
		return nil, fmt.Errorf("line is longer than the server's max_payload of %d bytes", limit)
	}
	return line, err
}

// cutter cuts lines into payloads.
type cutter struct {
	lines, bytes int // limits of a payload
	yield        func(payload, error) bool
	p            payload
}

// add adds a copy of a line, after and before yielding what is full. It reports
// whether more is wanted.
func (c *cutter) add(at position, line []byte) bool {
	if c.p.lines > 0 && len(c.p.data)+1+len(line) > c.bytes && !c.flush() {
		return false
	}
	if c.p.lines == 0 {
		c.p.at = at
	} else {
		c.p.data = append(c.p.data, '\n')
	}
	c.p.data = append(c.p.data, line...)
	c.p.lines++
	return c.p.lines < c.lines || c.flush()
}

// flush yields what there is. It reports whether more is wanted.
func (c *cutter) flush() bool {
	full := c.p
	c.p = payload{}
	return full.lines == 0 || c.yield(full, nil)
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
