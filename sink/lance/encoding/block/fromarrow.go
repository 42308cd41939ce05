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
// own validity is left aside. An array whose buffers are too short for its length
// is an error, never a panic.
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
	b := Block{Items: data.Len(), Width: shape.Width}
	from, n := data.Offset(), data.Len()
	var live []byte // which lists are not null, nor inside one that is
	if len(shape.Dims) > 0 {
		var err error
		if live, err = validity(data, from, n); err != nil {
			return Block{}, err
		}
	}
	for depth, dim := range shape.Dims {
		child := data.Children()[0]
		from, n = from*dim, n*dim
		if child.Len() < from+n {
			return Block{}, errShort(data)
		}
		from += child.Offset()
		valid, err := validity(child, from, n)
		if err != nil {
			return Block{}, err
		}
		if holes(live, valid, n, dim) {
			if b.Inner == nil {
				b.Inner = make([][]byte, len(shape.Dims))
			}
			b.Inner[depth] = valid
		}
		if depth+1 < len(shape.Dims) {
			live = below(live, valid, n, dim)
		}
		data = child
	}
	raw := bufferBytes(data, 1)
	if shape.Bits {
		if len(raw) < (from+n+7)/8 {
			return Block{}, errShort(data)
		}
		b.Data = make([]byte, n)
		for i := range b.Data {
			b.Data[i] = raw[(from+i)/8] >> ((from + i) % 8) & 1
		}
		return b, nil
	}
	w := shape.Number() / 8
	if len(raw) < (from+n)*w {
		return Block{}, errShort(data)
	}
	b.Data = raw[from*w : (from+n)*w]
	return b, nil
}

// validity is a copy of n validity bits of an array, nil if it has no nulls.
func validity(data arrow.ArrayData, from, n int) ([]byte, error) {
	valid := bufferBytes(data, 0)
	if len(valid) == 0 || data.NullN() == 0 {
		return nil, nil
	}
	if len(valid) < (from+n+7)/8 {
		return nil, errShort(data)
	}
	bits := make([]byte, (n+7)/8)
	bitutil.CopyBitmap(valid, from, n, bits, 0)
	return bits, nil
}

// holes reports whether a live list holds a null among its dim of n entries. Inside
// null lists Arrow's builders put nulls, and they mean nothing.
func holes(live, valid []byte, n, dim int) bool {
	if valid == nil {
		return false
	}
	for i := range n / dim {
		if live != nil && !bitutil.BitIsSet(live, i) {
			continue
		}
		if bitutil.CountSetBits(valid, i*dim, dim) != dim {
			return true
		}
	}
	return false
}

// below tells which of n entries are live: valid, and in a list that is live.
func below(live, valid []byte, n, dim int) []byte {
	if live == nil {
		return valid
	}
	bits := make([]byte, (n+7)/8)
	for i := range n {
		if bitutil.BitIsSet(live, i/dim) && (valid == nil || bitutil.BitIsSet(valid, i)) {
			bitutil.SetBit(bits, i)
		}
	}
	return bits
}
