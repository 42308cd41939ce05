package file

import (
	"fmt"
	"sort"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// column gathers the rows of one top-level field until a page is full.
type column struct {
	field   *fields.Field
	first   int                 // ordinal of its first physical column
	leaves  []nulls             // per leaf
	wishes  []encoding.Settings // per leaf
	tables  []*dictionary.Table // of the leaves of dictionary types; what was gathered holds their numbers
	arrays  []arrow.Array
	rows    int    // gathered
	bytes   int    // gathered, as Arrow data
	written uint64 // rows in pages already cut
}

// nulls names, from a leaf outward, the fields that the leaf's layers belong
// to, so that a null can be traced to the field that must have none.
type nulls []*fields.Field

// newColumns prepares the columns of a schema; the error names a field of a
// type that can not be written.
func newColumns(s *fields.Schema) ([]*column, error) {
	as, err := s.Arrow()
	if err != nil {
		return nil, err
	}
	columns := make([]*column, len(s.Fields))
	first := 0
	for i, f := range s.Fields {
		c := &column{field: f, first: first}
		if err := c.descend(f, as.Field(i).Type, nil); err != nil {
			return nil, err
		}
		first += len(c.leaves)
		columns[i] = c
	}
	return columns, nil
}

// checkVersion names a field that files of a version can not hold.
func checkVersion(s *fields.Schema, v Version) (err error) {
	s.Walk(func(p fields.Path, f *fields.Field) bool {
		if f.IsMap() && v < V2_2 {
			err = fmt.Errorf("column %s: a map in file version %s, it takes 2.2: %w", p, v, fields.ErrUnsupported)
		}
		return err == nil
	})
	return err
}

// descend lists the leaves below a field.
func (c *column) descend(f *fields.Field, dt arrow.DataType, above nulls) error {
	path := append(nulls{f}, above...)
	nested, ok := dt.(arrow.NestedType)
	if f.IsBlob() {
		return fmt.Errorf("field %q is a blob: %w", f.Name, fields.ErrUnsupported)
	}
	if !ok || f.IsLeaf() {
		if err := encoding.Supports(dt); err != nil {
			return fmt.Errorf("field %q: %w: %w", f.Name, fields.ErrUnsupported, err)
		}
		wish, err := encoding.SettingsOf(f.Name, f.Metadata, path[len(path)-1].Metadata)
		if err != nil {
			return err
		}
		if t, ok := dt.(*arrow.DictionaryType); ok {
			table := dictionary.NewTable(t)
			c.tables = append(c.tables, table)
			wish = wish.Indexed(&encoding.Indexed{Table: table})
		}
		c.leaves, c.wishes = append(c.leaves, path), append(c.wishes, wish)
		return nil
	}
	for i, child := range f.Children {
		if err := c.descend(child, nested.Fields()[i].Type, path); err != nil {
			return err
		}
	}
	return nil
}

// add gathers the rows of an array, and cuts as often as a page is full.
func (c *column) add(arr arrow.Array, pageBytes int, cut func(*column) error) error {
	if len(c.tables) > 0 {
		return c.addIndexed(arr, pageBytes, cut)
	}
	for from := 0; from < arr.Len(); {
		rows, size := c.take(arr, from, pageBytes-c.bytes)
		c.arrays = append(c.arrays, array.NewSlice(arr, int64(from), int64(from+rows)))
		c.rows, c.bytes = c.rows+rows, c.bytes+size
		from += rows
		if c.bytes >= pageBytes || from < arr.Len() {
			if err := cut(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// take is how many of the rows from a row on fit into room bytes, but at least
// one, and their size.
func (c *column) take(arr arrow.Array, from, room int) (rows, size int) {
	rows = arr.Len() - from
	if size = arrayBytes(arr.Data(), from, rows); size <= room {
		return rows, size
	}
	over := sort.Search(rows, func(n int) bool { return arrayBytes(arr.Data(), from, n+1) > room })
	rows = max(over, 1)
	return rows, arrayBytes(arr.Data(), from, rows)
}

// shred takes what was gathered apart into leaves, which take memory of mem.
func (c *column) shred(mem memory.Allocator) ([]repdef.Leaf, error) {
	if c.rows == 0 {
		return nil, nil
	}
	whole := c.arrays[0]
	if len(c.arrays) > 1 {
		var err error
		if whole, err = array.Concatenate(c.arrays, mem); err != nil {
			return nil, fmt.Errorf("join rows: %w", err)
		}
		defer whole.Release()
	}
	leaves, err := repdef.Shred(whole, mem)
	if err != nil {
		return nil, err
	}
	for i := range leaves {
		if err := c.leaves[i].settle(&leaves[i]); err != nil {
			releaseAll(leaves)
			return nil, err
		}
	}
	return leaves, nil
}

func releaseAll(leaves []repdef.Leaf) {
	for _, l := range leaves {
		l.Release()
	}
}

// check refuses nulls in a field that must have none.
func (n nulls) check(layers []repdef.Layer) error {
	for i, l := range layers {
		null := l == repdef.NullableItem || l == repdef.NullableList || l == repdef.NullAndEmptyList
		if null && !n[i].Nullable {
			return fmt.Errorf("field %q (id %d) holds a null but is not nullable", n[i].Name, n[i].ID)
		}
	}
	return nil
}

// release lets go of what was gathered.
func (c *column) release() {
	for _, a := range c.arrays {
		a.Release()
	}
	clear(c.arrays)
	c.arrays, c.rows, c.bytes = c.arrays[:0], 0, 0
	for _, t := range c.tables {
		t.Reset()
	}
}
