package encoding

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// Indexed are the values of a column of a dictionary type, of which its leaves hold
// the numbers (dictionary.Keyed). A file has one for each such column.
type Indexed struct {
	Table *dictionary.Table
	pages int // written
	items int // in their dictionaries
}

// Indexed are the settings for a column of a dictionary type.
func (s Settings) Indexed(values *Indexed) Settings {
	s.indexed = values
	return s
}

// count takes a page with a dictionary of so many items. The reference joins rows of
// neighbouring pages by joining the dictionaries, in which it does not find all
// values that are the same: what their keys can count must do for all pages. A page
// alone may use all of it.
func (x *Indexed) count(items int) error {
	x.pages, x.items = x.pages+1, x.items+items
	most := dictionary.Capacity(x.Table.Type)
	switch {
	case x.items <= most:
		return nil
	case x.pages == 1:
		return &dictionary.FullError{Type: x.Table.Type}
	}
	return fmt.Errorf("%w: the dictionaries of %d pages come to %d, and readers may join them", &dictionary.FullError{Type: x.Table.Type}, x.pages, x.items)
}

// indexedPage lays out numbers as keys of the width of the column's type, as readers
// want them, into a dictionary of the values that the page has.
func (e *Encoder) indexedPage(leaf repdef.Leaf, s Settings, emit func(Page) error) error {
	numbers, ok := leaf.Values.(*array.Uint32)
	if !ok {
		return fmt.Errorf("%s are no numbers of dictionary values", leaf.Values.DataType())
	}
	keys, items, err := compact(leaf, numbers.Uint32Values(), s.indexed.Table)
	if err != nil {
		return err
	}
	d, err := e.dictionaryOf(items, s)
	if err != nil {
		return err
	}
	codec, err := e.codec(s)
	if err != nil {
		return err
	}
	c := chooser{settings: s}
	values, _ := c.numbers(keys)
	page, ok, err := e.mini.Write(leaf, compress.WithDictionary(values, d), codec)
	if err == nil && !ok {
		page, ok, err = e.mini.Write(leaf, compress.WithDictionary(compress.Flat(keys, nil), d), codec)
	}
	switch {
	case err != nil:
		return err
	case ok:
		if err := s.indexed.count(items.Items); err != nil {
			return err
		}
		return e.emit(page, leaf.Rows, emit)
	case leaf.Rows > 1:
		return e.halves(leaf, s, emit)
	}
	return fmt.Errorf("a row of %d levels of %s fits no page", leaf.Levels(), s.indexed.Table.Type)
}

// dictionaryOf stores values as a dictionary, compressed where that is usual.
func (e *Encoder) dictionaryOf(items block.Block, s Settings) (compress.Dictionary, error) {
	d, err := compress.DictionaryOf(items)
	if err != nil || e.options.Version < V2_2 {
		return d, err
	}
	codec, err := e.codecs.get(s.dictionaryScheme(), s.dictLevel)
	if err != nil || codec == nil {
		return d, err
	}
	d, e.packed, err = d.Compress(codec, e.packed)
	return d, err
}

// compact numbers the values that a leaf has from 0, in the order in which they come.
// Nulls have the key 0.
func compact(leaf repdef.Leaf, numbers []uint32, t *dictionary.Table) (keys, items block.Block, err error) {
	shape, err := block.ShapeOf(t.Type.ValueType)
	if err != nil {
		return keys, items, err
	}
	width := t.Type.Bytes()
	keys = block.Block{Items: len(numbers), Width: 8 * width, Data: make([]byte, len(numbers)*width)}
	b := block.NewBuilder(shape, t.Len(), t.Bytes())
	again := make([]uint32, t.Len()) // the key of each value, plus one
	err = eachValid(leaf, func(slot int) error {
		number := numbers[slot]
		if again[number] == 0 {
			if err := appendItem(b, t.Item(int(number))); err != nil {
				return err
			}
			again[number] = uint32(b.Items())
		}
		for key, i := again[number]-1, 0; i < width && i < 4; i++ {
			keys.Data[slot*width+i] = byte(key >> (8 * i))
		}
		return nil
	})
	return keys, b.Block(), err
}

func appendItem(b *block.Builder, item []byte) error {
	switch shape := b.Shape(); {
	case shape.Offsets > 0:
		return b.AppendItem(item)
	case shape.Width == 1:
		b.AppendBits(item, 0, 1)
	default:
		b.AppendFixed(item, 1)
	}
	return nil
}

// eachValid calls visit for every value slot of a leaf that is not null.
func eachValid(leaf repdef.Leaf, visit func(slot int) error) error {
	if len(leaf.Def) == 0 {
		for slot := range leaf.Values.Len() {
			if err := visit(slot); err != nil {
				return err
			}
		}
		return nil
	}
	visible, slot := repdef.MaxVisible(leaf.Layers), 0
	for _, d := range leaf.Def {
		if d == 0 {
			if err := visit(slot); err != nil {
				return err
			}
		}
		if d <= visible {
			slot++
		}
	}
	return nil
}

// supportsIndexed says whether a dictionary type can be a column.
func supportsIndexed(t *arrow.DictionaryType) error {
	if !dictionary.Holds(t.ValueType) || t.Ordered {
		return fmt.Errorf("type %s is no dictionary of plain values", t)
	}
	return nil
}
