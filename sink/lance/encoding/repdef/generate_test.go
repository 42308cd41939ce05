package repdef_test

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"pgregory.net/rapid"
)

// drawType draws a type of at most depth structs and lists over a leaf.
func drawType(t *rapid.T, depth int) arrow.DataType {
	kinds := 9
	if depth == 0 {
		kinds = 6
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "type") {
	case 0:
		return arrow.PrimitiveTypes.Int64
	case 1:
		return arrow.BinaryTypes.String
	case 2:
		return arrow.FixedWidthTypes.Boolean
	case 3:
		return arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32)
	case 4:
		return arrow.BinaryTypes.LargeBinary
	case 5:
		return arrow.PrimitiveTypes.Int8
	case 6:
		return arrow.LargeListOfField(drawField(t, "item", depth-1))
	case 7:
		fields := make([]arrow.Field, rapid.IntRange(1, 3).Draw(t, "members"))
		for i := range fields {
			fields[i] = drawField(t, fmt.Sprintf("m%d", i), depth-1)
		}
		return arrow.StructOf(fields...)
	default:
		return arrow.ListOfField(drawField(t, "item", depth-1))
	}
}

func drawField(t *rapid.T, name string, depth int) arrow.Field {
	return arrow.Field{Name: name, Nullable: rapid.Bool().Draw(t, "nullable"), Type: drawType(t, depth)}
}

// drawArray draws an array of n entries, sliced at random from a longer one,
// with garbage wherever Arrow allows it.
func drawArray(t *rapid.T, f arrow.Field, n int) arrow.Array {
	before, after := rapid.IntRange(0, 3).Draw(t, "before"), rapid.IntRange(0, 2).Draw(t, "after")
	whole := drawWhole(t, f, before+n+after)
	defer whole.Release()
	return array.NewSlice(whole, int64(before), int64(before+n))
}

func drawWhole(t *rapid.T, f arrow.Field, n int) arrow.Array {
	var children []arrow.ArrayData
	buffers := []*memory.Buffer{nil}
	switch dt := f.Type.(type) {
	case *arrow.StructType:
		for _, child := range dt.Fields() {
			children = append(children, drawArray(t, child, n).Data())
		}
	case *arrow.ListType:
		ends := drawOffsets(t, n)
		children = []arrow.ArrayData{drawArray(t, dt.ElemField(), ends[n]+rapid.IntRange(0, 2).Draw(t, "behind")).Data()}
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(convert[int32](ends))))
	case *arrow.LargeListType:
		ends := drawOffsets(t, n)
		children = []arrow.ArrayData{drawArray(t, dt.ElemField(), ends[n]).Data()}
		buffers = append(buffers, memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(convert[int64](ends))))
	default:
		leaf := drawLeaf(t, f.Type, n)
		buffers = append(buffers, leaf.Data().Buffers()[1:]...)
		children = leaf.Data().Children()
	}
	nulls := 0
	if f.Nullable {
		buffers[0], nulls = drawValidity(t, n)
	}
	return array.MakeFromData(array.NewData(f.Type, n, buffers, children, nulls, 0))
}

// drawOffsets draws n lists, often empty, the first not always at 0.
func drawOffsets(t *rapid.T, n int) []int {
	ends := []int{rapid.IntRange(0, 2).Draw(t, "first")}
	longest := rapid.IntRange(0, 3).Draw(t, "longest")
	shortest := rapid.IntRange(0, min(longest, 1)).Draw(t, "shortest")
	for i := range n {
		ends = append(ends, ends[i]+rapid.IntRange(shortest, longest).Draw(t, "length"))
	}
	return ends
}

func convert[O int32 | int64](from []int) []O {
	to := make([]O, len(from))
	for i, v := range from {
		to[i] = O(v)
	}
	return to
}

// drawValidity draws a bitmap with nulls none, some or all.
func drawValidity(t *rapid.T, n int) (*memory.Buffer, int) {
	mode := rapid.IntRange(0, 3).Draw(t, "nulls")
	if mode == 0 {
		return nil, 0
	}
	bitmap := make([]byte, n/8+1)
	nulls := 0
	for i := range n {
		if mode == 1 || mode == 2 && rapid.Bool().Draw(t, "null") {
			nulls++
			continue
		}
		bitmap[i/8] |= 1 << (i % 8)
	}
	return memory.NewBufferBytes(bitmap), nulls
}

// drawLeaf makes values that differ from slot to slot, so that a value in the
// wrong place shows.
func drawLeaf(_ *rapid.T, dt arrow.DataType, n int) arrow.Array {
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	for i := range n {
		switch b := b.(type) {
		case *array.Int64Builder:
			b.Append(int64(i) + 1000)
		case *array.Int8Builder:
			b.Append(int8(i))
		case *array.BooleanBuilder:
			b.Append(i%3 == 0)
		case *array.StringBuilder:
			b.Append(fmt.Sprintf("%*d", i%5, i))
		case *array.BinaryBuilder:
			b.Append(fmt.Appendf(nil, "%*d", i%7, i))
		case *array.FixedSizeListBuilder:
			b.Append(true)
			for k := range 3 {
				b.ValueBuilder().(*array.Float32Builder).Append(float32(i*3 + k))
			}
		}
	}
	return b.NewArray()
}

// rowOf is entry i of an array as plain Go values: nil for null, a slice for
// a list or struct, text for a leaf. What lies behind a null is not in it.
func rowOf(arr arrow.Array, i int) any {
	if arr.IsNull(i) || arr.DataType().ID() == arrow.NULL {
		return nil
	}
	switch a := arr.(type) {
	case *array.Struct:
		members := make([]any, a.NumField())
		for k := range members {
			members[k] = rowOf(a.Field(k), i)
		}
		return members
	case *array.FixedSizeList:
		return a.ValueStr(i)
	case array.ListLike:
		items := []any{}
		for from, to := a.ValueOffsets(i); from < to; from++ {
			items = append(items, rowOf(a.ListValues(), int(from)))
		}
		return items
	}
	return arr.ValueStr(i)
}

func rowsOf(arr arrow.Array) []any {
	rows := make([]any, arr.Len())
	for i := range rows {
		rows[i] = rowOf(arr, i)
	}
	return rows
}
