package fields

import (
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// section is where corrupt.Error places damage found in a field list.
const section = "schema"

// FromProto builds the tree of a stored field list. Damage (a parent that does not
// precede its child, an id or a sibling's name used twice, a list without exactly
// one child) is a corrupt.Error. The messages stay owned by the tree, which does
// not change them.
func FromProto(list []*lancepb.Field, md map[string][]byte) (*Schema, error) {
	type node struct {
		f     *Field
		depth int
		names map[string]bool
	}
	root := &node{f: &Field{}, names: map[string]bool{}}
	nodes := make(map[int32]*node, len(list))
	for i, m := range list {
		if m == nil || m.Id < 0 {
			return nil, corrupt.Errorf("", section, -1, "field %d (%q) has id %d", i, m.GetName(), m.GetId())
		}
		if nodes[m.Id] != nil {
			return nil, corrupt.Errorf("", section, -1, "fields %q and %q share id %d", nodes[m.Id].f.Name, m.Name, m.Id)
		}
		parent := root
		if m.ParentId != NoParent {
			if parent = nodes[m.ParentId]; parent == nil {
				return nil, corrupt.Errorf("", section, -1, "field %d (%q) comes before its parent %d", m.Id, m.Name, m.ParentId)
			}
		}
		if parent.names[m.Name] {
			return nil, corrupt.Errorf("", section, -1, "two fields %q below field %q", m.Name, parent.f.Name)
		}
		if parent.depth >= maxDepth {
			return nil, corrupt.Errorf("", section, -1, "field %q is nested more than %d deep", m.Name, maxDepth)
		}
		parent.names[m.Name] = true
		f := fromProto(m)
		parent.f.Children = append(parent.f.Children, f)
		nodes[m.Id] = &node{f: f, depth: parent.depth + 1, names: map[string]bool{}}
	}
	for _, n := range nodes {
		if n.f.isList() && len(n.f.Children) != 1 {
			return nil, corrupt.Errorf("", section, -1, "list %q has %d children", n.f.Name, len(n.f.Children))
		}
	}
	return &Schema{Fields: root.f.Children, Metadata: stringMap(md)}, nil
}

func fromProto(m *lancepb.Field) *Field {
	return &Field{
		ID: m.Id, ParentID: m.ParentId, Name: m.Name, LogicalType: m.LogicalType,
		Nullable: m.Nullable, Metadata: stringMap(m.Metadata), stored: m,
	}
}

// Proto returns the flat field list to be stored, in pre-order. What FromProto met
// and this package does not know is part of it.
func (s *Schema) Proto() []*lancepb.Field {
	var list []*lancepb.Field
	s.Walk(func(_ Path, f *Field) bool {
		list = append(list, f.proto())
		return true
	})
	return list
}

// ProtoMetadata returns the schema's metadata as it is stored; nil when empty.
func (s *Schema) ProtoMetadata() map[string][]byte { return bytesMap(s.Metadata) }

func (f *Field) proto() *lancepb.Field {
	m := &lancepb.Field{}
	if f.stored != nil {
		proto.Merge(m, f.stored)
	} else {
		f.markPrimary(m)
	}
	m.Id, m.ParentId, m.Name = f.ID, f.ParentID, f.Name
	m.LogicalType, m.Nullable = f.LogicalType, f.Nullable
	m.Metadata = bytesMap(f.Metadata)
	if name, ok := f.Metadata["ARROW:extension:name"]; ok {
		m.ExtensionName = name
	}
	return m
}

func stringMap(m map[string][]byte) map[string]string {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = string(v)
	}
	return out
}

func bytesMap(m map[string]string) map[string][]byte {
	if len(m) == 0 {
		return nil
	}
	out := make(map[string][]byte, len(m))
	for k, v := range m {
		out[k] = []byte(v)
	}
	return out
}
