package ipc

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
)

// Batch is a record batch: an array for each field of the schema.
type Batch struct {
	Rows    int
	Columns []*Array
}

// Array is the values of a field. Its slices have what Len asks for, or more.
type Array struct {
	Type     arrow.DataType
	Len      int
	Valid    []byte // bitmap of what is not null, nil if nothing is
	Data     []byte // bits, values of a fixed width, text; numbers of entries, which may lie outside of Dict
	Children []*Array
	Dict     *Dict // of a dictionary type; nil if there was none yet

	offs []byte
	wide bool
}

// Dict is the values of a dictionary, in parts.
type Dict struct {
	Parts []*Array
	Ends  []int // behind the last value of each
	Len   int
}

// At is the part that holds value i, and its place there.
func (d *Dict) At(i int) (*Array, int) {
	k := 0
	if len(d.Ends) > 1 {
		k = sort.SearchInts(d.Ends, i+1)
	}
	if k > 0 {
		i -= d.Ends[k-1]
	}
	return d.Parts[k], i
}

// Offset is where value i of text or a list begins, and value i-1 ends.
func (a *Array) Offset(i int) int {
	if a.wide {
		return int(binary.LittleEndian.Uint64(a.offs[8*i:]))
	}
	if len(a.offs) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(a.offs[4*i:]))
}

// IsNull tells whether value i is null.
func (a *Array) IsNull(i int) bool { return a.Valid != nil && a.Valid[i>>3]&(1<<(i&7)) == 0 }

// loader hands out the nodes and buffers of one record batch.
type loader struct {
	s       *Stream
	f       *flat
	body    []byte
	codec   string
	nodes   []byte // 16 bytes each: length, nulls
	buffers []byte // 16 bytes each: offset, length
}

func (s *Stream) loader(t table, body []byte) (*loader, error) {
	l := &loader{s: s, f: t.f, body: body}
	at, n := t.vector(1, 16)
	l.nodes = t.f.p[at : at+16*n]
	at, n = t.vector(2, 16)
	l.buffers = t.f.p[at : at+16*n]
	if c, ok := t.sub(3); ok {
		switch codec := c.byte(0, 0); {
		case c.byte(1, 0) != 0 || codec > 1:
			return nil, unsupported("", "the compression of the stream")
		case codec == 0:
			l.codec = "lz4"
		default:
			l.codec = "zstd"
		}
	}
	if t.f.bad {
		return nil, damaged("the description of a record batch")
	}
	return l, nil
}

// end checks that nothing was left over.
func (l *loader) end() error {
	if len(l.nodes) > 0 || len(l.buffers) > 0 || l.f.bad {
		return damaged("a record batch, which is not of its schema,")
	}
	return nil
}

// buffer returns the next buffer, which needs so many bytes.
func (l *loader) buffer(need int) ([]byte, error) {
	if len(l.buffers) < 16 {
		return nil, damaged("a record batch, which lacks buffers,")
	}
	off, n := binary.LittleEndian.Uint64(l.buffers), binary.LittleEndian.Uint64(l.buffers[8:])
	l.buffers = l.buffers[16:]
	if off > uint64(len(l.body)) || n > uint64(len(l.body))-off {
		return nil, damaged("a buffer outside of its message")
	}
	p := l.body[off : off+n]
	if l.codec != "" && len(p) > 0 {
		var err error
		if p, err = l.inflate(p); err != nil {
			return nil, err
		}
	}
	if len(p) < need {
		return nil, damaged("a buffer, which is too short,")
	}
	return p, nil
}

// inflate undoes the compression of a buffer: its length (8 bytes), -1 if it is not
// compressed, and then the bytes.
func (l *loader) inflate(p []byte) ([]byte, error) {
	if len(p) < 8 {
		return nil, damaged("a compressed buffer")
	}
	size := int64(binary.LittleEndian.Uint64(p))
	switch {
	case size == -1:
		return p[8:], nil
	case size < 0 || size > math.MaxInt32:
		return nil, damaged("the length of a compressed buffer")
	}
	return l.s.o.Inflate(l.codec, p[8:], int(size))
}

