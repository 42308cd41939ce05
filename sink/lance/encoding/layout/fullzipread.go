package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// fullZipReader walks over the levels of one page, front to back. The index
// of rows is not needed for that.
type fullZipReader struct {
	data    []byte
	at      int
	control control
	visible uint16
	builder *block.Builder
	out     content

	item     func() error       // reads the value of a visible level
	expander *compress.Expander // nil unless values are compressed one by one
	symbols  *compress.Symbols  // nil unless values are encoded by FSST
	text     []byte
}

// readFullZip is the content of a full-zip page.
func readFullZip(l *lancepb.FullZipLayout, bufs [][]byte, layers []repdef.Layer, shape block.Shape, x *compress.Expanders) (content, error) {
	if len(bufs) < 1 || len(bufs) > 2 {
		return content{}, corrupt.Errorf("", "full-zip page", -1, "%d buffers", len(bufs))
	}
	r, err := newFullZipReader(l, layers, block.NewBuilder(shape, int(l.GetNumVisibleItems()), len(bufs[0])), x)
	if err != nil {
		return content{}, err
	}
	r.data = bufs[0]
	if err := r.levels(int(l.GetNumItems())); err != nil {
		return content{}, err
	}
	if r.at != len(r.data) {
		return content{}, corrupt.Errorf("", "full-zip page", int64(r.at), "%d bytes behind the last value", len(r.data)-r.at)
	}
	r.out.values = r.builder.Block()
	return r.out, nil
}

// newFullZipReader is a reader of the levels of a page, which has no data yet.
func newFullZipReader(l *lancepb.FullZipLayout, layers []repdef.Layer, b *block.Builder, x *compress.Expanders) (*fullZipReader, error) {
	if l.GetBitsRep() > 16 || l.GetBitsDef() > 16 {
		return nil, corrupt.Errorf("", "full-zip page", -1, "levels of %d and %d bits", l.GetBitsRep(), l.GetBitsDef())
	}
	r := &fullZipReader{
		control: control{bitsRep: int(l.GetBitsRep()), bitsDef: int(l.GetBitsDef())},
		visible: repdef.MaxVisible(layers),
		builder: b,
	}
	r.control.bytes = controlBytes(r.control.bitsRep + r.control.bitsDef)
	if err := r.open(l, b.Shape(), x); err != nil {
		return nil, located(err, "full-zip page", -1)
	}
	if repdef.MaxRep(layers) == 0 {
		r.visible = repdef.MaxDef(layers)
	}
	return r, nil
}

// open chooses how a value is read.
func (r *fullZipReader) open(l *lancepb.FullZipLayout, shape block.Shape, x *compress.Expanders) error {
	if shape.Offsets > 0 {
		return r.openVariable(l, x)
	}
	return r.openFixed(l, shape)
}

// openVariable peels what may lie around values that vary in length.
func (r *fullZipReader) openVariable(l *lancepb.FullZipLayout, x *compress.Expanders) (err error) {
	width := int(l.GetBitsPerOffset())
	if width != 32 && width != 64 {
		return fmt.Errorf("lengths of %d bits", width)
	}
	e := l.GetValueCompression()
	if g := e.GetGeneral(); g != nil {
		if r.expander, err = x.Open(g.GetCompression(), maxPageBytes); err != nil {
			return err
		}
		e = g.GetValues()
	}
	if f := e.GetFsst(); f != nil {
		if r.symbols, err = compress.ParseSymbols(f.GetSymbolTable()); err != nil {
			return err
		}
		e = f.GetValues()
	}
	if e.GetVariable() == nil {
		return &compress.UnsupportedError{Encoding: "full-zip " + compress.Name(l.GetValueCompression())}
	}
	r.item = func() error { return r.variable(width / 8) }
	return nil
}

// openFixed checks the width of values that have one.
func (r *fullZipReader) openFixed(l *lancepb.FullZipLayout, shape block.Shape) error {
	e := l.GetValueCompression()
	bits := shape.Width
	if bits == 1 && e.GetFlat().GetBitsPerValue() == 8 && l.GetBitsPerValue() == 8 {
		r.item = r.bit
		return nil
	}
	if len(shape.Dims) > 0 {
		return r.openVectors(l, shape)
	}
	if e.GetFlat().GetBitsPerValue() != uint64(bits) {
		return &compress.UnsupportedError{Encoding: "full-zip " + compress.Name(e)}
	}
	if bits < 8 || uint64(l.GetBitsPerValue()) != uint64(bits) {
		return fmt.Errorf("values of %d bits instead of %d", l.GetBitsPerValue(), bits)
	}
	r.item = func() error { return r.fixed(bits / 8) }
	return nil
}

