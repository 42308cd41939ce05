package deletion

import (
	"encoding/binary"
	"errors"
)

// errFlatbuffer says that a position in a flatbuffer leads out of it.
var errFlatbuffer = errors.New("a position leads out of the metadata")

// table is a table of a flatbuffer, read without trust. Its vtable says where each
// field lies, 0 for one that is absent. The first fault is kept in fail; later reads
// give zero.
type table struct {
	b    []byte
	at   uint64 // of the table
	fail *error
}

// root is the table that a flatbuffer begins with.
func root(b []byte, fail *error) table {
	t := table{b: b, fail: fail}
	t.at = t.forward(0)
	return t
}

// word reads n little endian bytes.
func (t table) word(at, n uint64) uint64 {
	if *t.fail == nil && (at > uint64(len(t.b)) || n > uint64(len(t.b))-at) {
		*t.fail = errFlatbuffer
	}
	if *t.fail != nil {
		return 0
	}
	var w [8]byte
	copy(w[:], t.b[at:at+n])
	return binary.LittleEndian.Uint64(w[:])
}

// forward follows the offset at a position.
func (t table) forward(at uint64) uint64 { return at + t.word(at, 4) }

// field is where a field lies; ok is false if it is absent.
func (t table) field(i uint64) (at uint64, ok bool) {
	vtable := uint64(int64(t.at) - int64(int32(t.word(t.at, 4))))
	if 4+2*i+2 > t.word(vtable, 2) {
		return 0, false
	}
	offset := t.word(vtable+4+2*i, 2)
	return t.at + offset, offset != 0 && *t.fail == nil
}

// number is a field of n bytes, 0 if absent.
func (t table) number(i, n uint64) uint64 {
	at, ok := t.field(i)
	if !ok {
		return 0
	}
	return t.word(at, n)
}

// table is a field that is a table.
func (t table) table(i uint64) (inner table, ok bool) {
	at, ok := t.field(i)
	if !ok {
		return t, false
	}
	return table{b: t.b, at: t.forward(at), fail: t.fail}, true
}

// vector is a field that is a vector: where its elements of the given bytes begin
// and how many there are, which all lie inside the buffer.
func (t table) vector(i, size uint64) (at, n uint64) {
	at, ok := t.field(i)
	if !ok {
		return 0, 0
	}
	at = t.forward(at)
	n = t.word(at, 4)
	if *t.fail == nil && n > (uint64(len(t.b))-at-4)/size {
		*t.fail = errFlatbuffer
	}
	if *t.fail != nil {
		return 0, 0
	}
	return at + 4, n
}
