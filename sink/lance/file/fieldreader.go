package file

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/nullarray"
)

// fieldReader reads one top-level field. The file may lack some of what lies
// below the field: stored is what it has, wanted the whole.
type fieldReader struct {
	field   arrow.Field  // as it is handed out
	wanted  arrow.Field  // the same with values in place of dictionaries
	stored  *arrow.Field // nil when the file has nothing of it
	leaves  []*leafReader
	file    *Reader
	rows    []Span // wanted
	decoder *encoding.Decoder
}

func (b *batcher) newFieldReader(f *fields.Field, wanted arrow.Field, columnOf func(int32) (int, bool)) (*fieldReader, error) {
	fr := &fieldReader{field: wanted, wanted: plainField(wanted), file: b.file, rows: b.rows, decoder: &b.decoder}
	stored, err := fr.descend(f, wanted, columnOf)
	if err != nil {
		return nil, err
	}
	if stored == nil && !f.Nullable {
		return nil, missing(f)
	}
	fr.stored = stored
	return fr, nil
}

// descend opens the columns below a field and returns the part of its type that the
// file has; nil if it has none. A field of which it has a part must be able to do
// without the rest; one that is null as a whole may have members that never are.
func (fr *fieldReader) descend(f *fields.Field, af arrow.Field, columnOf func(int32) (int, bool)) (*arrow.Field, error) {
	if f.IsBlob() {
		return nil, fmt.Errorf("field %q is a blob: %w", f.Name, fields.ErrUnsupported)
	}
	if f.IsLeaf() {
		column, ok := columnOf(f.ID)
		if !ok {
			return nil, nil //nolint:nilnil // the file has nothing of it
		}
		pages, err := fr.file.Pages(column)
		if err != nil {
			return nil, err
		}
		fr.leaves = append(fr.leaves, &leafReader{file: fr.file, column: column, dt: af.Type, pages: pages, want: fr.rows, decoder: fr.decoder})
		af = plainField(af)
		return &af, nil
	}
	nested, ok := af.Type.(arrow.NestedType)
	if !ok {
		return nil, fmt.Errorf("type %s: %w", af.Type, fields.ErrUnsupported)
	}
	var have []arrow.Field
	var lacks *fields.Field // that is never null
	for i, child := range f.Children {
		c, err := fr.descend(child, nested.Fields()[i], columnOf)
		if err != nil {
			return nil, err
		}
		switch {
		case c != nil:
			have = append(have, *c)
		case !child.Nullable:
			lacks = child
		}
	}
	if len(have) == 0 {
		return nil, nil //nolint:nilnil // the file has nothing of it
	}
	if lacks != nil {
		return nil, missing(lacks)
	}
	dt, err := withFields(plainField(af).Type, have)
	af.Type = dt
	return &af, err
}

// missing is the error for a field that the file lacks and that can not be null.
func missing(f *fields.Field) error {
	return fmt.Errorf("field %q (id %d) is not in the file and is not nullable", f.Name, f.ID)
}

// withFields is a struct or list type with other children.
func withFields(dt arrow.DataType, have []arrow.Field) (arrow.DataType, error) {
	switch dt := dt.(type) {
	case *arrow.StructType:
		return arrow.StructOf(have...), nil
	case *arrow.MapType:
		if arrow.TypeEqual(have[0].Type, dt.Elem()) {
			return dt, nil
		}
	case *arrow.ListType:
		return arrow.ListOfField(have[0]), nil
	case *arrow.LargeListType:
		return arrow.LargeListOfField(have[0]), nil
	}
	return nil, fmt.Errorf("type %s: %w", dt, fields.ErrUnsupported)
}

// next is the next rows of the field.
func (fr *fieldReader) next(rows int) (arrow.Array, error) {
	plain, err := fr.plain(rows)
	if err != nil {
		return nil, err
	}
	defer plain.Release()
	return index(plain, fr.field)
}

// plain is the next rows with values in place of dictionaries.
func (fr *fieldReader) plain(rows int) (arrow.Array, error) {
	if fr.stored == nil {
		return nullarray.New(fr.wanted.Type, rows), nil
	}
	leaves := make([]repdef.Leaf, 0, len(fr.leaves))
	defer func() { releaseAll(leaves) }()
	for _, l := range fr.leaves {
		leaf, err := l.next(rows)
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, leaf)
	}
	arr, err := repdef.Unshred(*fr.stored, leaves, memory.DefaultAllocator)
	if err != nil {
		return nil, relocate(err, fr.file.key, fmt.Sprintf("field %q", fr.wanted.Name))
	}
	defer arr.Release()
	return fill(arr, fr.wanted.Type), nil
}

func (fr *fieldReader) close() {
	for _, l := range fr.leaves {
		l.close()
	}
}

// fill adds the members that an array's structs lack, as nulls.
func fill(arr arrow.Array, wanted arrow.DataType) arrow.Array {
	if arrow.TypeEqual(arr.DataType(), wanted) {
		arr.Retain()
		return arr
	}
	data := fillData(arr.Data(), wanted)
	defer data.Release()
	return array.MakeFromData(data)
}

func fillData(data arrow.ArrayData, wanted arrow.DataType) arrow.ArrayData {
	var children []arrow.ArrayData
	switch t := wanted.(type) {
	case *arrow.StructType:
		have := data.DataType().(*arrow.StructType)
		for _, f := range t.Fields() {
			if i, ok := have.FieldIdx(f.Name); ok {
				children = append(children, fillData(data.Children()[i], f.Type))
				continue
			}
			nulls := nullarray.New(f.Type, data.Offset()+data.Len())
			nulls.Data().Retain()
			children = append(children, nulls.Data())
			nulls.Release()
		}
	case *arrow.ListType, *arrow.LargeListType, *arrow.MapType:
		item := wanted.(arrow.NestedType).Fields()[0]
		children = append(children, fillData(data.Children()[0], item.Type))
	default:
		data.Retain()
		return data
	}
	filled := array.NewData(wanted, data.Len(), data.Buffers(), children, data.NullN(), data.Offset())
	for _, c := range children {
		c.Release()
	}
	return filled
}

// relocate adds key and section to damage found further down.
func relocate(err error, key, section string) error {
	var c *corrupt.Error
	if !errors.As(err, &c) {
		return fmt.Errorf("%s: %s: %w", key, section, err)
	}
	inner := *c
	inner.Key = key
	if c.Section != "" {
		section += ", " + c.Section
	}
	inner.Section = section
	return &inner
}
