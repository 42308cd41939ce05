package dictionary

import (
	"errors"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// values are the entries of an array of a type that Holds is true for, as bytes. A
// bool is one byte.
type values struct {
	data       arrow.ArrayData
	bits       int // of one entry, 0 where they vary
	offsets32  []int32
	offsets64  []int64
	bytes      []byte
	validities []byte
}

func valuesOf(data arrow.ArrayData) (values, error) {
	dt := data.DataType()
	if !Holds(dt) {
		return values{}, fmt.Errorf("a dictionary of %s", dt)
	}
	v := values{data: data}
	if data.NullN() != 0 {
		v.validities = bufferOf(data, 0)
	}
	if data.Len() == 0 {
		return v, nil
	}
	end := data.Offset() + data.Len()
	short := len(v.validities) > 0 && len(v.validities) < (end+7)/8
	switch width := offsetWidth(dt); width {
	case 0:
		v.bits, v.bytes = dt.(arrow.FixedWidthDataType).BitWidth(), bufferOf(data, 1)
		short = short || len(v.bytes) < (end*v.bits+7)/8
	default:
		raw := bufferOf(data, 1)
		v.bytes = bufferOf(data, 2)
		short = short || len(raw)/width <= end
		if width == arrow.Int64SizeBytes {
			v.offsets64 = arrow.Int64Traits.CastFromBytes(raw)
		} else {
			v.offsets32 = arrow.Int32Traits.CastFromBytes(raw)
		}
	}
	if short {
		return values{}, errShort(data)
	}
	return v, nil
}

// offsetWidth is the bytes of an offset of a type; 0 if it has none.
func offsetWidth(dt arrow.DataType) int {
	switch dt.ID() {
	case arrow.STRING, arrow.BINARY:
		return arrow.Int32SizeBytes
	case arrow.LARGE_STRING, arrow.LARGE_BINARY:
		return arrow.Int64SizeBytes
	default:
		return 0
	}
}

func (v *values) null(i int) bool {
	return len(v.validities) > 0 && !bitutil.BitIsSet(v.validities, v.data.Offset()+i)
}

// item is entry i. It is valid as long as the array.
func (v *values) item(i int) ([]byte, error) {
	i += v.data.Offset()
	var from, to int64
	switch {
	case v.bits > 0:
		return fixedItem(v.bytes, v.bits, i), nil
	case v.offsets64 != nil:
		from, to = v.offsets64[i], v.offsets64[i+1]
	default:
		from, to = int64(v.offsets32[i]), int64(v.offsets32[i+1])
	}
	if from < 0 || from > to || to > int64(len(v.bytes)) {
		return nil, fmt.Errorf("an array of %s with a value from %d to %d of %d bytes", v.data.DataType(), from, to, len(v.bytes))
	}
	return v.bytes[from:to], nil
}

// fixedItem is value i of so many bits each.
func fixedItem(bytes []byte, bits, i int) []byte {
	if bits > 1 {
		return bytes[i*bits/8 : (i+1)*bits/8]
	}
	if bitutil.BitIsSet(bytes, i) {
		return []byte{1}
	}
	return []byte{0}
}

// maxBytes bounds what values made of keys may come to: keys are small.
const maxBytes = 1 << 30

// SizeError says that values made of keys would take too much memory at once.
type SizeError struct{}

// Error names the limit.
func (*SizeError) Error() string {
	return fmt.Sprintf("the values of a dictionary column come to more than %d bytes: take fewer rows at once", maxBytes)
}

// builder gathers values.
type builder struct {
	dt      arrow.DataType
	width   int // of an offset
	bits    int // of one value
	n       int
	bytes   []byte
	offsets []int64
}

func newBuilder(dt arrow.DataType, room int) *builder {
	b := &builder{dt: dt, width: offsetWidth(dt)}
	if b.width > 0 {
		b.offsets = append(make([]int64, 0, room+1), 0)
		return b
	}
	b.bits = dt.(arrow.FixedWidthDataType).BitWidth()
	return b
}

// grow makes room for so many bytes of values, and refuses too many.
func (b *builder) grow(bytes int) error {
	if len(b.bytes)+bytes > maxBytes {
		return &SizeError{}
	}
	b.bytes = slices.Grow(b.bytes, bytes)
	return nil
}

// add adds a value; nil is one of no meaning.
func (b *builder) add(item []byte) error {
	if len(b.bytes)+len(item) > maxBytes {
		return &SizeError{}
	}
	switch {
	case b.width > 0:
		b.bytes = append(b.bytes, item...)
		b.offsets = append(b.offsets, int64(len(b.bytes)))
	case b.bits == 1:
		if b.n%8 == 0 {
			b.bytes = append(b.bytes, 0)
		}
		if len(item) > 0 && item[0] != 0 {
			bitutil.SetBit(b.bytes, b.n)
		}
	case item == nil:
		b.bytes = append(b.bytes, make([]byte, b.bits/8)...)
	default:
		b.bytes = append(b.bytes, item...)
	}
	b.n++
	return nil
}

// item is a value, valid until the next is added.
func (b *builder) item(i int) []byte {
	if b.width > 0 {
		return b.bytes[b.offsets[i]:b.offsets[i+1]]
	}
	return fixedItem(b.bytes, b.bits, i)
}

// reset forgets the values.
func (b *builder) reset() {
	b.n, b.bytes = 0, b.bytes[:0]
	if b.width > 0 {
		b.offsets = b.offsets[:1]
	}
}

// data is the array of what was gathered, with a validity bitmap or none.
func (b *builder) data(valid *memory.Buffer, nulls int) arrow.ArrayData {
	buffers := []*memory.Buffer{valid, memory.NewBufferBytes(b.bytes)}
	if b.width > 0 {
		buffers = []*memory.Buffer{valid, offsetBuffer(b.offsets, b.width), memory.NewBufferBytes(b.bytes)}
	}
	return array.NewData(b.dt, b.n, buffers, nil, nulls, 0)
}

// indexed is a dictionary array, opened.
type indexed struct {
	*array.Dictionary
	values values
}

func open(data arrow.ArrayData) (indexed, error) {
	t, ok := data.DataType().(*arrow.DictionaryType)
	if !ok {
		return indexed{}, fmt.Errorf("an array of %s is no dictionary", data.DataType())
	}
	items, ok := data.Dictionary().(*array.Data)
	if !ok || items == nil {
		if data.Len() > 0 {
			return indexed{}, errors.New("a dictionary array without its dictionary")
		}
		return indexed{Dictionary: array.NewDictionaryData(data)}, nil
	}
	end := data.Offset() + data.Len()
	if len(bufferOf(data, 1)) < end*t.Bytes() {
		return indexed{}, errShort(data)
	}
	v, err := valuesOf(items)
	return indexed{Dictionary: array.NewDictionaryData(data), values: v}, err
}

// key is the place of entry i in the dictionary; false if the entry is null.
func (x *indexed) key(i int) (key int, ok bool, err error) {
	if x.IsNull(i) {
		return 0, false, nil
	}
	key = x.GetValueIndex(i)
	if key < 0 || key >= x.values.data.Len() {
		return 0, false, fmt.Errorf("key %d of a dictionary of %d values", key, x.values.data.Len())
	}
	return key, !x.values.null(key), nil
}
