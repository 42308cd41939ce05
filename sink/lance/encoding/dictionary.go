package encoding

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// Stored is the type of what pages of a column of type dt hold: the values of a
// dictionary column, of others dt itself.
func Stored(dt arrow.DataType) arrow.DataType {
	if d, ok := dt.(*arrow.DictionaryType); ok {
		return d.ValueType
	}
	return dt
}

// Supports says whether leaves of a type can be encoded; the error names it.
func Supports(dt arrow.DataType) error {
	shape, err := block.ShapeOf(Stored(dt))
	if dt.ID() == arrow.DICTIONARY && err == nil && (shape.Null || shape.Width == 1 || len(shape.Dims) > 0) {
		err = fmt.Errorf("type %s has values without whole bytes", dt)
	}
	return err
}

// distinctOf is the most distinct values that keys of a type can count.
func distinctOf(key arrow.DataType) uint64 {
	bits := key.(arrow.FixedWidthDataType).BitWidth()
	if arrow.IsSignedInteger(key.ID()) {
		bits--
	}
	return 1 << min(bits, 31)
}

// Indexed is the values of a leaf as an array of a dictionary type whose value
// type they have. The error says that the keys are too small to count them, or
// that the type is not supported.
func Indexed(leaf repdef.Leaf, dt *arrow.DictionaryType) (arrow.Array, error) {
	if err := Supports(dt); err != nil {
		return nil, err
	}
	values, err := block.Of(leaf.Values)
	if err != nil {
		return nil, err
	}
	shape, _ := block.ShapeOf(dt.ValueType) // Supports has asked
	items, seen := block.NewBuilder(shape, 0, 0), make(map[string]int)
	width := dt.IndexType.(arrow.FixedWidthDataType).BitWidth() / 8
	keys := make([]byte, values.Items*width)
	most := distinctOf(dt.IndexType)
	err = eachSlot(leaf, func(slot int, null bool) error {
		if null {
			return nil
		}
		item := values.Item(slot)
		key, ok := seen[string(item)]
		if !ok {
			if key = len(seen); uint64(key) >= most {
				return &compress.UnsupportedError{Encoding: fmt.Sprintf("more than %d distinct values in a batch of %s", most, dt)}
			}
			seen[string(item)] = key
			if err := appendItem(items, item); err != nil {
				return err
			}
		}
		for i := range width {
			keys[slot*width+i] = byte(key >> (8 * i))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	dictionary, err := block.ToArrow(dt.ValueType, items.Block())
	if err != nil {
		return nil, err
	}
	defer dictionary.Release()
	data := array.NewData(dt, values.Items, []*memory.Buffer{nil, memory.NewBufferBytes(keys)}, nil, 0, 0)
	defer data.Release()
	data.SetDictionary(dictionary.Data())
	return array.MakeFromData(data), nil
}

func appendItem(b *block.Builder, item []byte) error {
	if b.Shape().Offsets > 0 {
		return b.AppendItem(item)
	}
	b.AppendFixed(item, 1)
	return nil
}

// eachSlot calls visit for every value slot of a leaf.
func eachSlot(leaf repdef.Leaf, visit func(slot int, null bool) error) error {
	if len(leaf.Def) == 0 {
		for slot := range leaf.Values.Len() {
			if err := visit(slot, false); err != nil {
				return err
			}
		}
		return nil
	}
	visible, slot := repdef.MaxVisible(leaf.Layers), 0
	for _, d := range leaf.Def {
		if d > visible {
			continue
		}
		if err := visit(slot, d != 0); err != nil {
			return err
		}
		slot++
	}
	return nil
}

// indexed lays out a leaf of a dictionary type: a page with its dictionary. The
// keys keep their width, for readers take it from the type of the column.
func (e *Encoder) indexed(leaf repdef.Leaf, dict *array.Dictionary) (layout.Page, bool, error) {
	if err := Supports(dict.DataType()); err != nil {
		return layout.Page{}, false, err
	}
	if dict.Dictionary().NullN() > 0 {
		return layout.Page{}, false, errors.New("a dictionary that holds a null is not supported")
	}
	items, err := block.Of(dict.Dictionary())
	if err != nil {
		return layout.Page{}, false, fmt.Errorf("dictionary: %w", err)
	}
	width := dict.DataType().(*arrow.DictionaryType).IndexType.(arrow.FixedWidthDataType).BitWidth() / 8
	keys := make([]byte, dict.Len()*width)
	err = eachSlot(leaf, func(slot int, null bool) error {
		if null {
			return nil
		}
		key := dict.GetValueIndex(slot)
		if key < 0 || key >= items.Items {
			return fmt.Errorf("key %d of a dictionary of %d items", key, items.Items)
		}
		for i := range width {
			keys[slot*width+i] = byte(key >> (8 * i))
		}
		return nil
	})
	if err != nil {
		return layout.Page{}, false, err
	}
	b := block.Block{Items: dict.Len(), Width: 8 * width, Data: keys}
	values, _ := compress.InlineBitpacking(b)
	if values == nil {
		values = compress.Flat(b, nil)
	}
	d := compress.DictionaryOf(items)
	page, ok, err := e.mini.Write(leaf, compress.WithDictionary(values, d), nil)
	if ok || err != nil {
		return page, ok, err
	}
	return e.mini.Write(leaf, compress.WithDictionary(compress.Flat(b, nil), d), nil)
}
