package compress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

const (
	// fsstTable is the size of every symbol table.
	fsstTable = 2312
	// fsstMagic is the upper half of the table's header.
	fsstMagic = 0x46535354
	// fsstEncoded is the header bit that says that values are encoded at all.
	fsstEncoded = 1 << 24
	// fsstEscape announces a byte that stands for itself.
	fsstEscape = 255
	// fsstNone is the length of a code that is no symbol.
	fsstNone = 0x80
	// fsstSlack is the room that four symbols need, and that the compiler knows of:
	// one of 8 bytes at any place below 32.
	fsstSlack = 40
)

// Symbols expands strings whose frequent parts became single bytes (FSST). The
// table: a header, then up to 255
// symbols of 8 bytes, then their lengths.
type Symbols struct {
	plain   bool        // values are stored as they are
	symbols [256]uint64 // the first byte in the lowest bits
	lengths [256]uint8
	count   int
}

// ParseSymbols reads the table of an Fsst description.
func ParseSymbols(table []byte) (*Symbols, error) {
	if len(table) != fsstTable {
		return nil, fmt.Errorf("a symbol table of %d bytes instead of %d", len(table), fsstTable)
	}
	header := binary.LittleEndian.Uint64(table)
	if header>>32 != fsstMagic {
		return nil, fmt.Errorf("a symbol table that begins with %#x", header>>32)
	}
	s := &Symbols{plain: header&fsstEncoded == 0, count: int(header & 0xFF)}
	if s.count > fsstEscape {
		return nil, fmt.Errorf("%d symbols", s.count)
	}
	lengths := table[8+8*s.count:]
	for i := range s.count {
		s.symbols[i] = binary.LittleEndian.Uint64(table[8+8*i:])
		s.lengths[i] = lengths[i]
		if lengths[i] < 1 || lengths[i] > 8 {
			return nil, fmt.Errorf("symbol %d of %d bytes", i, lengths[i])
		}
	}
	for i := s.count; i < len(s.lengths); i++ {
		s.lengths[i] = fsstNone
	}
	return s, nil
}

// Append adds the bytes that an encoded value stands for: at most 8 times its own.
func (s *Symbols) Append(dst, value []byte) ([]byte, error) {
	end := [1]int{len(value)}
	return s.expand(dst, value, end[:])
}

// expand is Append for values back to back that end at the given positions in codes.
// It replaces those by where the values end in dst.
func (s *Symbols) expand(dst, codes []byte, ends []int) ([]byte, error) {
	if s.plain {
		base := len(dst)
		for i := range ends {
			ends[i] += base
		}
		return append(dst, codes...), nil
	}
	i, at := 0, len(dst)
	dst = dst[:cap(dst)]
	for k, end := range ends {
		if need := 8*(end-i) + fsstSlack; len(dst)-at < need {
			dst = grow(dst[:at], need)
			dst = dst[:cap(dst)]
		}
		for i < end {
			if i, at = s.fours(dst, at, codes, i, end); i == end {
				break
			}
			read, wrote, err := s.few(dst[at:], codes[i:], end-i)
			if err != nil {
				return nil, err
			}
			i, at = i+read, at+wrote
		}
		ends[k] = at
	}
	return dst[:at], nil
}

// fours expands codes from i to end on to dst from at on, four at a time, as long as
// all four are symbols. Each writes 8 bytes, of which its length counts; those of the
// codes behind the end, where there are any, come to lie under the next value.
func (s *Symbols) fours(dst []byte, at int, codes []byte, i, end int) (codesEnd, textEnd int) {
	for i < end && i+4 <= len(codes) {
		word := binary.LittleEndian.Uint32(codes[i:])
		a, b, c, d := uint8(word), uint8(word>>8), uint8(word>>16), uint8(word>>24)
		one := uint(s.lengths[a])
		two := one + uint(s.lengths[b])
		three := two + uint(s.lengths[c])
		four := three + uint(s.lengths[d])
		if four >= fsstNone {
			break
		}
		out := (*[fsstSlack]byte)(dst[at:])
		binary.LittleEndian.PutUint64(out[:], s.symbols[a])
		binary.LittleEndian.PutUint64(out[one&31:], s.symbols[b])
		binary.LittleEndian.PutUint64(out[two&31:], s.symbols[c])
		binary.LittleEndian.PutUint64(out[three&31:], s.symbols[d])
		if i+4 > end {
			lengths := one | two<<8 | three<<16
			return end, at + int(lengths>>(8*uint(end-i-1))&0xFF)
		}
		at += int(four)
		i += 4
	}
	return i, at
}

// few expands the first n codes, at most four or up to an escape.
func (s *Symbols) few(dst, codes []byte, n int) (read, wrote int, err error) {
	for read < min(n, 4) {
		c := codes[read]
		switch {
		case c == fsstEscape && read+1 == n:
			return 0, 0, errors.New("a value that ends in an escape")
		case c == fsstEscape:
			dst[wrote] = codes[read+1]
			return read + 2, wrote + 1, nil
		case int(c) >= s.count:
			return 0, 0, fmt.Errorf("symbol %d of %d", c, s.count)
		}
		binary.LittleEndian.PutUint64(dst[wrote:], s.symbols[c])
		read, wrote = read+1, wrote+int(s.lengths[c])
	}
	return read, wrote, nil
}

// fsstDecoder reads chunks of encoded strings.
type fsstDecoder struct {
	symbols *Symbols
	inner   variableDecoder
}

func openFSST(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	width := e.GetFsst().GetValues().GetVariable().GetOffsets().GetFlat().GetBitsPerValue()
	if width != 32 && width != 64 {
		return nil, &UnsupportedError{Encoding: Name(e)}
	}
	if s.Offsets == 0 {
		return nil, misfit(e, s)
	}
	symbols, err := ParseSymbols(e.GetFsst().GetSymbolTable())
	if err != nil {
		return nil, err
	}
	return &fsstDecoder{symbols: symbols, inner: variableDecoder{width: int(width / 8)}}, nil
}

func (*fsstDecoder) Buffers() int { return 1 }

func (d *fsstDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	for _, s := range want {
		codes, err := d.inner.parse(bufs[0], n, s)
		if err != nil {
			return err
		}
		text, err := d.symbols.expand(dst.Text(), codes, d.inner.ends)
		if err != nil {
			return err
		}
		if err := dst.AppendText(text, d.inner.ends); err != nil {
			return err
		}
	}
	return nil
}
