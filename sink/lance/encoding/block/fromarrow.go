package block

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Source is what Of needs of an array.
type Source interface {
	DataType() arrow.DataType
	Data() arrow.ArrayData
}

// Of is the block of the items of an array, which may be a slice. The array's
// own validity is left aside. Nulls inside nested fixed size lists are refused by
// name unless the whole list is null. An array whose buffers are too short for
// its length is an error, never a panic.
func Of(arr Source) (Block, error) {
	shape, err := ShapeOf(arr.DataType())
	if err != nil {
		return Block{}, err
	}
	data := arr.Data()
	n := data.Len()
	switch {
	case shape.Null || n == 0:
		return empty(shape, n), nil
	case shape.Offsets == 32:
		return variable32(data)
	case shape.Offsets == 64:
		return variable64(data)
	case shape.Width == 1:
		return bits(data)
	default:
		return fixed(data, shape)
	}
}

func empty(s Shape, n int) Block {
	b := Block{Items: n, Width: s.Width}
	switch s.Offsets {
	case 32:
		b.Offsets32 = []int32{0}
	case 64:
		b.Offsets64 = []int64{0}
	}
	return b
}

// bufferBytes is the content of buffer i of an array, nil where it has none.
func bufferBytes(data arrow.ArrayData, i int) []byte {
	bufs := data.Buffers()
	if i >= len(bufs) || bufs[i] == nil {
		return nil
	}
	return bufs[i].Bytes()
}

func errShort(data arrow.ArrayData) error {
	return fmt.Errorf("array of %s: a buffer is too short for %d items at offset %d",
		data.DataType(), data.Len(), data.Offset())
}

func variable32(data arrow.ArrayData) (Block, error) {
	raw, values := bufferBytes(data, 1), bufferBytes(data, 2)
	from, to := data.Offset(), data.Offset()+data.Len()+1
	if len(raw) < to*arrow.Int32SizeBytes {
		return Block{}, errShort(data)
	}
	offsets := arrow.Int32Traits.CastFromBytes(raw)[from:to]
	if offsets[0] < 0 || offsets[len(offsets)-1] < offsets[0] || int(offsets[len(offsets)-1]) > len(values) {
		return Block{}, errShort(data)
	}
	return Block{Items: data.Len(), Data: values, Offsets32: offsets}, nil
}

func variable64(data arrow.ArrayData) (Block, error) {
	raw, values := bufferBytes(data, 1), bufferBytes(data, 2)
	from, to := data.Offset(), data.Offset()+data.Len()+1
	if len(raw) < to*arrow.Int64SizeBytes {
		return Block{}, errShort(data)
	}
	offsets := arrow.Int64Traits.CastFromBytes(raw)[from:to]
	if offsets[0] < 0 || offsets[len(offsets)-1] < offsets[0] || offsets[len(offsets)-1] > int64(len(values)) {
		return Block{}, errShort(data)
	}
	return Block{Items: data.Len(), Data: values, Offsets64: offsets}, nil
}

func bits(data arrow.ArrayData) (Block, error) {
	raw, from, n := bufferBytes(data, 1), data.Offset(), data.Len()
	if len(raw) < (from+n+7)/8 {
		return Block{}, errShort(data)
	}
	if from%8 == 0 {
		return Block{Items: n, Width: 1, Data: raw[from/8 : (from+n+7)/8]}, nil
	}
	aligned := make([]byte, (n+7)/8)
	bitutil.CopyBitmap(raw, from, n, aligned, 0)
	return Block{Items: n, Width: 1, Data: aligned}, nil
}

// fixed finds the numbers at the bottom of any fixed size lists: the position
// of an item there is its position above times the list's length, plus the
// child's own offset.
func fixed(data arrow.ArrayData, shape Shape) (Block, error) {
	top := data
	b := Block{Items: data.Len(), Width: shape.Width}
	from, n, per := data.Offset(), data.Len(), 1
	for _, dim := range shape.Dims {
		child := data.Children()[0]
		from, n, per = from*dim, n*dim, per*dim
		if child.Len() < from+n {
			return Block{}, errShort(data)
		}
		from += child.Offset()
		some, err := holes(top, child, from, per)
		switch {
		case err != nil:
			return Block{}, err
		case some && len(shape.Dims) > 1:
			return Block{}, fmt.Errorf("type %s: nulls inside nested fixed size lists are not supported", top.DataType())
		case some:
			b.Inner = make([]byte, (n+7)/8)
			bitutil.CopyBitmap(bufferBytes(child, 0), from, n, b.Inner, 0)
		}
		data = child
	}
	w := shape.Number() / 8
	raw := bufferBytes(data, 1)
	if len(raw) < (from+n)*w {
		return Block{}, errShort(data)
	}
	b.Data = raw[from*w : (from+n)*w]
	return b, nil
}

// holes reports whether a list that is not null itself holds a null among its
// per items of child, which begin at a position. Inside null lists Arrow's
// builders put nulls, and they mean nothing.
func holes(top, child arrow.ArrayData, at, per int) (bool, error) {
	valid := bufferBytes(child, 0)
	if len(valid) == 0 || child.NullN() == 0 {
		return false, nil
	}
	if len(valid) < (at+top.Len()*per+7)/8 {
		return false, errShort(child)
	}
	topValid := bufferBytes(top, 0)
	for i := range top.Len() {
		if len(topValid) > 0 && !bitutil.BitIsSet(topValid, top.Offset()+i) {
			continue
		}
		if bitutil.CountSetBits(valid, at+i*per, per) != per {
			return true, nil
		}
	}
	return false, nil
}
