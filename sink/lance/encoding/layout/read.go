package layout

import (
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

// Rows is the content of a page, handed out in parts of whole rows. Not safe
// for concurrent use.
type Rows struct {
	dt     arrow.DataType
	leaf   repdef.Leaf
	cursor *repdef.Cursor // over leaf; nil in an all-null page without levels
	remain int            // rows, in such a page
	nulls  bool           // the cursor's leaf has levels, but no values of the type
}

// Read decodes a page of the given rows, for leaves of a type. The content
// keeps no reference to the buffers. Damage is a *corrupt.Error located inside
// the page; what this library does not read is a fields.ErrUnsupported.
func Read(l *lancepb.PageLayout, bufs [][]byte, rows int, dt arrow.DataType, x *compress.Expanders) (*Rows, error) {
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fields.ErrUnsupported, err)
	}
	switch kind := l.GetLayout().(type) {
	case *lancepb.PageLayout_MiniBlock:
		layers, err := parseLayers(kind.MiniBlock.GetLayers())
		if err != nil {
			return nil, err
		}
		c, err := readMiniBlock(kind.MiniBlock, bufs, shape, x)
		if err != nil {
			return nil, err
		}
		return newRows(c, layers, rows, dt)
	case *lancepb.PageLayout_FullZip:
		layers, err := parseLayers(kind.FullZip.GetLayers())
		if err != nil {
			return nil, err
		}
		c, err := readFullZip(kind.FullZip, bufs, layers, shape, x)
		if err != nil {
			return nil, err
		}
		return newRows(c, layers, rows, dt)
	case *lancepb.PageLayout_Constant:
		return readConstant(kind.Constant, bufs, rows, dt)
	case *lancepb.PageLayout_Blob:
		return nil, fmt.Errorf("blob pages: %w", fields.ErrUnsupported)
	case *lancepb.PageLayout_Sparse:
		return nil, fmt.Errorf("sparse pages: %w", fields.ErrUnsupported)
	}
	return nil, fmt.Errorf("an unknown page layout: %w", fields.ErrUnsupported)
}

// readConstant reads what 2.1 calls an all-null page.
func readConstant(l *lancepb.ConstantLayout, bufs [][]byte, rows int, dt arrow.DataType) (*Rows, error) {
	layers, err := parseLayers(l.GetLayers())
	if err != nil {
		return nil, err
	}
	if l.InlineValue != nil || l.GetRepCompression() != nil || l.GetDefCompression() != nil || len(bufs) == 1 || len(bufs) == 3 {
		return nil, fmt.Errorf("constant pages: %w", fields.ErrUnsupported)
	}
	if len(bufs) == 0 {
		if !simple(layers) {
			return nil, corrupt.Errorf("", "all-null page", -1, "no levels, but layers %v", layers)
		}
		return &Rows{dt: dt, remain: rows}, nil
	}
	rep, def, err := readAllNull(bufs)
	if err != nil {
		return nil, located(err, "all-null page", -1)
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
	return &Rows{dt: dt, leaf: leaf, cursor: repdef.NewCursor(leaf), nulls: true}, nil
}

// newRows checks the content of a page and makes it ready to be handed out.
func newRows(c content, layers []repdef.Layer, rows int, dt arrow.DataType) (*Rows, error) {
	values, err := block.ToArrow(dt, c.values)
	if err != nil {
		return nil, located(err, "values", -1)
	}
	leaf := repdef.Leaf{Values: values, Layers: layers, Rows: rows}
	if repdef.MaxRep(layers) > 0 {
		leaf.Rep = c.rep
	}
	if repdef.MaxDef(layers) > 0 {
		leaf.Def = c.def
	}
	if err := leaf.Check("levels"); err != nil {
		leaf.Release()
		return nil, err
	}
	return &Rows{dt: dt, leaf: leaf, cursor: repdef.NewCursor(leaf)}, nil
}

// Remaining is the number of rows not handed out yet.
func (r *Rows) Remaining() int {
	if r.cursor == nil {
		return r.remain
	}
	return r.cursor.Remaining()
}

// Next is a leaf of the next rows, at most Remaining. The caller releases it.
func (r *Rows) Next(rows int) (repdef.Leaf, error) {
	if r.cursor == nil {
		r.remain -= rows
		leaf := repdef.Leaf{Layers: []repdef.Layer{repdef.NullableItem}, Rows: rows, Def: make([]uint16, rows)}
		for i := range leaf.Def {
			leaf.Def[i] = 1
		}
		var err error
		leaf.Values, err = zeros(r.dt, rows)
		return leaf, err
	}
	leaf := r.cursor.Next(rows)
	if !r.nulls {
		return leaf, nil
	}
	n := leaf.Values.Len()
	leaf.Release()
	var err error
	leaf.Values, err = zeros(r.dt, n)
	return leaf, err
}

// Release lets go of the page; leaves handed out stay.
func (r *Rows) Release() { r.leaf.Release() }

// zeros is n items of a type that mean nothing.
func zeros(dt arrow.DataType, n int) (arrow.Array, error) {
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, err
	}
	if size := n * max(shape.Width, shape.Offsets) / 8; size > maxPageBytes {
		return nil, corrupt.Errorf("", "all-null page", -1, "%d values of %s take more than %d bytes", n, dt, maxPageBytes)
	}
	b := block.NewBuilder(shape, n, 0)
	b.AppendZeros(n)
	return block.ToArrow(dt, b.Block())
}

// parseLayers checks the layers of a description.
func parseLayers(kinds []lancepb.LayerKind) ([]repdef.Layer, error) {
	layers := make([]repdef.Layer, len(kinds))
	width := 0
	for i, k := range kinds {
		layers[i] = repdef.Layer(k)
		if k < 0 || k > 255 || !layers[i].Known() {
			return nil, corrupt.Errorf("", "layers", -1, "unknown kind %d", k)
		}
		width += layers[i].Width()
	}
	if len(layers) == 0 || layers[0].IsList() || width > 1<<15 {
		return nil, corrupt.Errorf("", "layers", -1, "%v can not be those of a leaf", layers)
	}
	return layers, nil
}

// located turns a plain error about bytes into a *corrupt.Error; what is
// unsupported is not damage and stays what it is.
func located(err error, section string, offset int64) error {
	if errors.Is(err, fields.ErrUnsupported) {
		return fmt.Errorf("%s: %w", section, err)
	}
	return &corrupt.Error{Section: section, Offset: offset, Err: err}
}
