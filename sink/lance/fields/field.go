package fields

import (
	"errors"
	"maps"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// ErrUnsupported says that a table holds, or a caller asks for, something of the
// format that this library does not know: the error that wraps it names the thing.
var ErrUnsupported = errors.New("not supported")

// NoParent is the ParentID of a field at the top level.
const NoParent int32 = -1

// mapName is the logical type of a map: a list of structs of key and value. File
// versions before 2.2 do not have it.
const mapName = "map"

// IsMap reports whether f is a map. Data files hold maps from version 2.2 on.
func (f *Field) IsMap() bool { return f.LogicalType == mapName }

// itemName is the path component of a list's only child, whatever its own name.
const itemName = "item"

// Field is one node of a schema.
type Field struct {
	ID       int32
	ParentID int32 // NoParent at the top level
	Name     string
	// LogicalType is the format's name of the type, such as "int64",
	// "timestamp:us:UTC" or "list.struct".
	LogicalType string
	Nullable    bool
	Metadata    map[string]string // Arrow field metadata
	Children    []*Field

	// stored is the message the field was read from; what this package does not
	// know of it goes back into Proto unchanged. Nil for fields made here.
	stored *lancepb.Field
}

// Schema is the fields of a table or of a part of one, in column order.
type Schema struct {
	Fields   []*Field
	Metadata map[string]string
}

// IsLeaf reports whether f has a physical column of its own in a data file: all
// fields but structs and lists, and of the structs those that are packed, empty or
// blobs.
func (f *Field) IsLeaf() bool {
	if len(f.Children) == 0 {
		return true
	}
	return f.isStruct() && (f.isPacked() || f.IsBlob())
}

// isPacked reports whether the members of a struct share one column.
func (f *Field) isPacked() bool {
	for _, key := range []string{"lance-encoding:packed", "packed"} {
		switch strings.ToLower(f.Metadata[key]) {
		case "1", "true", "on", "yes", "y":
			return true
		}
	}
	return false
}

// IsBlob reports whether the pages of f hold references to its values, which lie
// elsewhere. This library reads and writes no such column.
func (f *Field) IsBlob() bool {
	_, marked := f.Metadata["lance-encoding:blob"]
	return marked || f.Metadata["ARROW:extension:name"] == "lance.blob.v2"
}

func (f *Field) isStruct() bool { return f.LogicalType == "struct" }

func (f *Field) isList() bool {
	switch f.LogicalType {
	case "list", "large_list", "list.struct", "large_list.struct", mapName:
		return true
	}
	return false
}

// clone copies f and everything below it.
func (f *Field) clone() *Field {
	c := *f
	c.Metadata = maps.Clone(f.Metadata)
	c.Children = cloneAll(f.Children)
	return &c
}

func cloneAll(fs []*Field) []*Field {
	if fs == nil {
		return nil
	}
	out := make([]*Field, len(fs))
	for i, f := range fs {
		out[i] = f.clone()
	}
	return out
}

// child finds the child of f that a sibling list names name: a list's only child
// answers to every name, because the name of an item carries no meaning.
func (f *Field) child(name string) *Field {
	if f.isList() && len(f.Children) == 1 {
		return f.Children[0]
	}
	return named(f.Children, name)
}

func named(fs []*Field, name string) *Field {
	for _, f := range fs {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Clone copies the whole tree.
func (s *Schema) Clone() *Schema {
	return &Schema{Fields: cloneAll(s.Fields), Metadata: maps.Clone(s.Metadata)}
}

// Leaves returns the fields that have a physical column, in column order.
func (s *Schema) Leaves() []*Field {
	var leaves []*Field
	var visit func(fs []*Field)
	visit = func(fs []*Field) {
		for _, f := range fs {
			if f.IsLeaf() {
				leaves = append(leaves, f)
				continue
			}
			visit(f.Children)
		}
	}
	visit(s.Fields)
	return leaves
}

// Walk calls visit for every field in pre-order, until visit returns false.
func (s *Schema) Walk(visit func(p Path, f *Field) bool) {
	var walk func(p Path, f *Field) bool
	walk = func(p Path, f *Field) bool {
		if !visit(p, f) {
			return false
		}
		for _, c := range f.Children {
			name := c.Name
			if f.isList() {
				name = itemName
			}
			if !walk(p.Child(name), c) {
				return false
			}
		}
		return true
	}
	for _, f := range s.Fields {
		if !walk(MakePath(f.Name), f) {
			return
		}
	}
}

// Lookup returns the field at p, or nil.
func (s *Schema) Lookup(p Path) *Field {
	parts := p.Parts()
	if len(parts) == 0 {
		return nil
	}
	f := named(s.Fields, parts[0])
	for _, name := range parts[1:] {
		if f == nil || (f.isList() && name != itemName) {
			return nil
		}
		f = f.child(name)
	}
	return f
}

// MaxID returns the largest id in the tree, -1 when it is empty.
func (s *Schema) MaxID() int32 {
	largest := int32(-1)
	s.Walk(func(_ Path, f *Field) bool {
		largest = max(largest, f.ID)
		return true
	})
	return largest
}

// number gives the fields and all below them ids from next upward in pre-order,
// and sets their parents. It returns the first id that is free after them.
func number(fs []*Field, parent, next int32) int32 {
	for _, f := range fs {
		f.ID, f.ParentID = next, parent
		next = number(f.Children, f.ID, next+1)
	}
	return next
}
