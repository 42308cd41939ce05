// Package ipc reads the Arrow IPC stream format, from bytes that may be hostile.
//
// A stream is messages, each of a description in FlatBuffers and a body of buffers:
//
//	FFFFFFFF | length (4 bytes) | description, padded to that length | body
//
// first the schema, then dictionaries and record batches, at the end FFFFFFFF 00000000
// or nothing. Arrays refer to the payload: nothing is copied but what is compressed.
// Every length, offset and count is held against the bytes that are there before it is
// used, so what a payload costs is bounded by its own length and by Options. What is
// read is sound: offsets rise and stay inside, numbers of dictionary entries do not (see
// Array), text is not looked at.
package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Options bounds what a stream may ask for. All must be set.
type Options struct {
	MaxDepth  int // fields inside each other
	MaxFields int // of the schema, at all depths
	MaxRows   int // of a record batch or dictionary, and items of a list
	// Inflate returns what a buffer becomes, which must be of size bytes: codec is lz4
	// or zstd.
	Inflate func(codec string, src []byte, size int) ([]byte, error)
}

var (
	// ErrDamaged says that the bytes are not such a stream.
	ErrDamaged = errors.New("not a sound Arrow IPC stream")
	// ErrUnsupported says that a field is of a type that no table holds.
	ErrUnsupported = errors.New("not supported")
	// ErrLimit says that the stream asks for more than Options allows.
	ErrLimit = errors.New("beyond a limit")
)

func damaged(what string) error { return fmt.Errorf("%w: %s is damaged", ErrDamaged, what) }

func unsupported(path, what string) error {
	if path == "" {
		return fmt.Errorf("%w: %s", ErrUnsupported, what)
	}
	return fmt.Errorf("field %s: %s is %w", path, what, ErrUnsupported)
}

// Magic is what every stream begins with.
const Magic = "\xff\xff\xff\xff"

// Stream is a stream that is being read. It is owned by one goroutine.
type Stream struct {
	*Schema

	o     Options
	p     []byte // what is left
	dicts map[int64]*Dict
}

// message is one message of a stream.
type message struct {
	kind   byte
	header table
	flat   *flat
	body   []byte
}

// Kinds of messages.
const (
	messageSchema     = 1
	messageDictionary = 2
	messageBatch      = 3
)

// Open reads the schema of a stream. last, which may be nil, is the schema of another
// stream: if this one has the same, it is not read again. The arrays of the stream refer
// to p.
func Open(p []byte, o Options, last *Schema) (*Stream, error) {
	s := &Stream{o: o, p: p, dicts: map[int64]*Dict{}}
	meta, rest, err := frame(p)
	if err != nil {
		return nil, err
	}
	if last != nil && bytes.Equal(meta, last.message) {
		s.Schema, s.p = last, rest
		return s, nil
	}
	m, err := s.next()
	if errors.Is(err, io.EOF) {
		return nil, damaged("the beginning")
	}
	if err != nil {
		return nil, err
	}
	if m.kind != messageSchema {
		return nil, damaged("the first message, which is no schema,")
	}
	if len(m.body) > 0 {
		return nil, damaged("the body of the schema")
	}
	if s.Schema, err = readSchema(m.header, o); err != nil {
		return nil, err
	}
	s.message = bytes.Clone(meta)
	return s, nil
}

// frame splits off the description of the message that is next, nil at the end.
func frame(p []byte) (meta, rest []byte, err error) {
	if len(p) == 0 {
		return nil, nil, nil
	}
	if len(p) < 8 || string(p[:4]) != Magic {
		return nil, nil, damaged("the beginning of a message")
	}
	n := uint64(binary.LittleEndian.Uint32(p[4:]))
	if n > uint64(len(p)-8) {
		return nil, nil, damaged("the length of a message, of which a part is missing,")
	}
	return p[8 : 8+n], p[8+n:], nil
}

// next returns the message that is next, io.EOF at the end.
func (s *Stream) next() (*message, error) {
	meta, rest, err := frame(s.p)
	if err != nil {
		return nil, err
	}
	if len(meta) == 0 {
		if len(rest) > 0 {
			return nil, damaged("the end, behind which there is more,")
		}
		s.p = nil
		return nil, io.EOF
	}
	f := &flat{p: meta}
	root := f.root()
	version, size := root.int16(0, 0), root.int64(3)
	m := &message{kind: root.byte(1, 0), flat: f}
	m.header, _ = root.sub(2)
	switch {
	case f.bad || m.header.at == 0:
		return nil, damaged("the description of a message")
	case version != 3 && version != 4:
		return nil, unsupported("", fmt.Sprintf("version %d of the metadata", version+1))
	case size < 0 || size > int64(len(rest)):
		return nil, damaged("the body of a message, of which a part is missing,")
	}
	m.body, s.p = rest[:size], rest[size:]
	return m, nil
}

// Next returns the next record batch, io.EOF behind the last one.
func (s *Stream) Next() (*Batch, error) {
	for {
		m, err := s.next()
		if err != nil {
			return nil, err
		}
		switch m.kind {
		case messageBatch:
			return s.batch(m)
		case messageDictionary:
			if err := s.dictionary(m); err != nil {
				return nil, err
			}
		default:
			return nil, damaged("a message of another kind")
		}
	}
}

func (s *Stream) batch(m *message) (*Batch, error) {
	rows := m.header.int64(0)
	if rows < 0 || rows > int64(s.o.MaxRows) {
		return nil, fmt.Errorf("%w: a record batch of more than %d rows", ErrLimit, s.o.MaxRows)
	}
	l, err := s.loader(m.header, m.body)
	if err != nil {
		return nil, err
	}
	b := &Batch{Rows: int(rows)}
	for _, nd := range s.nodes {
		a, err := l.array(nd, int(rows))
		if err != nil {
			return nil, err
		}
		b.Columns = append(b.Columns, a)
	}
	return b, l.end()
}

// dictionary reads the values of a dictionary, which replace those it had or follow them.
func (s *Stream) dictionary(m *message) error {
	id := m.header.int64(0)
	values := s.Schema.dicts[id]
	if values == nil {
		return damaged("a dictionary that no field has")
	}
	data, _ := m.header.sub(1)
	n := data.int64(0)
	if n < 0 || n > int64(s.o.MaxRows) {
		return fmt.Errorf("%w: a dictionary of more than %d values", ErrLimit, s.o.MaxRows)
	}
	l, err := s.loader(data, m.body)
	if err != nil {
		return err
	}
	a, err := l.array(values, int(n))
	if err != nil {
		return err
	}
	if err := l.end(); err != nil {
		return err
	}
	d := &Dict{Parts: []*Array{a}, Ends: []int{a.Len}, Len: a.Len}
	if m.header.bool(2) && s.dicts[id] != nil {
		last := s.dicts[id]
		d.Parts, d.Ends = append(last.Parts, a), append(last.Ends, last.Len+a.Len) // only the last of them is ever extended
		if d.Len = last.Len + a.Len; d.Len > math.MaxInt32 {
			return fmt.Errorf("%w: a dictionary of more than 2^31 values", ErrLimit)
		}
	}
	s.dicts[id] = d
	return nil
}
