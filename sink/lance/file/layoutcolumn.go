package file

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// columnField is what the schema knows of a column.
type columnField struct {
	path  fields.Path
	field *fields.Field
	items bool
}

// describe adds it to the layout of the column.
func (f *columnField) describe(c *Column) {
	c.Field, c.Type, c.Items = f.path.String(), f.field.LogicalType, f.items
	s, err := (&fields.Schema{Fields: []*fields.Field{f.field}}).Arrow()
	if err != nil {
		return // a type that Arrow has not: its width is not known
	}
	if len(f.field.Children) == 0 {
		c.Width = fixedWidth(s.Field(0).Type)
	}
}

// fixedWidth is the bits of a value of a type, 0 where they vary.
func fixedWidth(dt arrow.DataType) int {
	switch t := dt.(type) {
	case *arrow.FixedSizeListType:
		return int(min(uint64(fixedWidth(t.Elem()))*uint64(t.Len()), math.MaxInt32))
	case *arrow.DictionaryType:
		return 0
	case arrow.FixedWidthDataType:
		return t.BitWidth()
	}
	return 0
}

// columnFields are the fields in the order of their columns, nil where the
// schema is of other columns than the file has.
func (r *Reader) columnFields(s *fields.Schema) []columnField {
	if list := r.owners(s); len(list) == len(r.columns) {
		return list
	}
	return nil
}

// owners are the fields that own a column, in the order of the columns: leaves,
// and in version 2.0 structs and lists too.
func (r *Reader) owners(s *fields.Schema) []columnField {
	all := r.footer.itemPages()
	var list []columnField
	within := make(map[int32]bool) // ids of fields below lists
	packed := make(map[int32]bool) // ids of fields below leaves
	s.Walk(func(p fields.Path, f *fields.Field) bool {
		if !packed[f.ID] && (all || f.IsLeaf()) {
			list = append(list, columnField{path: p, field: f, items: all && within[f.ID]})
		}
		for _, c := range f.Children {
			within[c.ID] = within[f.ID] || f.LogicalType != "struct"
			packed[c.ID] = packed[f.ID] || f.IsLeaf()
		}
		return true
	})
	return list
}

// ColumnsOf tells which physical column a field of the file's own schema has, by
// id, as Batches asks. For schemas of tables the manifest tells.
func (r *Reader) ColumnsOf(s *fields.Schema) func(id int32) (column int, ok bool) {
	columns := make(map[int32]int)
	for i, f := range r.owners(s) {
		columns[f.field.ID] = i
	}
	return func(id int32) (int, bool) {
		c, ok := columns[id]
		return c, ok
	}
}

// describePage turns the description of a page into a tree and tells what each
// of its buffers is for.
func describePage(description []byte, v20 bool, buffers int) (*Encoding, []string, error) {
	roles := make([]string, buffers)
	if v20 {
		m := &lancepb.ArrayEncoding{}
		if err := proto.Unmarshal(description, m); err != nil {
			return nil, nil, err
		}
		tree := describe(m.ProtoReflect(), "")
		tree.nameBuffers("", roles)
		return tree, roles, nil
	}
	m := &lancepb.PageLayout{}
	if err := proto.Unmarshal(description, m); err != nil {
		return nil, nil, err
	}
	nameLayoutBuffers(m, roles)
	return describe(m.ProtoReflect(), ""), roles, nil
}

// nameLayoutBuffers tells what the buffers of a page of version 2.1 and later
// are for, as far as its layout says.
func nameLayoutBuffers(m *lancepb.PageLayout, roles []string) {
	var names []string
	switch l := m.GetLayout().(type) {
	case *lancepb.PageLayout_MiniBlock:
		names = []string{"chunk sizes", "chunks"}
		if l.MiniBlock.GetDictionary() != nil {
			names = append(names, "dictionary")
		}
		if l.MiniBlock.GetRepetitionIndexDepth() > 0 {
			names = append(names, "repetition index")
		}
	case *lancepb.PageLayout_FullZip:
		names = []string{"values", "repetition index"}
	case *lancepb.PageLayout_Constant:
		names = []string{"repetition levels", "definition levels"}
	case *lancepb.PageLayout_Blob:
		nameLayoutBuffers(l.Blob.GetInnerLayout(), roles)
		return
	}
	copy(roles, names)
}
