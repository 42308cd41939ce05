package lance

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// unfixed is an array of fixed-size lists as one of lists: the same values, and none
// for those that are null. The caller gets a reference.
func unfixed(in *array.FixedSizeList) arrow.Array {
	t := in.DataType().(*arrow.FixedSizeListType)
	b := array.NewInt32Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(in.Len() + 1)
	first := int32(in.Data().Offset()) * t.Len() //nolint:gosec // a batch has fewer than 2^31 values
	for i := range in.Len() + 1 {
		b.Append(first + int32(i)*t.Len()) //nolint:gosec // see above
	}
	ends := b.NewInt32Array()
	defer ends.Release()
	var valid *memory.Buffer
	if in.NullN() > 0 {
		valid = memory.NewBufferBytes(make([]byte, (in.Len()+7)/8))
		for i := range in.Len() {
			if in.IsValid(i) {
				valid.Bytes()[i/8] |= 1 << (i % 8)
			}
		}
	}
	data := array.NewData(arrow.ListOfField(t.ElemField()), in.Len(), []*memory.Buffer{valid, ends.Data().Buffers()[1]}, in.Data().Children(), in.NullN(), 0)
	defer data.Release()
	return array.MakeFromData(data)
}
