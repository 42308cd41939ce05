package layout

import (
	"errors"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// dictionaryBuffer is the buffer of a mini-block page that holds its dictionary.
const dictionaryBuffer = 2

// asNumbers is a page of a column of a dictionary type as a page of the numbers that
// it has, without its dictionary, and their type; nil if it has values, as pages of
// other columns do. Read as numbers the rows take no more memory than is stored
// before they are asked for.
func asNumbers(l *lancepb.PageLayout, buffers int) (*lancepb.PageLayout, arrow.DataType, error) {
	m := l.GetMiniBlock()
	if m.GetDictionary() == nil {
		return l, nil, nil
	}
	if err := checkBuffers(m, buffers); err != nil {
		return nil, nil, err
	}
	numbers := map[int]arrow.DataType{
		8: arrow.PrimitiveTypes.Uint8, 16: arrow.PrimitiveTypes.Uint16, 32: arrow.PrimitiveTypes.Uint32, 64: arrow.PrimitiveTypes.Uint64,
	}[compress.IndexBits(m.GetValueCompression())]
	if numbers == nil {
		return nil, nil, located(&compress.UnsupportedError{Encoding: "indices as " + compress.Name(m.GetValueCompression())}, "value compression", -1)
	}
	m = proto.Clone(m).(*lancepb.MiniBlockLayout)
	m.Dictionary = nil
	return &lancepb.PageLayout{Layout: &lancepb.PageLayout_MiniBlock{MiniBlock: m}}, numbers, nil
}

// readIndexed is Read for a dictionary type.
func readIndexed(l *lancepb.PageLayout, bufs [][]byte, rows int, dt *arrow.DictionaryType, x *compress.Expanders) (*Rows, error) {
	plain, numbers, err := asNumbers(l, len(bufs))
	switch {
	case err != nil:
		return nil, err
	case numbers == nil:
		return Read(l, bufs, rows, dt.ValueType, x)
	}
	items, err := readItems(l.GetMiniBlock(), bufs[dictionaryBuffer], dt.ValueType, x)
	if err != nil {
		return nil, err
	}
	r, err := Read(plain, slices.Delete(slices.Clone(bufs), dictionaryBuffer, dictionaryBuffer+1), rows, numbers, x)
	return r.into(items, err)
}

// readIndexedRows is ReadRows for a dictionary type.
func readIndexedRows(l *lancepb.PageLayout, src Source, rows int, want []block.Span, dt *arrow.DictionaryType, x *compress.Expanders) (*Rows, error) {
	plain, numbers, err := asNumbers(l, src.Buffers())
	switch {
	case err != nil:
		return nil, err
	case numbers == nil:
		return ReadRows(l, src, rows, want, dt.ValueType, x)
	}
	buffer, err := whole(src, dictionaryBuffer)
	if err != nil {
		return nil, err
	}
	items, err := readItems(l.GetMiniBlock(), buffer, dt.ValueType, x)
	if err != nil {
		return nil, err
	}
	r, err := ReadRows(plain, withoutSource{Source: src, without: dictionaryBuffer}, rows, want, numbers, x)
	return r.into(items, err)
}

// into gives a page of numbers the items that they count; not after an error.
func (r *Rows) into(items arrow.Array, err error) (*Rows, error) {
	if err != nil {
		items.Release()
		return nil, err
	}
	r.items = items
	return r, nil
}

// readItems is the dictionary of a page.
func readItems(m *lancepb.MiniBlockLayout, buffer []byte, dt arrow.DataType, x *compress.Expanders) (arrow.Array, error) {
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, err
	}
	d := compress.Dictionary{Encoding: m.GetDictionary(), Items: m.GetNumDictionaryItems(), Buffer: buffer}
	b, err := d.Read(shape, x)
	if err != nil {
		return nil, located(err, "value compression", -1)
	}
	return block.ToArrow(dt, b)
}

// looked is a leaf of the values that its indices stand for.
func (r *Rows) looked(leaf repdef.Leaf) (repdef.Leaf, error) {
	defer leaf.Release()
	of := dictionary.Of(leaf.Values, r.items)
	defer of.Release()
	values, err := dictionary.Plain(of)
	if err != nil {
		var large *dictionary.SizeError
		if errors.As(err, &large) {
			return repdef.Leaf{}, err
		}
		return repdef.Leaf{}, located(err, "values", -1)
	}
	leaf.Values = values
	return leaf, nil
}
