package dictionary

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Table gathers the values of the dictionary arrays of one column, each once, and
// numbers them in the order in which they come. Not safe for concurrent use.
type Table struct {
	Type     *arrow.DictionaryType
	capacity int
	seen     map[string]uint32
	items    *builder
}

// NewTable is an empty table for a column of a type.
func NewTable(t *arrow.DictionaryType) *Table {
	return &Table{Type: t, capacity: Capacity(t), seen: make(map[string]uint32), items: newBuilder(t.ValueType, 0)}
}

// Tables are a table for each dictionary type in a type, in pre-order, as Keyed
// wants them.
func Tables(dt arrow.DataType) []*Table {
	var all []*Table
	mapType(dt, func(t *arrow.DictionaryType) arrow.DataType {
		all = append(all, NewTable(t))
		return t
	})
	return all
}

// Reset forgets the values.
func (t *Table) Reset() {
	clear(t.seen)
	t.items.reset()
}

// Len is how many values there are.
func (t *Table) Len() int { return t.items.n }

// Bytes is what they come to.
func (t *Table) Bytes() int { return len(t.items.bytes) + t.items.width*t.items.n }

// Item is the value of a number, valid until the next is taken in. A bool is one
// byte.
func (t *Table) Item(i int) []byte { return t.items.item(i) }

// key is the number of a value, which it takes in if it is new.
func (t *Table) key(item []byte) (int, error) {
	if key, ok := t.seen[string(item)]; ok {
		return int(key), nil
	}
	key := t.items.n
	if err := t.items.add(item); err != nil {
		return 0, err
	}
	t.seen[string(item)] = uint32(key)
	return key, nil
}

// Keyed is an array with the numbers of their values, as uint32, in place of all
// dictionary arrays in it, which tables gather. A key that is null and one of a
// null are both null. The caller gets a reference.
func Keyed(arr arrow.Array, tables []*Table) (arrow.Array, error) {
	to := mapType(arr.DataType(), func(*arrow.DictionaryType) arrow.DataType { return arrow.PrimitiveTypes.Uint32 })
	return convert(arr, to, func(data arrow.ArrayData, _ arrow.DataType) (arrow.ArrayData, error) {
		t := tables[0]
		tables = tables[1:]
		return t.keyed(data)
	})
}

// unknown is a value that a table has not been asked for.
const unknown = math.MaxUint32

func (t *Table) keyed(data arrow.ArrayData) (arrow.ArrayData, error) {
	x, err := open(data)
	if err != nil {
		return nil, err
	}
	defer x.Release()
	// Where keys repeat, their values are looked up once. A small part of an array
	// may refer to a large dictionary.
	var known []uint32
	if data.Len() > 0 && x.values.data.Len() <= 4*data.Len() {
		known = make([]uint32, x.values.data.Len())
		for i := range known {
			known[i] = unknown
		}
	}
	keys := make([]uint32, data.Len())
	var n nulls
	for i := range keys {
		key, ok, err := x.key(i)
		if err != nil {
			return nil, err
		}
		if !ok {
			n.set(i, len(keys))
			continue
		}
		if known != nil && known[key] != unknown {
			keys[i] = known[key]
			continue
		}
		item, err := x.values.item(key)
		if err != nil {
			return nil, err
		}
		number, err := t.key(item)
		if err != nil {
			return nil, err
		}
		keys[i] = uint32(number)
		if known != nil {
			known[key] = keys[i]
		}
	}
	buffers := []*memory.Buffer{n.buffer(), memory.NewBufferBytes(arrow.Uint32Traits.CastToBytes(keys))}
	return array.NewData(arrow.PrimitiveTypes.Uint32, len(keys), buffers, nil, n.n, 0), nil
}
