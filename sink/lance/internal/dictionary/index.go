package dictionary

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// FullError says that an array has more distinct values than keys of its type can
// count.
type FullError struct{ Type *arrow.DictionaryType }

// Error names the type and the number.
func (e *FullError) Error() string {
	return fmt.Sprintf("more distinct values than the %d that keys of %s can count", Capacity(e.Type), e.Type.IndexType)
}

// Index is the reverse of Plain: an array of a type, with one dictionary in place
// of every run of values, without nulls and each value once, in the order in which
// they come. A *FullError says that it can not be made. The caller gets a reference.
func Index(arr arrow.Array, to arrow.DataType) (arrow.Array, error) {
	return convert(arr, to, indexLeaf)
}

func indexLeaf(data arrow.ArrayData, to arrow.DataType) (arrow.ArrayData, error) {
	t, ok := to.(*arrow.DictionaryType)
	if !ok || !arrow.TypeEqual(data.DataType(), t.ValueType) {
		return nil, fmt.Errorf("an array of %s as %s", data.DataType(), to)
	}
	v, err := valuesOf(data)
	if err != nil {
		return nil, err
	}
	table, width := NewTable(t), t.Bytes()
	keys := make([]byte, data.Len()*width)
	for i := range data.Len() {
		if v.null(i) {
			continue
		}
		item, err := v.item(i)
		if err != nil {
			return nil, err
		}
		key, err := table.key(item)
		if err != nil {
			return nil, err
		}
		if key >= table.capacity {
			return nil, &FullError{Type: t}
		}
		putKey(keys[i*width:], key, width)
	}
	made := array.NewData(t, data.Len(), []*memory.Buffer{validity(data), memory.NewBufferBytes(keys)}, nil, data.NullN(), 0)
	items := table.items.data(nil, 0)
	defer items.Release()
	made.SetDictionary(items)
	return made, nil
}

// putKey writes a key of so many bytes.
func putKey(dst []byte, key, width int) {
	for i := range width {
		dst[i] = byte(key >> (8 * i))
	}
}
