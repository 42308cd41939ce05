package fields

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// maxDepth bounds the nesting of a schema, so that hostile input cannot exhaust
// the stack. No real schema comes near it.
const maxDepth = 256

// FromArrow makes the tree of an Arrow schema, with ids from 0 upward in
// pre-order. An error names the column by its path, and the reason: a type the
// format has no name for (ErrUnsupported), or a name used twice.
func FromArrow(s *arrow.Schema) (*Schema, error) {
	fs, err := fromArrowFields(s.Fields(), nil)
	if err != nil {
		return nil, err
	}
	number(fs, NoParent, 0)
	return &Schema{Fields: fs, Metadata: metadataMap(s.Metadata())}, nil
}

func fromArrowFields(in []arrow.Field, parents []string) ([]*Field, error) {
	out := make([]*Field, len(in))
	seen := make(map[string]bool, len(in))
	for i, af := range in {
		parts := append(slices.Clip(parents), af.Name)
		path := MakePath(parts...)
		if seen[af.Name] {
			return nil, fmt.Errorf("column %s: the name is used twice", path)
		}
		seen[af.Name] = true
		if len(parts) > maxDepth {
			return nil, fmt.Errorf("column %s is nested more than %d deep: %w", path, maxDepth, ErrUnsupported)
		}
		f, err := fromArrowField(af, parts)
		if err != nil {
			return nil, err
		}
		out[i] = f
	}
	return out, nil
}

func fromArrowField(af arrow.Field, parts []string) (*Field, error) {
	t, md := af.Type, metadataMap(af.Metadata)
	if ext, ok := t.(arrow.ExtensionType); ok {
		t = ext.StorageType()
		if md == nil {
			md = make(map[string]string, 2)
		}
		md["ARROW:extension:name"] = ext.ExtensionName()
		md["ARROW:extension:metadata"] = ext.Serialize()
	}
	logical, err := formatLogical(t)
	if err == nil {
		logical, err = jsonLogical(logical, md["ARROW:extension:name"])
	}
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", MakePath(parts...), err)
	}
	f := &Field{Name: af.Name, LogicalType: logical, Nullable: af.Nullable, Metadata: md}
	switch t := t.(type) {
	case *arrow.StructType:
		f.Children, err = fromArrowFields(t.Fields(), parts)
	case arrow.ListLikeType:
		if f.isList() {
			f.Children, err = fromArrowFields([]arrow.Field{t.ElemField()}, parts)
		}
	}
	return f, err
}

// jsonLogical is the logical type of a field under the name of an extension. JSON is
// stored in a binary form, which Arrow data has under the name lance.json. A column
// of strings under arrow.json would make a table that the reference can not read.
func jsonLogical(logical, extension string) (string, error) {
	switch {
	case extension == "arrow.json":
		return "", fmt.Errorf("extension arrow.json is stored as lance.json, in a binary form that is not made here: %w", ErrUnsupported)
	case extension == "lance.json" && logical == "large_binary":
		return "json", nil
	}
	return logical, nil
}

// Arrow returns the Arrow schema of the tree. A field whose logical type Arrow
// cannot say gives ErrUnsupported, naming the field and the type.
func (s *Schema) Arrow() (*arrow.Schema, error) {
	out := make([]arrow.Field, len(s.Fields))
	for i, f := range s.Fields {
		af, err := f.arrow(MakePath(f.Name))
		if err != nil {
			return nil, err
		}
		out[i] = af
	}
	md := arrowMetadata(s.Metadata)
	return arrow.NewSchema(out, &md), nil
}

func (f *Field) arrow(p Path) (arrow.Field, error) {
	t, err := f.arrowType(p)
	return arrow.Field{Name: f.Name, Type: t, Nullable: f.Nullable, Metadata: arrowMetadata(f.Metadata)}, err
}

func (f *Field) arrowType(p Path) (arrow.DataType, error) {
	if !f.isStruct() && !f.isList() {
		t, err := parseLogical(f.LogicalType)
		if err == nil && len(f.Children) > 0 {
			err = fmt.Errorf("logical type %q with children: %w", f.LogicalType, ErrUnsupported)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", p, err)
		}
		return t, nil
	}
	children := make([]arrow.Field, len(f.Children))
	for i, c := range f.Children {
		af, err := c.arrow(p.Child(c.Name))
		if err != nil {
			return nil, err
		}
		children[i] = af
	}
	switch {
	case f.isStruct():
		return arrow.StructOf(children...), nil
	case len(children) != 1:
		return nil, fmt.Errorf("column %s: a list with %d children", p, len(children))
	case f.IsMap():
		return mapType(children[0].Type, p)
	case f.LogicalType == "list", f.LogicalType == "list.struct":
		return arrow.ListOfField(children[0]), nil
	}
	return arrow.LargeListOfField(children[0]), nil
}

// mapType is the map whose entries are of a type: a struct of key and value.
func mapType(entries arrow.DataType, p Path) (arrow.DataType, error) {
	s, ok := entries.(*arrow.StructType)
	if !ok || s.NumFields() != 2 {
		return nil, fmt.Errorf("column %s: a map with entries of type %s", p, entries)
	}
	key, value := s.Field(0), s.Field(1)
	m := arrow.MapOfWithMetadata(key.Type, key.Metadata, value.Type, value.Metadata)
	m.SetItemNullable(value.Nullable)
	return m, nil
}

func metadataMap(md arrow.Metadata) map[string]string {
	if md.Len() == 0 {
		return nil
	}
	return md.ToMap()
}

// arrowMetadata lists the entries by key, so that equal maps give equal schemas.
func arrowMetadata(m map[string]string) arrow.Metadata {
	if len(m) == 0 {
		return arrow.Metadata{}
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	values := make([]string, len(keys))
	for i, k := range keys {
		values[i] = m[k]
	}
	return arrow.NewMetadata(keys, values)
}
