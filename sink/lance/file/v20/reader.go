package v20

import (
	"errors"
	"fmt"
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/nullarray"
)

// Page is a page as the container lists it.
type Page struct {
	Rows        uint64 // or items, below a list
	Description []byte // a serialized ArrayEncoding
}

// Source is the container that columns are read from.
type Source interface {
	// Rows is how many the file has.
	Rows() uint64
	// Pages lists the pages of a column.
	Pages(column int) ([]Page, error)
	// Buffers reads the buffers of a page; they become the caller's.
	Buffers(column, page int) ([][]byte, error)
}

// Columns tells which column holds a field, by id.
type Columns func(id int32) (column int, ok bool)

// Reader reads one top-level field front to back. It holds one decoded page per
// column. Not safe for concurrent use; Close it after use.
type Reader struct {
	root      node
	expanders compress.Expanders
}

// NewReader opens the columns of a field of an Arrow type. What the source lacks
// of the field reads as null, or is an error if it is not nullable. Dictionary types
// read as the values.
func NewReader(src Source, f *fields.Field, af arrow.Field, columns Columns) (*Reader, error) {
	r := &Reader{}
	b := builder{src: src, columns: columns, expanders: &r.expanders}
	root, err := b.node(f, af.Type, false)
	if err == nil && root == nil {
		root, err = absent(f, af.Type)
	}
	if err != nil {
		return nil, err
	}
	r.root = root
	return r, nil
}

// Next is the next rows, all of which must be there. The caller releases them.
// Damage is a *corrupt.Error without a key.
func (r *Reader) Next(rows int) (arrow.Array, error) { return r.root.next(rows) }

// Skip passes over rows.
func (r *Reader) Skip(rows int) error { return r.root.skip(rows) }

// Close lets go of the pages.
func (r *Reader) Close() {
	r.root.close()
	r.expanders.Close()
}

// node reads a field and what lies below it.
type node interface {
	next(n int) (arrow.Array, error)
	skip(n int) error
	close()
}

var (
	_ node = (*leaf)(nil)
	_ node = (*structure)(nil)
	_ node = (*list)(nil)
	_ node = (*nothing)(nil)
)

// builder makes nodes.
type builder struct {
	src       Source
	columns   Columns
	expanders *compress.Expanders
}

// node is nil where the source has nothing of the field.
func (b *builder) node(f *fields.Field, dt arrow.DataType, inList bool) (node, error) {
	if f.IsBlob() {
		return nil, fmt.Errorf("field %q is a blob: %w", f.Name, fields.ErrUnsupported)
	}
	if f.IsLeaf() {
		return b.leaf(f, dt, inList)
	}
	switch t := dt.(type) {
	case *arrow.StructType:
		return b.structure(f, t, inList)
	case *arrow.ListType, *arrow.LargeListType:
		return b.list(f, dt, inList)
	}
	return nil, fmt.Errorf("field %q of type %s in file version 2.0: %w", f.Name, dt, fields.ErrUnsupported)
}

func (b *builder) leaf(f *fields.Field, dt arrow.DataType, inList bool) (node, error) {
	column, ok := b.columns(f.ID)
	if !ok {
		return nil, nil //nolint:nilnil // nothing of the field
	}
	l := &leaf{dt: dictionary.PlainType(dt), keyed: dictionary.Has(dt), inList: inList, expanders: b.expanders}
	_, packed := dt.(*arrow.StructType)
	switch {
	case packed && l.keyed:
		return nil, fmt.Errorf("field %q: a dictionary in a packed struct: %w", f.Name, fields.ErrUnsupported)
	case !packed:
		var err error
		if l.shape, err = block.ShapeOf(l.dt); err != nil {
			return nil, fmt.Errorf("field %q in file version 2.0: %w: %w", f.Name, fields.ErrUnsupported, err)
		}
	}
	return l, l.cursor.open(b.src, column, inList)
}

