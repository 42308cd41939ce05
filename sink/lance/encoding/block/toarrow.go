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
	data := toData(dt, b, b.Items)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func toData(dt arrow.DataType, b Block, n int) *array.Data {
	if list, ok := dt.(*arrow.FixedSizeListType); ok {
		child := toData(list.Elem(), b, n*int(list.Len()))
		defer child.Release()
		return array.NewData(dt, n, []*memory.Buffer{nil}, []arrow.ArrayData{child}, 0, 0)
	}
	buffers := []*memory.Buffer{nil, memory.NewBufferBytes(b.Data)}
	nulls := 0
	switch {
	case b.Offsets32 != nil:
		offsets := arrow.Int32Traits.CastToBytes(b.Offsets32)
		buffers = []*memory.Buffer{nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(b.Data)}
	case b.Offsets64 != nil:
		offsets := arrow.Int64Traits.CastToBytes(b.Offsets64)
		buffers = []*memory.Buffer{nil, memory.NewBufferBytes(offsets), memory.NewBufferBytes(b.Data)}
	case b.Inner != nil:
		buffers[0], nulls = memory.NewBufferBytes(b.Inner), array.UnknownNullCount
	}
	return array.NewData(dt, n, buffers, nil, nulls, 0)
}
