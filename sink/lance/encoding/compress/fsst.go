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
	return s, nil
}

// Append adds the bytes that an encoded value stands for: at most 8 times its own.
func (s *Symbols) Append(dst, value []byte) ([]byte, error) {
	if s.plain {
		return append(dst, value...), nil
	}
	// Every code writes 8 bytes, of which its length counts.
	at := len(dst)
	if cap(dst)-at < 8*len(value) {
		dst = grow(dst, 8*len(value))
	}
	dst = dst[:cap(dst)]
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == fsstEscape {
			if i++; i == len(value) {
				return nil, errors.New("a value that ends in an escape")
			}
			dst[at] = value[i]
			at++
			continue
		}
		if int(c) >= s.count {
			return nil, fmt.Errorf("symbol %d of %d", c, s.count)
		}
		binary.LittleEndian.PutUint64(dst[at:], s.symbols[c])
		at += int(s.lengths[c])
	}
	return dst[:at], nil
}

// fsstDecoder reads chunks of encoded strings.
type fsstDecoder struct {
	symbols *Symbols
	inner   variableDecoder
	text    []byte
	ends    []int
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

func (d *fsstDecoder) Decode(dst *block.Builder, bufs [][]byte, n int) error {
	data, err := d.inner.parse(bufs[0], n)
	if err != nil {
		return err
	}
	d.text, d.ends = d.text[:0], d.ends[:0]
	start := 0
	for _, end := range d.inner.ends {
		if d.text, err = d.symbols.Append(d.text, data[start:end]); err != nil {
			return err
		}
		d.ends = append(d.ends, len(d.text))
		start = end
	}
	return dst.AppendItems(d.text, d.ends)
}
