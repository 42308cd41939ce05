package file

import (
	"github.com/apache/arrow/go/v17/arrow"
)

// arrayBytes is the size of the Arrow data of rows of an array, validity left
// aside. Offsets out of range count as nothing here; whoever reads the values
// reports them.
func arrayBytes(data arrow.ArrayData, from, rows int) int {
	return typedBytes(data, data.DataType(), from, rows)
}

func typedBytes(data arrow.ArrayData, dt arrow.DataType, from, rows int) int {
	at := data.Offset() + from
	switch t := dt.(type) {
	case arrow.ExtensionType:
		return typedBytes(data, t.StorageType(), from, rows)
	case *arrow.DictionaryType:
		return indexedBytes(data, t, from, rows)
	case *arrow.StringType, *arrow.BinaryType:
		first, last := offsets32(data, at, rows)
		return last - first + 4*rows
	case *arrow.LargeStringType, *arrow.LargeBinaryType:
		first, last := offsets64(data, at, rows)
		return last - first + 8*rows
	case *arrow.ListType, *arrow.MapType:
		first, last := offsets32(data, at, rows)
		return 4*rows + arrayBytes(data.Children()[0], first, last-first)
	case *arrow.LargeListType:
		first, last := offsets64(data, at, rows)
		return 8*rows + arrayBytes(data.Children()[0], first, last-first)
	case *arrow.FixedSizeListType:
		n := int(t.Len())
		return arrayBytes(data.Children()[0], at*n, rows*n)
	case *arrow.StructType:
		size := 0
		for _, child := range data.Children() {
			size += arrayBytes(child, at, rows)
		}
		return size
	case arrow.FixedWidthDataType:
		return (rows*t.BitWidth() + 7) / 8
	}
	return 0
}

func offsets32(data arrow.ArrayData, at, rows int) (first, last int) {
	b := data.Buffers()[1]
	if b == nil || b.Len() < (at+rows+1)*arrow.Int32SizeBytes {
		return 0, 0
	}
	o := arrow.Int32Traits.CastFromBytes(b.Bytes())
	return int(o[at]), int(o[at+rows])
}

func offsets64(data arrow.ArrayData, at, rows int) (first, last int) {
	b := data.Buffers()[1]
	if b == nil || b.Len() < (at+rows+1)*arrow.Int64SizeBytes {
		return 0, 0
	}
	o := arrow.Int64Traits.CastFromBytes(b.Bytes())
	return int(o[at]), int(o[at+rows])
}
