package dictionary_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

func typeOf(key, value arrow.DataType) *arrow.DictionaryType {
	return &arrow.DictionaryType{IndexType: key, ValueType: value}
}

func fromJSON(t *testing.T, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}

func toJSON(t *testing.T, arr arrow.Array) string {
	t.Helper()
	text, err := arr.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\n", "")
}

// of is a dictionary array of keys and values in JSON.
func of(t *testing.T, dt *arrow.DictionaryType, keys, values string) *array.Dictionary {
	t.Helper()
	return array.NewDictionaryArray(dt, fromJSON(t, dt.IndexType, keys), fromJSON(t, dt.ValueType, values))
}

// listOf is lists with the given offsets into items, and the first null.
func listOf(t *testing.T, items arrow.Array, offsets ...int32) arrow.Array {
	t.Helper()
	buffers := []*memory.Buffer{memory.NewBufferBytes([]byte{0xFE}), memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}
	return array.MakeFromData(array.NewData(arrow.ListOf(items.DataType()), len(offsets)-1, buffers, []arrow.ArrayData{items.Data()}, 1, 0))
}

func TestPlain(t *testing.T) {
	text := typeOf(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String)
	words := of(t, text, `[2, 0, null, 1, 2, 3]`, `["a", null, "ccc", ""]`)
	numbers := of(t, typeOf(arrow.PrimitiveTypes.Uint64, arrow.PrimitiveTypes.Int16), `[1, 1, 0, 1, 0, 0]`, `[7, -8]`)
	pair, err := array.NewStructArray([]arrow.Array{words, numbers}, []string{"w", "n"})
	if err != nil {
		t.Fatal(err)
	}
	lists := listOf(t, words, 1, 1, 3, 6)
	for _, c := range []struct {
		arr  arrow.Array
		want string
	}{
		{words, `["ccc","a",null,null,"ccc",""]`},
		{array.NewSlice(words, 3, 6), `[null,"ccc",""]`},
		{of(t, typeOf(arrow.PrimitiveTypes.Uint16, arrow.FixedWidthTypes.Boolean), `[1, 0, null, 1]`, `[false, true]`), `[true,false,null,true]`},
		{of(t, typeOf(arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.LargeString), `[0, 0]`, `["x"]`), `["x","x"]`},
		{of(t, text, `[null]`, `[]`), `[null]`},
		{of(t, text, `[]`, `[]`), `[]`},
		{numbers, `[-8,-8,7,-8,7,7]`},
		{array.NewSlice(pair, 1, 3), `[{"n":-8,"w":"a"},{"n":7,"w":null}]`},
		{lists, `[null,["a",null],[null,"ccc",""]]`},
		{array.NewSlice(lists, 2, 3), `[[null,"ccc",""]]`},
	} {
		plain, err := dictionary.Plain(c.arr)
		if err != nil {
			t.Fatal(err)
		}
		if !arrow.TypeEqual(plain.DataType(), dictionary.PlainType(c.arr.DataType())) || dictionary.Has(plain.DataType()) {
			t.Errorf("%s became %s", c.arr.DataType(), plain.DataType())
		}
		if got := toJSON(t, plain); got != c.want {
			t.Errorf("%s: got %s, want %s", c.arr.DataType(), got, c.want)
		}
		again, err := dictionary.Index(plain, c.arr.DataType())
		if err != nil {
			t.Fatal(err)
		}
		if got := toJSON(t, again); got != c.want || !arrow.TypeEqual(again.DataType(), c.arr.DataType()) {
			t.Errorf("%s: got %s, want %s", again.DataType(), got, c.want)
		}
	}
}

// An index has each value once, in order, and no null.
func TestIndex(t *testing.T) {
	dt := typeOf(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String)
	arr, err := dictionary.Index(array.NewSlice(fromJSON(t, dt.ValueType, `["z", "b", null, "a", "b"]`), 1, 5), dt)
	if err != nil {
		t.Fatal(err)
	}
	if got := toJSON(t, arr.(*array.Dictionary).Dictionary()); got != `["b","a"]` {
		t.Errorf("dictionary %s", got)
	}
	if got := toJSON(t, arr); got != `["b",null,"a","b"]` {
		t.Errorf("array %s", got)
	}
}

