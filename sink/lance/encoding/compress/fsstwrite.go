package compress

import (
	"encoding/binary"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

const (
	// fsstSample is how many bytes of a block train its symbols.
	fsstSample = 16 << 10
	// fsstPiece is how many neighbouring bytes of a block go into the sample.
	fsstPiece = 512
	// fsstWorth is the most of 16 parts of the sample that may be left of it.
	fsstWorth = 14
)

// encodedStrings is chunks of encoded strings with the table that the page holds.
type encodedStrings struct {
	Chunked
	table []byte
}

func (f *encodedStrings) Encoding() *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Fsst{
		Fsst: &lancepb.Fsst{SymbolTable: f.table, Values: f.Chunked.Encoding()},
	}}
}

// FSST encodes the strings of blocks with symbols trained on a sample of each.
// It keeps its tables between blocks; the zero value is ready. Not safe for
// concurrent use.
type FSST struct {
	trainer   *trainer
	data      []byte
	offsets32 []int32
	offsets64 []int64
}

// Encode writes a block of items that vary in length; its result is valid
// until the next call. Nil says that a sample did not become small enough.
func (f *FSST) Encode(b block.Block) Chunked {
	if f.trainer == nil {
		f.trainer = &trainer{}
	}
	sample := sampleOf(b)
	m := f.trainer.train(sample)
	if len(m.append(nil, sample, 0, len(sample))) > len(sample)*fsstWorth/16 {
		return nil
	}
	out := block.Block{Items: b.Items}
	if b.Offsets64 != nil {
		f.data, f.offsets64 = encodeAll(m, f.data[:0], f.offsets64[:0], b.Data, b.Offsets64[:b.Items+1])
		out.Data, out.Offsets64 = f.data, f.offsets64
	} else {
		f.data, f.offsets32 = encodeAll(m, f.data[:0], f.offsets32[:0], b.Data, b.Offsets32[:b.Items+1])
		out.Data, out.Offsets32 = f.data, f.offsets32
	}
	return &encodedStrings{Chunked: Variable(out), table: m.table()}
}

// sampleOf is pieces spread over the bytes of a block.
func sampleOf(b block.Block) []byte {
	var first int
	if b.Offsets64 != nil {
		first = int(b.Offsets64[0])
	} else {
		first = int(b.Offsets32[0])
	}
	data := b.Data[first : first+b.Bytes()]
	if len(data) <= fsstSample {
		return data
	}
	sample := make([]byte, 0, fsstSample)
	step := (len(data) - fsstPiece) / (fsstSample/fsstPiece - 1)
	for at := 0; len(sample) < fsstSample; at += step {
		sample = append(sample, data[at:at+fsstPiece]...)
	}
	return sample
}

// encodeAll encodes the items between offsets; the encoded ones come to at
// most twice their bytes.
func encodeAll[O int32 | int64](m *matcher, dst []byte, ends []O, data []byte, offsets []O) ([]byte, []O) {
	if need := int(offsets[len(offsets)-1]-offsets[0]) / 2; cap(dst) < need {
		dst = make([]byte, 0, need)
	}
	ends = append(ends, 0)
	for i := 1; i < len(offsets); i++ {
		dst = m.append(dst, data, int(offsets[i-1]), int(offsets[i]))
		ends = append(ends, O(len(dst)))
	}
	return dst, ends
}

// symbol is up to 8 bytes, the first in the lowest bits.
type symbol struct {
	bytes  uint64
	length uint8
}

func (s symbol) mask() uint64 { return ^uint64(0) >> (64 - 8*uint(s.length)) }

// join is one symbol behind another, as far as 8 bytes go.
func (s symbol) join(t symbol) symbol {
	length := min(s.length+t.length, 8)
	j := symbol{bytes: s.bytes | t.bytes<<(8*uint(s.length)), length: length}
	j.bytes &= j.mask()
	return j
}

const (
	// escaped marks the code of a byte without a symbol.
	escaped = 256
	// codeBits is where the length begins in a word of matcher.short.
	codeBits = 12
	// longSlots is the size of the table of symbols of 3 bytes and more.
	longSlots = 1024
)

