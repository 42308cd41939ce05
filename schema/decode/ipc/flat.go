package ipc

import "encoding/binary"

// flat is a message in FlatBuffers, read in place. What points outside of it reads as
// absent and sets bad, which is looked at when a message was read.
type flat struct {
	p   []byte
	bad bool
}

// table is one table of a message. Its zero value has no fields.
//
//	at:  -> vtable (int32, backwards) | fields
//	vtable: its size (2) | size of the table (2) | place of each field in the table (2), 0 for absent
//
// Tables share vtables, and the Go writer takes those of tables of another size too:
// that size is not looked at.
type table struct {
	f      *flat
	at     int
	vtable []byte
}

func (f *flat) damaged() int {
	f.bad = true
	return 0
}

func (f *flat) root() table { return f.table(f.ref(0)) }

// ref follows the offset at a place.
func (f *flat) ref(at int) int {
	if at < 0 || at+4 > len(f.p) {
		return f.damaged()
	}
	to := uint64(at) + uint64(binary.LittleEndian.Uint32(f.p[at:]))
	if to >= uint64(len(f.p)) {
		return f.damaged()
	}
	return int(to)
}

func (f *flat) table(at int) table {
	if at <= 0 || at+4 > len(f.p) {
		f.damaged()
		return table{f: f}
	}
	v := at - int(int32(binary.LittleEndian.Uint32(f.p[at:])))
	if v < 0 || v+4 > len(f.p) {
		f.damaged()
		return table{f: f}
	}
	size := int(binary.LittleEndian.Uint16(f.p[v:]))
	if size < 4 || size%2 != 0 || v+size > len(f.p) {
		f.damaged()
		return table{f: f}
	}
	return table{f: f, at: at, vtable: f.p[v+2 : v+size]}
}

// field is the place of a field, 0 if it is absent.
func (t table) field(i, size int) int {
	if 2*i+4 > len(t.vtable) {
		return 0
	}
	off := int(binary.LittleEndian.Uint16(t.vtable[2*i+2:]))
	if off == 0 {
		return 0
	}
	if off < 4 || t.at+off+size > len(t.f.p) {
		return t.f.damaged()
	}
	return t.at + off
}

func (t table) byte(i int, absent byte) byte {
	if at := t.field(i, 1); at > 0 {
		return t.f.p[at]
	}
	return absent
}

func (t table) bool(i int) bool {
	v := t.byte(i, 0)
	if v > 1 { // readers differ in what that is
		t.f.damaged()
	}
	return v == 1
}

func (t table) int16(i int, absent int16) int16 {
	if at := t.field(i, 2); at > 0 {
		return int16(binary.LittleEndian.Uint16(t.f.p[at:]))
	}
	return absent
}

func (t table) int32(i int, absent int32) int32 {
	if at := t.field(i, 4); at > 0 {
		return int32(binary.LittleEndian.Uint32(t.f.p[at:]))
	}
	return absent
}

func (t table) int64(i int) int64 {
	if at := t.field(i, 8); at > 0 {
		return int64(binary.LittleEndian.Uint64(t.f.p[at:]))
	}
	return 0
}

// sub is the table that a field refers to.
func (t table) sub(i int) (table, bool) {
	at := t.field(i, 4)
	if at == 0 {
		return table{f: t.f}, false
	}
	return t.f.table(t.f.ref(at)), true
}

// vector is where the elements of a vector begin, and how many there are.
func (t table) vector(i, size int) (at, n int) {
	field := t.field(i, 4)
	if field == 0 {
		return 0, 0
	}
	at = t.f.ref(field)
	if at == 0 || at+4 > len(t.f.p) {
		return t.f.damaged(), 0
	}
	count := uint64(binary.LittleEndian.Uint32(t.f.p[at:]))
	at += 4
	if count*uint64(size) > uint64(len(t.f.p)-at) {
		return t.f.damaged(), 0
	}
	return at, int(count)
}

func (t table) string(i int) string {
	at, n := t.vector(i, 1)
	return string(t.f.p[at : at+n])
}