// structure has the members that the source has, and nulls for the others.
func (b *builder) structure(f *fields.Field, t *arrow.StructType, inList bool) (node, error) {
	s := &structure{dt: dictionary.PlainType(t)}
	found := false
	for i, c := range f.Children {
		child, err := b.node(c, t.Field(i).Type, inList)
		if err != nil {
			return nil, err
		}
		found = found || child != nil
		s.members = append(s.members, child)
	}
	if !found {
		return nil, nil //nolint:nilnil // nothing of the field
	}
	for i, c := range f.Children {
		if s.members[i] == nil {
			var err error
			if s.members[i], err = absent(c, t.Field(i).Type); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

func (b *builder) list(f *fields.Field, dt arrow.DataType, inList bool) (node, error) {
	column, ok := b.columns(f.ID)
	if !ok {
		return nil, nil //nolint:nilnil // nothing of the field
	}
	items, err := b.node(f.Children[0], dt.(arrow.ListLikeType).Elem(), true)
	if err == nil && items == nil {
		items, err = absent(f.Children[0], dt.(arrow.ListLikeType).Elem())
	}
	if err != nil {
		return nil, err
	}
	l := &list{dt: dictionary.PlainType(dt), items: items, expanders: b.expanders}
	return l, l.cursor.open(b.src, column, inList)
}

// absent stands for a field that the source lacks.
func absent(f *fields.Field, dt arrow.DataType) (node, error) {
	if !f.Nullable {
		return nil, fmt.Errorf("field %q (id %d) is not in the file and is not nullable", f.Name, f.ID)
	}
	return &nothing{dt: dictionary.PlainType(dt)}, nil
}

// nothing reads as null.
type nothing struct{ dt arrow.DataType }

func (a *nothing) next(n int) (arrow.Array, error) {
	return nullarray.New(a.dt, n), nil
}
func (*nothing) skip(int) error { return nil }
func (*nothing) close()         {}

// structure reads its members in step.
type structure struct {
	dt      arrow.DataType
	members []node
}

func (s *structure) next(n int) (arrow.Array, error) {
	children := make([]arrow.ArrayData, 0, len(s.members))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	for _, m := range s.members {
		arr, err := m.next(n)
		if err != nil {
			return nil, err
		}
		arr.Data().Retain()
		children = append(children, arr.Data())
		arr.Release()
	}
	data := array.NewData(s.dt, n, []*memory.Buffer{nil}, children, 0, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}

func (s *structure) skip(n int) error {
	for _, m := range s.members {
		if err := m.skip(n); err != nil {
			return err
		}
	}
	return nil
}

func (s *structure) close() {
	for _, m := range s.members {
		m.close()
	}
}

// cursor stands between two pages of a column, or inside one.
type cursor struct {
	src    Source
	column int
	pages  []Page
	page   int // of the next page
	rows   int // of the page
	used   int // of those
}

func (c *cursor) open(src Source, column int, inList bool) error {
	pages, err := src.Pages(column)
	if err != nil {
		return err
	}
	*c = cursor{src: src, column: column, pages: pages}
	total := uint64(0)
	for _, p := range pages {
		total += p.Rows // the container has checked that it does not overflow
	}
	if total > math.MaxInt || !inList && total != src.Rows() {
		return c.damage(fmt.Errorf("pages of %d rows in a file of %d", total, src.Rows()))
	}
	return nil
}

// advance makes a page with rows left the current one and reads it. Decode gets
// its number of rows, its description and its buffers.
func (c *cursor) advance(decode func(rows int, description []byte, buffers [][]byte) error) error {
	for c.used == c.rows {
		if c.page == len(c.pages) {
			return c.damage(errors.New("the column ends before its rows do"))
		}
		p := c.pages[c.page]
		c.page++
		if c.used, c.rows = 0, int(p.Rows); c.rows == 0 {
			continue
		}
		buffers, err := c.src.Buffers(c.column, c.page-1)
		if err != nil {
			return err
		}
		if err := decode(c.rows, p.Description, buffers); err != nil {
			return c.damage(err)
		}
	}
	return nil
}

// pass skips up to n rows of whole pages that are not begun yet.
func (c *cursor) pass(n int) (passed int) {
	for c.used == c.rows && c.page < len(c.pages) && int(c.pages[c.page].Rows) <= n-passed {
		passed += int(c.pages[c.page].Rows)
		c.page++
	}
	return passed
}

// damage locates an error in the column.
func (c *cursor) damage(err error) error {
	section := fmt.Sprintf("page %d of column %d", max(c.page-1, 0), c.column)
	if errors.Is(err, fields.ErrUnsupported) {
		return fmt.Errorf("%s: %w", section, err)
	}
	return &corrupt.Error{Section: section, Offset: -1, Err: err}
}
