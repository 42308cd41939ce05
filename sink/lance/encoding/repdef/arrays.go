package repdef

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// withValidity is the array with other nulls, sharing everything else. The
// caller gets a reference.
func withValidity(values arrow.Array, v *validity, mem memory.Allocator) arrow.Array {
	data := values.Data()
	unchanged := v.nulls == 0 && (values.NullN() == 0 || v.n == 0)
	if unchanged || values.DataType().ID() == arrow.NULL {
		values.Retain()
		return values
	}
	buffers := slices.Clone(data.Buffers())
	buffers[0] = newBuffer(v.at(data.Offset()), mem)
	made := array.NewData(data.DataType(), data.Len(), buffers, data.Children(), v.nulls, data.Offset())
	defer made.Release()
	if buffers[0] != nil {
		buffers[0].Release()
	}
	if dict, ok := data.Dictionary().(*array.Data); ok && dict != nil {
		made.SetDictionary(dict)
	}
	return array.MakeFromData(made)
}

// makeArray is an array without offset of buffers that it copies. The caller
// gets a reference; children keep theirs.
func makeArray(t arrow.DataType, v *validity, offsets []byte, children []arrow.ArrayData, mem memory.Allocator) arrow.Array {
	buffers := []*memory.Buffer{newBuffer(v.at(0), mem)}
	if offsets != nil {
		buffers = append(buffers, newBuffer(offsets, mem))
	}
	data := array.NewData(t, v.n, buffers, children, v.nulls, 0)
	defer data.Release()
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	return array.MakeFromData(data)
}

// newBuffer copies bytes into a buffer of mem; none stays none.
func newBuffer(from []byte, mem memory.Allocator) *memory.Buffer {
	if from == nil {
		return nil
	}
	b := memory.NewResizableBuffer(mem)
	b.Resize(len(from))
	copy(b.Bytes(), from)
	return b
}
