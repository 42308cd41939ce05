package ipc

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// Schema is the columns of a stream.
type Schema struct {
	Fields []arrow.Field // the types of extensions are those of their storage; the metadata names them

	message []byte // as it was sent
	nodes   []*node
	dicts   map[int64]*node // the values of each dictionary
}

// node is a field and what lies below it.
type node struct {
	field    arrow.Field
	children []*node
	dict     int64 // of a dictionary type: its id
}

// schemaReader makes the nodes of a schema.
type schemaReader struct {
	o     Options
	s     *Schema
	count int
}

func readSchema(t table, o Options) (*Schema, error) {
	if t.int16(0, 0) != 0 {
		return nil, unsupported("", "the stream is big-endian")
	}
	r := schemaReader{o: o, s: &Schema{dicts: map[int64]*node{}}}
	at, n := t.vector(1, 4)
	for i := range n {
		nd, err := r.node(t.f.table(t.f.ref(at+4*i)), "", 1)
		if err != nil {
			return nil, err
		}
		r.s.nodes = append(r.s.nodes, nd)
		r.s.Fields = append(r.s.Fields, nd.field)
	}
	metadata(t, 2) // nobody asks for it, but it has to be sound
	if t.f.bad {
		return nil, damaged("the schema")
	}
	return r.s, nil
}

// Fields of the table Field.
const (
	fieldName = iota
	fieldNullable
	fieldKind
	fieldType
	fieldDictionary
	fieldChildren
	fieldMetadata
)

func (r *schemaReader) node(t table, path string, depth int) (*node, error) {
	if r.count++; r.count > r.o.MaxFields {
		return nil, fmt.Errorf("%w: more than %d fields", ErrLimit, r.o.MaxFields)
	}
	if depth > r.o.MaxDepth {
		return nil, fmt.Errorf("%w: fields more than %d deep", ErrLimit, r.o.MaxDepth)
	}
	nd := &node{field: arrow.Field{Name: t.string(fieldName), Nullable: t.bool(fieldNullable)}}
	if !utf8.ValidString(nd.field.Name) {
		return nil, damaged("the name of a field, which is not UTF-8,")
	}
	if path != "" {
		path += "."
	}
	path += schema.Quote(nd.field.Name)
	var fields []arrow.Field
	at, n := t.vector(fieldChildren, 4)
	for i := range n {
		child, err := r.node(t.f.table(t.f.ref(at+4*i)), path, depth+1)
		if err != nil {
			return nil, err
		}
		nd.children = append(nd.children, child)
		fields = append(fields, child.field)
	}
	typ, _ := t.sub(fieldType)
	dt, err := dataType(t.byte(fieldKind, 0), typ, fields, path)
	if err != nil {
		return nil, err
	}
	nd.field.Type, nd.field.Metadata = dt, metadata(t, fieldMetadata)
	if d, ok := t.sub(fieldDictionary); ok {
		return r.dictionary(nd, d, path)
	}
	return nd, nil
}

// dictionary makes a field of a dictionary type of one that says how its values are.
func (r *schemaReader) dictionary(values *node, d table, path string) (*node, error) {
	index := arrow.PrimitiveTypes.Int32
	if t, ok := d.sub(1); ok {
		var err error
		if index, err = integer(t, path); err != nil {
			return nil, err
		}
	}
	if len(values.children) > 0 {
		return nil, unsupported(path, "a dictionary of "+values.field.Type.String())
	}
	id := d.int64(0)
	if known := r.s.dicts[id]; known != nil && !arrow.TypeEqual(known.field.Type, values.field.Type) {
		return nil, damaged("the schema, which has two dictionaries of one number,")
	}
	r.s.dicts[id] = values
	f := values.field
	f.Type = &arrow.DictionaryType{IndexType: index, ValueType: values.field.Type, Ordered: d.bool(2)}
	return &node{field: f, dict: id}, nil
}

// metadata is the pairs of keys and values in field i.
func metadata(t table, i int) arrow.Metadata {
	at, n := t.vector(i, 4)
	var keys, values []string
	for i := range n {
		pair := t.f.table(t.f.ref(at + 4*i))
		keys, values = append(keys, pair.string(0)), append(values, pair.string(1))
	}
	if len(keys) == 0 {
		return arrow.Metadata{}
	}
	return arrow.NewMetadata(keys, values)
}
