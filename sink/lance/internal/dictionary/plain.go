package dictionary

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/bitutil"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Plain is an array, of PlainType, with the values in place of all dictionary
// arrays in it; of others itself. A key that is null and one of a null are both
// null. The error tells of keys that count no value. The caller gets a reference.
func Plain(arr arrow.Array) (arrow.Array, error) {
	return convert(arr, PlainType(arr.DataType()), plainLeaf)
}

func plainLeaf(data arrow.ArrayData, to arrow.DataType) (arrow.ArrayData, error) {
	x, err := open(data)
	if err != nil {
		return nil, err
	}
	defer x.Release()
	b := newBuilder(to, data.Len())
	size, err := x.size()
	if err == nil {
		err = b.grow(size)
	}
	if err != nil {
		return nil, err
	}
	var n nulls
	for i := range data.Len() {
		key, ok, err := x.key(i)
		if err != nil {
			return nil, err
		}
		var item []byte
		if !ok {
			n.set(i, data.Len())
		} else if item, err = x.values.item(key); err != nil {
			return nil, err
		}
		if err := b.add(item); err != nil {
			return nil, err
		}
	}
	return b.data(n.buffer(), n.n), nil
}

// size is what the values of all entries come to, in bytes.
func (x *indexed) size() (int, error) {
	total := 0
	for i := range x.Len() {
		key, ok, err := x.key(i)
		if err != nil {
			return 0, err
		}
		if ok {
			item, err := x.values.item(key)
			if err != nil {
				return 0, err
			}
			total += len(item)
		}
	}
	return total, nil
}

// ValueBytes is what the values of all entries of a dictionary array come to, but
// not more than most. Entries that it can not tell of count nothing.
func ValueBytes(data arrow.ArrayData, most int) int {
	x, err := open(data)
	if err != nil {
		return 0
	}
	defer x.Release()
	total := 0
	for i := 0; i < data.Len() && total < most; i++ {
		if key, ok, err := x.key(i); err == nil && ok {
			if item, err := x.values.item(key); err == nil {
				total += len(item)
			}
		}
	}
	return min(total, most)
}

// nulls gathers which entries of an array are null.
type nulls struct {
	bits []byte
	n    int
}

// set makes entry i of so many null.
func (n *nulls) set(i, of int) {
	if n.bits == nil {
		n.bits = make([]byte, bitutil.BytesForBits(int64(of)))
		bitutil.SetBitsTo(n.bits, 0, int64(of), true)
	}
	bitutil.ClearBit(n.bits, i)
	n.n++
}

func (n *nulls) buffer() *memory.Buffer {
	if n.bits == nil {
		return nil
	}
	return memory.NewBufferBytes(n.bits)
}

// Of is an array of a dictionary type of keys, which are unsigned, and of the
// values that they count. The caller gets a reference.
func Of(keys, values arrow.Array) arrow.Array {
	dt := &arrow.DictionaryType{IndexType: keys.DataType(), ValueType: values.DataType()}
	return array.NewDictionaryArray(dt, keys, values)
}