// array reads the values of a field, of which there must be at least n.
func (l *loader) array(nd *node, n int) (*Array, error) {
	if len(l.nodes) < 16 {
		return nil, damaged("a record batch, which lacks fields,")
	}
	length, nulls := int64(binary.LittleEndian.Uint64(l.nodes)), binary.LittleEndian.Uint64(l.nodes[8:])
	l.nodes = l.nodes[16:]
	if length < int64(n) || length > max(int64(l.s.o.MaxRows), int64(n)) {
		return nil, damaged("the length of an array")
	}
	a := &Array{Type: nd.field.Type, Len: int(length)}
	if nd.field.Type.ID() == arrow.NULL {
		return a, nil
	}
	valid, err := l.buffer(0)
	if err != nil {
		return nil, err
	}
	if nulls != 0 {
		if len(valid) < (a.Len+7)/8 {
			return nil, damaged("a bitmap, which is too short,")
		}
		if a.Valid = valid; Ones(valid, 0, a.Len) == a.Len {
			a.Valid = nil
		}
	}
	return a, l.values(nd, a)
}

// values reads what lies behind the bitmap of an array.
func (l *loader) values(nd *node, a *Array) (err error) {
	switch t := nd.field.Type.(type) {
	case *arrow.StructType:
		for _, child := range nd.children {
			c, err := l.array(child, a.Len)
			if err != nil {
				return err
			}
			a.Children = append(a.Children, c)
		}
		return nil
	case *arrow.FixedSizeListType:
		if a.Len > math.MaxInt32/int(t.Len()) {
			return fmt.Errorf("%w: fixed-size lists of more than 2^31 values", ErrLimit)
		}
		return l.child(nd, a, a.Len*int(t.Len()))
	case *arrow.ListType, *arrow.LargeListType:
		if err := l.offsets(a); err != nil {
			return err
		}
		return l.child(nd, a, a.Offset(a.Len))
	case *arrow.BooleanType:
		a.Data, err = l.buffer((a.Len + 7) / 8)
		return err
	case *arrow.DictionaryType:
		a.Dict = l.s.dicts[nd.dict]
		a.Data, err = l.buffer(a.Len * t.BitWidth() / 8)
		return err
	case arrow.FixedWidthDataType:
		width := t.BitWidth() / 8
		if a.Len > 0 && width > math.MaxInt/a.Len {
			return damaged("the width of values")
		}
		a.Data, err = l.buffer(a.Len * width)
		return err
	default: // text
		if err := l.offsets(a); err != nil {
			return err
		}
		a.Data, err = l.buffer(a.Offset(a.Len))
		return err
	}
}

func (l *loader) child(nd *node, a *Array, n int) error {
	c, err := l.array(nd.children[0], n)
	a.Children = []*Array{c}
	return err
}

// offsets reads and checks the offsets of text and lists.
func (l *loader) offsets(a *Array) (err error) {
	width := 4
	if id := a.Type.ID(); id == arrow.LARGE_STRING || id == arrow.LARGE_BINARY || id == arrow.LARGE_LIST {
		a.wide, width = true, 8
	}
	if a.offs, err = l.buffer(0); err != nil {
		return err
	}
	if a.Len == 0 && len(a.offs) < width { // writers may leave them out
		a.offs = make([]byte, width)
	}
	if len(a.offs) < (a.Len+1)*width {
		return damaged("offsets, of which some are missing,")
	}
	if a.wide {
		last := binary.LittleEndian.Uint64(a.offs)
		bad := last
		for i := 1; i <= a.Len; i++ {
			next := binary.LittleEndian.Uint64(a.offs[8*i:])
			bad |= next | (next - last) // high bits are set where they fall
			last = next
		}
		if bad>>40 != 0 {
			return damaged("offsets that fall")
		}
		return nil
	}
	last := binary.LittleEndian.Uint32(a.offs)
	bad := last
	for i := 1; i <= a.Len; i++ {
		next := binary.LittleEndian.Uint32(a.offs[4*i:])
		bad |= next | (next - last)
		last = next
	}
	if bad > math.MaxInt32 {
		return damaged("offsets that fall")
	}
	return nil
}

// Ones counts the bits that are set of n behind the first from bits.
func Ones(p []byte, from, n int) int {
	count := 0
	for ; n > 0 && from%8 != 0; from, n = from+1, n-1 {
		count += int(p[from/8] >> (from % 8) & 1)
	}
	p = p[from/8:]
	for ; n >= 64; n -= 64 {
		count += bits.OnesCount64(binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	for ; n >= 8; n -= 8 {
		count += bits.OnesCount8(p[0])
		p = p[1:]
	}
	if n > 0 {
		count += bits.OnesCount8(p[0] & (1<<n - 1))
	}
	return count
}
