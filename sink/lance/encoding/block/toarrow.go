package block

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// ToArrow is an array over a block's buffers, without validity except that of
// the numbers inside fixed size lists. It takes the buffers over. The block
// must be sound: offsets that ascend inside Data, and Data as long as the
// items need; Builder makes no other.
func ToArrow(dt arrow.DataType, b Block) (arrow.Array, error) {
	shape, err := ShapeOf(dt)
	if err != nil {
		return nil, err
	}
	if shape.Null {
		return array.NewNull(b.Items), nil
	}
	if shape.Width != b.Width || (shape.Offsets == 32) != (b.Offsets32 != nil) || (shape.Offsets == 64) != (b.Offsets64 != nil) {
		return nil, fmt.Errorf("a block of %d bits is not of type %s", b.Width, dt)
	}
	data := toData(dt, b, b.Items, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

// toData is n entries of a type, which lie inside of so many fixed size lists.
func toData(dt arrow.DataType, b Block, n, depth int) *array.Data {
	var valid *memory.Buffer
	nulls := 0
	if depth > 0 && b.Inner != nil && b.Inner[depth-1] != nil {
		valid, nulls = memory.NewBufferBytes(b.Inner[depth-1]), array.UnknownNullCount
	}
	if list, ok := dt.(*arrow.FixedSizeListType); ok {
		child := toData(list.Elem(), b, n*int(list.Len()), depth+1)
		defer child.Release()
		return array.NewData(dt, n, []*memory.Buffer{valid}, []arrow.ArrayData{child}, nulls, 0)
	}
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(b.Data)}
	switch {
	case b.Offsets32 != nil:
		offsets := arrow.Int32Traits.CastToBytes(b.Offsets32)
		buffers = []*memory.Buffer{nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(b.Data)}
	case b.Offsets64 != nil:
		offsets := arrow.Int64Traits.CastToBytes(b.Offsets64)
		buffers = []*memory.Buffer{nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(b.Data)}
	case depth > 0 && dt.ID() == arrow.BOOL:
		buffers[1] = memory.NewBufferBytes(AppendBits(nil, b.Data[:n]))
	}
	return array.NewData(dt, n, buffers, nil, nulls, 0)
}

// AppendBits adds a bit for every byte, lowest first.
func AppendBits(dst, bools []byte) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (len(bools)+7)/8)...)
	for i, v := range bools {
		dst[at+i/8] |= (v & 1) << (i % 8)
	}
	return dst
}
