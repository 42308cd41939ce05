package file

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// addIndexed is add for a field with columns of dictionary types: it gathers
// numbers of the values in the column's tables. How much a value adds is known only
// then, so it takes as many rows at once as fit if all their values are new, or an
// eighth of a page.
func (c *column) addIndexed(arr arrow.Array, pageBytes int, cut func(*column) error) error {
	for from := 0; from < arr.Len(); {
		rows, _ := c.take(arr, from, max(pageBytes-c.bytes, pageBytes/8))
		before := c.tableBytes()
		part := array.NewSlice(arr, int64(from), int64(from+rows))
		numbers, err := dictionary.Keyed(part, c.tables)
		part.Release()
		if err != nil {
			return err
		}
		c.arrays = append(c.arrays, numbers)
		c.rows += rows
		c.bytes += arrayBytes(numbers.Data(), 0, rows) + c.tableBytes() - before
		from += rows
		if c.bytes >= pageBytes {
			if err := cut(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *column) tableBytes() int {
	n := 0
	for _, t := range c.tables {
		n += t.Bytes()
	}
	return n
}

// indexedBytes is the size of keys and of the values that they count, each counted
// as often as it is there but not more than all values of the dictionary.
func indexedBytes(data arrow.ArrayData, t *arrow.DictionaryType, from, rows int) int {
	values := data.Dictionary()
	keys := rows * t.Bytes()
	if rows == 0 || values == nil {
		return keys
	}
	part := array.NewSliceData(data, int64(from), int64(from+rows))
	defer part.Release()
	return keys + dictionary.ValueBytes(part, arrayBytes(values, 0, values.Len()))
}

// plainField is a field with the types of their values in place of dictionary types.
func plainField(f arrow.Field) arrow.Field {
	f.Type = dictionary.PlainType(f.Type)
	return f
}

// index is an array of a field with dictionaries in place of their values. The
// caller gets a reference.
func index(plain arrow.Array, f arrow.Field) (arrow.Array, error) {
	made, err := dictionary.Index(plain, f.Type)
	if err != nil {
		return nil, fmt.Errorf("%d rows of column %q: %w", plain.Len(), f.Name, err)
	}
	return made, nil
}