// matcher finds the symbol at the front of some bytes: those of 3 bytes and
// more by a hash of their first three, one to a place; the others by their
// first two bytes.
type matcher struct {
	symbols []symbol
	short   [1 << 16]uint16 // as longSymbol.found, of one or two bytes
	long    [longSlots]longSymbol
}

// longSymbol is a place of the table. Shift is the bits of a word that do not
// count. An empty place matches no word, as its bytes fill one and its shift
// takes eight of them away.
type longSymbol struct {
	bytes uint64
	found uint16 // length << codeBits | code
	shift uint8
}

func longSlot(word uint64) uint64 {
	return (word << 40) * 0x9E3779B97F4A7C15 >> 54
}

// reset leaves no symbol.
func (m *matcher) reset() {
	m.symbols = m.symbols[:0]
	for i := range m.short {
		m.short[i] = 1<<codeBits | escaped | uint16(i&0xFF)
	}
	for i := range m.long {
		m.long[i] = longSymbol{bytes: ^uint64(0), shift: 8}
	}
}

// add gives a symbol the next code; false if its place is taken.
func (m *matcher) add(s symbol) bool {
	code := uint16(len(m.symbols))
	switch s.length {
	case 1:
		for i := int(s.bytes); i < len(m.short); i += 256 {
			if m.short[i]>>codeBits == 1 {
				m.short[i] = 1<<codeBits | code
			}
		}
	case 2:
		m.short[s.bytes] = 2<<codeBits | code
	default:
		p := &m.long[longSlot(s.bytes)]
		if p.found != 0 {
			return false
		}
		*p = longSymbol{bytes: s.bytes, found: uint16(s.length)<<codeBits | code, shift: 64 - 8*s.length}
	}
	m.symbols = append(m.symbols, s)
	return true
}

// next is the code and the length of what lies at the front of a word, of
// which rest bytes count.
func (m *matcher) next(word uint64, rest int) (code uint16, length int) {
	found := m.find(word)
	if length = int(found >> codeBits); length <= rest {
		return found & (1<<codeBits - 1), length
	}
	found = m.short[uint16(word)]
	if length = int(found >> codeBits); length <= rest {
		return found & (1<<codeBits - 1), length
	}
	return escaped | uint16(word&0xFF), 1
}

// find is next where all bytes of the word count. Which table has the symbol
// is a coin toss, so both are read and the choice is no branch.
func (m *matcher) find(word uint64) uint16 {
	p := &m.long[longSlot(word)]
	found, long := m.short[uint16(word)], p.found
	if word<<(p.shift&63)>>(p.shift&63) == p.bytes {
		found = long
	}
	return found
}

// load is the 8 bytes from a position on, with zeros behind the end of data.
func load(data []byte, at int) uint64 {
	if at+8 <= len(data) {
		return binary.LittleEndian.Uint64(data[at:])
	}
	var tail [8]byte
	copy(tail[:], data[at:])
	return binary.LittleEndian.Uint64(tail[:])
}

// append encodes the bytes of data from one position to another.
func (m *matcher) append(dst, data []byte, from, to int) []byte {
	at := len(dst)
	if cap(dst)-at < 2*(to-from)+1 {
		dst = grow(dst, 2*(to-from)+1)
	}
	dst = dst[:cap(dst)]
	for fast := min(to, len(data)) - 8; from <= fast; {
		found := m.find(binary.LittleEndian.Uint64(data[from:]))
		from += int(found >> codeBits)
		if found&escaped == 0 {
			dst[at] = byte(found)
			at++
			continue
		}
		dst[at], dst[at+1] = fsstEscape, byte(found)
		at += 2
	}
	for from < to {
		code, length := m.next(load(data, from), to-from)
		from += length
		if code < escaped {
			dst[at] = byte(code)
			at++
			continue
		}
		dst[at], dst[at+1] = fsstEscape, byte(code)
		at += 2
	}
	return dst[:at]
}

// table is the symbols as a page's description holds them.
func (m *matcher) table() []byte {
	n := len(m.symbols)
	t := make([]byte, fsstTable)
	binary.LittleEndian.PutUint64(t, fsstMagic<<32|fsstEncoded|uint64(n))
	for i, s := range m.symbols {
		binary.LittleEndian.PutUint64(t[8+8*i:], s.bytes)
		t[8+8*n+i] = s.length
	}
	return t
}
