package dictionary

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// offsetsOf are the offsets of an array, of so many bytes each: one more than it
// has entries, ascending from 0 or more.
func offsetsOf(data arrow.ArrayData, width int) ([]int64, error) {
	offsets := make([]int64, data.Len()+1)
	if data.Len() == 0 {
		return offsets, nil
	}
	raw := bufferOf(data, 1)
	if len(raw)/width <= data.Offset()+data.Len() {
		return nil, errShort(data)
	}
	if width == arrow.Int64SizeBytes {
		copy(offsets, arrow.Int64Traits.CastFromBytes(raw)[data.Offset():])
	} else {
		for i, o := range arrow.Int32Traits.CastFromBytes(raw)[data.Offset():][:len(offsets)] {
			offsets[i] = int64(o)
		}
	}
	last := int64(0)
	for _, o := range offsets {
		if o < last {
			return nil, fmt.Errorf("an array of %s with offset %d after %d", data.DataType(), o, last)
		}
		last = o
	}
	return offsets, nil
}

// offsetBuffer is the reverse. The offsets fit.
func offsetBuffer(offsets []int64, width int) *memory.Buffer {
	if width == arrow.Int64SizeBytes {
		return memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(offsets))
	}
	narrow := make([]int32, len(offsets))
	for i, o := range offsets {
		narrow[i] = int32(o)
	}
	return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(narrow))
}

// bufferOf is the content of a buffer of an array, nil where it has none.
func bufferOf(data arrow.ArrayData, i int) []byte {
	if all := data.Buffers(); i < len(all) && all[i] != nil {
		return all[i].Bytes()
	}
	return nil
}

func errShort(data arrow.ArrayData) error {
	return fmt.Errorf("an array of %s: a buffer is too short for %d entries at offset %d", data.DataType(), data.Len(), data.Offset())
}