func TestCapacity(t *testing.T) {
	numbers := func(n int) arrow.Array {
		b := array.NewInt16Builder(memory.DefaultAllocator)
		defer b.Release()
		for i := range n {
			b.Append(int16(i))
		}
		b.AppendNull()
		return b.NewArray()
	}
	for key, most := range map[arrow.DataType]int{arrow.PrimitiveTypes.Int8: 128, arrow.PrimitiveTypes.Uint8: 256} {
		dt := typeOf(key, arrow.PrimitiveTypes.Int16)
		arr, err := dictionary.Index(numbers(most), dt)
		if err != nil {
			t.Fatal(err)
		}
		if last := arr.(*array.Dictionary).GetValueIndex(most - 1); last != most-1 {
			t.Errorf("the last key is %d", last)
		}
		var full *dictionary.FullError
		if _, err := dictionary.Index(numbers(most+1), dt); !errors.As(err, &full) || !strings.Contains(err.Error(), key.String()) {
			t.Errorf("%d values under %s: %v", most+1, key, err)
		}
	}
}

// Tables number the values of arrays with other dictionaries, each once.
func TestKeyed(t *testing.T) {
	dt := typeOf(arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String)
	tables := dictionary.Tables(arrow.ListOf(dt))
	if len(tables) != 1 {
		t.Fatalf("%d tables", len(tables))
	}
	for _, c := range []struct{ keys, values, want string }{
		{`[1, 1, null, 2]`, `["unused", "a", "b"]`, `[0,0,null,1]`},
		{`[2, 0, 1, 3, 0]`, `["b", null, "c", "a"]`, `[2,1,null,0,1]`},
		{`[10000]`, strings.Replace(`["a"`+strings.Repeat(`, "a"`, 10000)+`]`, `"a"]`, `"d"]`, 1), `[3]`},
	} {
		arr := of(t, typeOf(arrow.PrimitiveTypes.Int16, dt.ValueType), c.keys, c.values)
		numbers, err := dictionary.Keyed(listOf(t, arr, 0, 0, int32(arr.Len())), tables)
		if err != nil {
			t.Fatal(err)
		}
		if got := toJSON(t, numbers.(*array.List).ListValues()); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	table := tables[0]
	if table.Len() != 4 || string(table.Item(2)) != "c" || table.Bytes() != 4+4*4 {
		t.Errorf("%d values of %d bytes", table.Len(), table.Bytes())
	}
	table.Reset()
	if table.Len() != 0 || table.Bytes() != 0 {
		t.Errorf("%d values of %d bytes after a reset", table.Len(), table.Bytes())
	}
}

// Arrays that are not sound are errors.
func TestUnsoundArrays(t *testing.T) {
	dt := typeOf(arrow.PrimitiveTypes.Uint8, arrow.BinaryTypes.String)
	make8 := func(dt arrow.DataType, keys []byte, items arrow.ArrayData) arrow.Array {
		data := array.NewData(dt, 2, []*memory.Buffer{nil, memory.NewBufferBytes(keys)}, nil, 0, 0)
		data.SetDictionary(items)
		return array.MakeFromData(data)
	}
	sound := fromJSON(t, dt.ValueType, `["a", "b"]`).Data()
	short := array.NewData(dt.ValueType, 2, []*memory.Buffer{nil, sound.Buffers()[1], memory.NewBufferBytes([]byte("a"))}, nil, 0, 0)
	few := array.NewData(dt.ValueType, 9, sound.Buffers(), nil, 0, 0)
	days := typeOf(arrow.PrimitiveTypes.Uint8, arrow.FixedWidthTypes.Date32)
	for name, arr := range map[string]arrow.Array{
		"key":     make8(dt, []byte{0, 2}, sound),
		"values":  make8(dt, []byte{0, 1}, short),
		"offsets": make8(dt, []byte{0, 1}, few),
		"type":    make8(days, []byte{0, 1}, fromJSON(t, days.ValueType, `["2020-01-01", "2020-01-02"]`).Data()),
	} {
		if _, err := dictionary.Plain(arr); err == nil {
			t.Errorf("%s: it became plain", name)
		}
		if _, err := dictionary.Keyed(arr, dictionary.Tables(dt)); err == nil {
			t.Errorf("%s: it got keys", name)
		}
	}
}