// openVectors checks the width of fixed size lists: validity bytes for every depth
// with nulls, then the numbers.
func (r *fullZipReader) openVectors(l *lancepb.FullZipLayout, shape block.Shape) error {
	depths, none, err := compress.CheckFixedSizeList(l.GetValueCompression(), shape)
	if err != nil {
		return err
	}
	if shape.Bits && !none && (len(depths) > 0 || shape.Stored()%8 != 0) {
		return &compress.UnsupportedError{Encoding: "full-zip " + compress.Name(l.GetValueCompression()) + " of bools"}
	}
	sizes := make([]int, len(shape.Dims))
	bits := shape.Stored()
	if none {
		bits = 0
	}
	for _, depth := range depths {
		sizes[depth] = (shape.Entries(depth) + 7) / 8
		bits += 8 * sizes[depth]
	}
	if uint64(l.GetBitsPerValue()) != uint64(bits) {
		return fmt.Errorf("values of %d bits instead of %d", l.GetBitsPerValue(), bits)
	}
	r.item = func() error { return r.vector(bits/8, sizes) }
	return nil
}

// levels reads n levels with their values.
func (r *fullZipReader) levels(n int) error {
	for i := range n {
		start := r.at
		if err := r.level(); err != nil {
			return located(err, fmt.Sprintf("level %d", i), int64(start))
		}
	}
	return nil
}

// level reads one level and its value.
func (r *fullZipReader) level() error {
	c := &r.control
	if len(r.data)-r.at < c.bytes {
		return errors.New("the page ends inside its control word")
	}
	word := c.word(r.data[r.at:])
	r.at += c.bytes
	def := uint16(word & (1<<c.bitsDef - 1))
	if c.bitsRep > 0 {
		r.out.rep = append(r.out.rep, uint16(word>>c.bitsDef))
	}
	if c.bitsDef > 0 {
		r.out.def = append(r.out.def, def)
	}
	switch {
	case def > r.visible:
		return nil
	case def > 0 && r.builder.Shape().Offsets > 0:
		return r.builder.AppendItem(nil)
	default:
		return r.item()
	}
}

// word is a control word.
func (c *control) word(b []byte) uint32 {
	switch c.bytes {
	case 0:
		return 0
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.LittleEndian.Uint16(b))
	}
	return binary.LittleEndian.Uint32(b)
}

// bit reads a bool, which has a byte of its own here.
func (r *fullZipReader) bit() error {
	if r.at == len(r.data) {
		return errors.New("the page ends before a value of one byte")
	}
	r.builder.AppendBits([]byte{r.data[r.at] & 1}, 0, 1)
	r.at++
	return nil
}

// fixed reads a value of size bytes.
func (r *fullZipReader) fixed(size int) error {
	value, err := r.take(size)
	if err == nil {
		r.builder.AppendFixed(value, 1)
	}
	return err
}

// take is the next size bytes.
func (r *fullZipReader) take(size int) ([]byte, error) {
	if len(r.data)-r.at < size {
		return nil, fmt.Errorf("the page ends inside a value of %d bytes", size)
	}
	r.at += size
	return r.data[r.at-size : r.at], nil
}

// vector reads a value of size bytes, which begins with the validity bytes of
// each depth.
func (r *fullZipReader) vector(size int, validity []int) error {
	value, err := r.take(size)
	if err != nil {
		return err
	}
	for depth, n := range validity {
		var valid []byte
		if n > 0 {
			valid, value = value[:n], value[n:]
		}
		r.builder.AppendInner(depth, valid, 0, 1)
	}
	switch {
	case len(value) == 0: // all numbers are null
		if r.builder.Bytes()+r.builder.Shape().Width/8 > maxPageBytes {
			return fmt.Errorf("the page expands to more than %d bytes", maxPageBytes)
		}
		r.builder.AppendZeros(1)
	case r.builder.Shape().Bits:
		r.builder.AppendBools(value, 0, 1)
	default:
		r.builder.AppendFixed(value, 1)
	}
	return nil
}

// variable reads a value behind its length, which takes width bytes.
func (r *fullZipReader) variable(width int) error {
	if len(r.data)-r.at < width {
		return fmt.Errorf("the page ends inside a length of %d bytes", width)
	}
	size := uint64(binary.LittleEndian.Uint32(r.data[r.at:]))
	if width == 8 {
		size = binary.LittleEndian.Uint64(r.data[r.at:])
	}
	r.at += width
	if size > uint64(len(r.data)-r.at) {
		return fmt.Errorf("a value of %d bytes, but the page has %d left", size, len(r.data)-r.at)
	}
	value := r.data[r.at : r.at+int(size)]
	r.at += int(size)
	if r.expander != nil {
		var err error
		if value, err = r.expander.Expand(value); err != nil {
			return err
		}
	}
	if r.symbols != nil {
		var err error
		if r.text, err = r.symbols.Append(r.text[:0], value); err != nil {
			return err
		}
		value = r.text
	}
	if r.builder.Bytes()+len(value) > maxPageBytes {
		return fmt.Errorf("the page expands to more than %d bytes", maxPageBytes)
	}
	return r.builder.AppendItem(value)
}
