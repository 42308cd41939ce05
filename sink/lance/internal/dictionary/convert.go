package dictionary

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// leafFunc makes what stands in place of an array that is a dictionary, or has to
// become one: of a type, as long, without offset.
type leafFunc func(data arrow.ArrayData, to arrow.DataType) (arrow.ArrayData, error)

// convert is an array of another type, which differs in dictionary types alone;
// leaf makes those, in pre-order. The caller gets a reference.
func convert(arr arrow.Array, to arrow.DataType, leaf leafFunc) (arrow.Array, error) {
	if !Has(arr.DataType()) && !Has(to) {
		arr.Retain()
		return arr, nil
	}
	data, err := convertData(arr.Data(), to, leaf)
	if err != nil {
		return nil, err
	}
	defer data.Release()
	return array.MakeFromData(data), nil
}

func convertData(data arrow.ArrayData, to arrow.DataType, leaf leafFunc) (arrow.ArrayData, error) {
	from := data.DataType()
	if !Has(from) && !Has(to) {
		data.Retain()
		return data, nil
	}
	if ext, ok := from.(arrow.ExtensionType); ok {
		data = asStored(data, ext.StorageType())
		defer data.Release()
		from = data.DataType()
	}
	if from.ID() == arrow.DICTIONARY || to.ID() == arrow.DICTIONARY {
		return leaf(data, to)
	}
	if from.ID() != to.ID() {
		return nil, fmt.Errorf("an array of %s as %s", from, to)
	}
	switch t := to.(type) {
	case *arrow.StructType:
		return convertStruct(data, t, leaf)
	case *arrow.ListType, *arrow.MapType:
		return convertList(data, to, arrow.Int32SizeBytes, leaf)
	case *arrow.LargeListType:
		return convertList(data, to, arrow.Int64SizeBytes, leaf)
	}
	return nil, fmt.Errorf("dictionaries inside of %s", from)
}

// asStored is the data of an extension array under its storage type.
func asStored(data arrow.ArrayData, dt arrow.DataType) arrow.ArrayData {
	made := array.NewData(dt, data.Len(), data.Buffers(), data.Children(), data.NullN(), data.Offset())
	if d, ok := data.Dictionary().(*array.Data); ok && d != nil {
		made.SetDictionary(d)
	}
	return made
}

func convertStruct(data arrow.ArrayData, to *arrow.StructType, leaf leafFunc) (arrow.ArrayData, error) {
	if len(data.Children()) != to.NumFields() {
		return nil, fmt.Errorf("an array of %s with %d members", data.DataType(), len(data.Children()))
	}
	children := make([]arrow.ArrayData, 0, to.NumFields())
	defer func() { release(children) }()
	for i, child := range data.Children() {
		c, err := convertPart(child, data.Offset(), data.Offset()+data.Len(), to.Field(i).Type, leaf)
		if err != nil {
			return nil, err
		}
		children = append(children, c)
	}
	return array.NewData(to, data.Len(), []*memory.Buffer{validity(data)}, children, data.NullN(), 0), nil
}

// convertList converts the items that the lists of an array have, which may be a
// small part of what it refers to.
func convertList(data arrow.ArrayData, to arrow.DataType, width int, leaf leafFunc) (arrow.ArrayData, error) {
	offsets, err := offsetsOf(data, width)
	if err != nil {
		return nil, err
	}
	first, end := offsets[0], offsets[data.Len()]
	items, err := convertPart(data.Children()[0], int(first), int(end), to.(arrow.NestedType).Fields()[0].Type, leaf)
	if err != nil {
		return nil, err
	}
	defer items.Release()
	for i := range offsets {
		offsets[i] -= first
	}
	buffers := []*memory.Buffer{validity(data), offsetBuffer(offsets, width)}
	return array.NewData(to, data.Len(), buffers, []arrow.ArrayData{items}, data.NullN(), 0), nil
}

// convertPart converts the entries [from, end) of an array.
func convertPart(data arrow.ArrayData, from, end int, to arrow.DataType, leaf leafFunc) (arrow.ArrayData, error) {
	if from < 0 || from > end || end > data.Len() {
		return nil, fmt.Errorf("entries %d to %d of an array of %d", from, end, data.Len())
	}
	part := array.NewSliceData(data, int64(from), int64(end))
	defer part.Release()
	return convertData(part, to, leaf)
}

// validity is the validity bitmap of an array without its offset; nil for none.
func validity(data arrow.ArrayData) *memory.Buffer {
	buffers := data.Buffers()
	if len(buffers) == 0 || buffers[0] == nil || data.NullN() == 0 {
		return nil
	}
	bits := make([]byte, bitutil.BytesForBits(int64(data.Len())))
	bitutil.CopyBitmap(buffers[0].Bytes(), data.Offset(), data.Len(), bits, 0)
	return memory.NewBufferBytes(bits)
}

func release(all []arrow.ArrayData) {
	for _, d := range all {
		d.Release()
	}
}
