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
// schema is of other columns than the file has: leaves own one, and in version
// 2.0 all fields do.
func (r *Reader) columnFields(s *fields.Schema) []columnField {
	leaf := make(map[*fields.Field]bool)
	for _, f := range s.Leaves() {
		leaf[f] = true
	}
	var list []columnField
	below := make(map[int32]bool) // ids of fields inside lists
	s.Walk(func(p fields.Path, f *fields.Field) bool {
		if leaf[f] || r.footer.itemPages() {
			list = append(list, columnField{path: p, field: f, items: below[f.ID] && r.footer.itemPages()})
		}
		for _, c := range f.Children {
			below[c.ID] = below[f.ID] || f.LogicalType != "struct"
		}
		return true
	})
	if len(list) != len(r.columns) {
		return nil
	}
	return list
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
