// Package nullarray makes arrays of nulls.
package nullarray

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// New returns n nulls of a type. Arrow's own function panics at the null type
// inside a struct. The caller releases the array.
func New(dt arrow.DataType, n int) arrow.Array {
	data := nulls(dt, n)
	defer data.Release()
	return array.MakeFromData(data)
}

func nulls(dt arrow.DataType, n int) arrow.ArrayData {
	var children []arrow.ArrayData
	buffers := []*memory.Buffer{zeros(int(bitutil.BytesForBits(int64(n))))}
	switch t := dt.(type) {
	case *arrow.NullType:
		buffers[0] = nil
	case *arrow.StructType:
		for _, f := range t.Fields() {
			children = append(children, nulls(f.Type, n))
		}
	case *arrow.ListType, *arrow.MapType:
		buffers = append(buffers, zeros(arrow.Int32Traits.BytesRequired(n+1)))
		children = append(children, nulls(t.(arrow.NestedType).Fields()[0].Type, 0))
	case *arrow.LargeListType:
		buffers = append(buffers, zeros(arrow.Int64Traits.BytesRequired(n+1)))
		children = append(children, nulls(t.Elem(), 0))
	default:
		flat := array.MakeArrayOfNull(memory.DefaultAllocator, dt, n)
		defer flat.Release()
		flat.Data().Retain()
		return flat.Data()
	}
	data := array.NewData(dt, n, buffers, children, n, 0)
	for _, b := range buffers {
		if b != nil {
			b.Release()
		}
	}
	for _, c := range children {
		c.Release()
	}
	return data
}

func zeros(bytes int) *memory.Buffer {
	b := memory.NewResizableBuffer(memory.DefaultAllocator)
	b.Resize(bytes)
	clear(b.Bytes())
	return b
}
