package layout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// constant is what every item of a page is: some value, or nothing that counts.
// A bool is one byte.
type constant struct {
	dt    arrow.DataType
	shape block.Shape
	some  bool
	value []byte
}

// readConstant reads a page that holds no values of its own: what 2.1 calls an
// all-null page, and the pages of 2.2 whose items are all the same.
func readConstant(l *lancepb.ConstantLayout, bufs [][]byte, rows int, dt arrow.DataType, x *compress.Expanders) (*Rows, error) {
	layers, err := parseLayers(l.GetLayers())
	if err != nil {
		return nil, err
	}
	c, bufs, err := parseConstant(l, bufs, dt)
	if err != nil {
		return nil, located(err, "constant page", -1)
	}
	if len(bufs) == 0 {
		switch {
		case c.some && repdef.MaxDef(layers) == 0 && repdef.MaxRep(layers) == 0:
		case c.some || !simple(layers):
			return nil, corrupt.Errorf("", "constant page", -1, "no levels, but layers %v", layers)
		}
		return &Rows{constant: c, remain: rows, layers: layers}, nil
	}
	rep, def, err := readLevels(l, bufs, x)
	if err != nil {
		return nil, located(err, "levels of a constant page", -1)
	}
	leaf := repdef.Leaf{Layers: layers, Rows: rows}
	items := rows
	if repdef.MaxRep(layers) > 0 {
		leaf.Rep, items = rep, len(rep)
	}
	if repdef.MaxDef(layers) > 0 {
		leaf.Def, items = def, repdef.CountVisible(def, repdef.MaxVisible(layers))
	}
	leaf.Values = array.NewNull(items)
	if err := leaf.Check("levels"); err != nil {
		return nil, err
	}
	return &Rows{constant: c, leaf: leaf, cursor: repdef.NewCursor(leaf)}, nil
}

// parseConstant is the value of a page, and the buffers of its levels: none or
// two. The number of buffers tells whether the first is a value.
func parseConstant(l *lancepb.ConstantLayout, bufs [][]byte, dt arrow.DataType) (*constant, [][]byte, error) {
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", fields.ErrUnsupported, err)
	}
	c := &constant{dt: dt, shape: shape}
	switch {
	case len(bufs) > 3:
		return nil, nil, fmt.Errorf("%d buffers", len(bufs))
	case l.InlineValue != nil:
		if len(bufs)%2 != 0 {
			return nil, nil, fmt.Errorf("an inline value and %d buffers", len(bufs))
		}
		c.some, c.value = true, append([]byte(nil), l.InlineValue...)
	case len(bufs)%2 != 0:
		c.some = true
		if c.value, err = parseScalar(bufs[0], shape); err != nil {
			return nil, nil, err
		}
		bufs = bufs[1:]
	}
	if c.some && (len(shape.Dims) > 0 || shape.Null) {
		return nil, nil, &compress.UnsupportedError{Encoding: "one value for all items of type " + dt.String()}
	}
	if c.some && shape.Width > 0 && len(c.value) != (shape.Width+7)/8 {
		return nil, nil, fmt.Errorf("a value of %d bytes for items of %d bits", len(c.value), shape.Width)
	}
	return c, bufs, nil
}

// parseScalar reads a value that is stored as the Arrow buffers of an array of
// one item: their number, their sizes, four bytes each, and then they.
func parseScalar(b []byte, s block.Shape) ([]byte, error) {
	due := 1
	if s.Offsets > 0 {
		due = 2 // offsets and bytes
	}
	head := 4 + 4*due
	if len(b) < head || binary.LittleEndian.Uint32(b) != uint32(due) {
		return nil, fmt.Errorf("a value of other than %d buffers", due)
	}
	size := uint64(binary.LittleEndian.Uint32(b[4:]))
	rest := b[head:]
	if size > uint64(len(rest)) {
		return nil, errors.New("a value that ends inside its first buffer")
	}
	if due == 1 {
		return append([]byte(nil), rest[:size]...), nil
	}
	length := uint64(binary.LittleEndian.Uint32(b[8:]))
	offsets, data := rest[:size], rest[size:]
	if size != uint64(s.Offsets)/4 || length > uint64(len(data)) {
		return nil, fmt.Errorf("a value with %d bytes of offsets and %d of %d bytes", size, length, len(data))
	}
	end := uint64(binary.LittleEndian.Uint32(offsets[len(offsets)/2:]))
	if s.Offsets == 64 {
		end = binary.LittleEndian.Uint64(offsets[8:])
	}
	if end != length {
		return nil, fmt.Errorf("a value of %d bytes whose offsets end at %d", length, end)
	}
	return append([]byte(nil), data[:length]...), nil
}

// readLevels is the levels of a page that has two buffers of them; either may
// be empty.
func readLevels(l *lancepb.ConstantLayout, bufs [][]byte, x *compress.Expanders) (rep, def []uint16, err error) {
	if rep, err = readLevelBuffer(l.GetRepCompression(), bufs[0], l.GetNumRepValues(), x); err != nil {
		return nil, nil, fmt.Errorf("repetition: %w", err)
	}
	if def, err = readLevelBuffer(l.GetDefCompression(), bufs[1], l.GetNumDefValues(), x); err != nil {
		return nil, nil, fmt.Errorf("definition: %w", err)
	}
	return rep, def, nil
}

func readLevelBuffer(e *lancepb.CompressiveEncoding, buf []byte, n uint64, x *compress.Expanders) ([]uint16, error) {
	if e == nil {
		if len(buf)%2 != 0 {
			return nil, fmt.Errorf("an odd size of %d bytes", len(buf))
		}
		return parseLevels(buf), nil
	}
	if n > maxPageBytes {
		return nil, fmt.Errorf("%d levels in one page", n)
	}
	d, err := compress.OpenLevels(e, x)
	if err != nil {
		return nil, err
	}
	return d.Append(nil, buf, int(n))
}

// items is n of them.
func (c *constant) items(n int) (arrow.Array, error) {
	each := max(c.shape.Width, c.shape.Offsets)/8 + len(c.value)
	if n > maxPageBytes/max(each, 1) {
		return nil, corrupt.Errorf("", "constant page", -1, "%d values of %s take more than %d bytes", n, c.dt, maxPageBytes)
	}
	b := block.NewBuilder(c.shape, n, n*len(c.value))
	if !c.some {
		b.AppendZeros(n)
		return block.ToArrow(c.dt, b.Block())
	}
	switch {
	case c.shape.Width == 1:
		bits := make([]byte, (n+7)/8)
		for i := range bits {
			bits[i] = -(c.value[0] & 1)
		}
		b.AppendBits(bits, 0, n)
	case c.shape.Width > 0:
		b.Repeat(c.value, n)
	default:
		for range n {
			if err := b.AppendItem(c.value); err != nil {
				return nil, located(err, "constant page", -1)
			}
		}
	}
	return block.ToArrow(c.dt, b.Block())
}

// next is a leaf of rows of a page without levels: all null, or all the value.
func (c *constant) next(layers []repdef.Layer, rows int) (repdef.Leaf, error) {
	leaf := repdef.Leaf{Layers: layers, Rows: rows}
	if repdef.MaxDef(layers) > 0 {
		leaf.Def = make([]uint16, rows)
		for i := range leaf.Def {
			leaf.Def[i] = 1
		}
	}
	var err error
	leaf.Values, err = c.items(rows)
	return leaf, err
}
