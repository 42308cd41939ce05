package layout

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

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
	stream   *stream // all of it, where it is not nil
	leaf     repdef.Leaf
	cursor   *repdef.Cursor // over leaf; nil in a constant page without levels
	remain   int            // rows, in such a page
	layers   []repdef.Layer // of such a page
	constant *constant      // where the cursor's leaf has no values of the type, or there is none
	items    arrow.Array    // where the leaf's values are indices into these
}

// Read decodes a page of the given rows, for leaves of a type; of a dictionary type
// they have the values. A mini-block page without lists is decoded as its rows are
// asked for and borrows the buffers until then; others are done with them. Damage is
// a *corrupt.Error located inside the page; what this library does not read is a fields.ErrUnsupported.
func Read(l *lancepb.PageLayout, bufs [][]byte, rows int, dt arrow.DataType, x *compress.Expanders) (*Rows, error) {
	if t, ok := dt.(*arrow.DictionaryType); ok {
		return readIndexed(l, bufs, rows, t, x)
	}
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
		if repdef.MaxRep(layers) == 0 {
			s, err := openStream(kind.MiniBlock, bufs, layers, rows, dt, x)
			if err != nil {
				return nil, err
			}
			return &Rows{stream: s}, nil
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
		return readConstant(kind.Constant, bufs, rows, dt, x)
	case *lancepb.PageLayout_Blob:
		return nil, fmt.Errorf("blob pages: %w", fields.ErrUnsupported)
	case *lancepb.PageLayout_Sparse:
		return nil, fmt.Errorf("sparse pages: %w", fields.ErrUnsupported)
	}
	return nil, fmt.Errorf("an unknown page layout: %w", fields.ErrUnsupported)
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
	return &Rows{leaf: leaf, cursor: repdef.NewCursor(leaf)}, nil
}

// Remaining is the number of rows not handed out yet.
func (r *Rows) Remaining() int {
	if r.stream != nil {
		return r.stream.remain
	}
	if r.cursor == nil {
		return r.remain
	}
	return r.cursor.Remaining()
}

// Next is a leaf of the next rows, at most Remaining. The caller releases it. After
// an error, of those that Read returns, the page is of no more use.
func (r *Rows) Next(rows int) (repdef.Leaf, error) {
	leaf, err := r.next(rows)
	if err != nil || r.items == nil {
		return leaf, err
	}
	return r.looked(leaf)
}

// next is Next without looking indices up.
func (r *Rows) next(rows int) (repdef.Leaf, error) {
	if r.stream != nil {
		return r.stream.leaf(rows)
	}
	if r.cursor == nil {
		r.remain -= rows
		return r.constant.next(r.layers, rows)
	}
	leaf := r.cursor.Next(rows)
	if r.constant == nil {
		return leaf, nil
	}
	n := leaf.Values.Len()
	leaf.Release()
	var err error
	leaf.Values, err = r.constant.items(n)
	return leaf, err
}

// Release lets go of the page; leaves handed out stay.
func (r *Rows) Release() {
	r.leaf.Release()
	if r.items != nil {
		r.items.Release()
	}
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
