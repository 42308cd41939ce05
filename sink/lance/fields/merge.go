package fields

import (
	"fmt"
	"math"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Merge returns base plus the fields of add that base lacks, at any struct depth
// and inside list items too: new members stand after the old ones of their parent,
// and get ids from nextID upward in the pre-order of the result. added names each
// new field whose parent was there before; what is below it came with it.
//
// A new field must be nullable, since old rows have no value for it, and does not
// lie in a large_list or map, where the reference does not do without. A path that
// both hold must have the same type; nullability and metadata of base stand.
func Merge(base *Schema, add *arrow.Schema, nextID int32) (merged *Schema, added []Path, err error) {
	wanted, err := FromArrow(add)
	if err != nil {
		return nil, nil, err
	}
	if nextID <= base.MaxID() {
		return nil, nil, fmt.Errorf("next field id %d is in use: the largest is %d", nextID, base.MaxID())
	}
	if count := len(wanted.Proto()); int64(nextID)+int64(count) > math.MaxInt32 {
		return nil, nil, fmt.Errorf("field ids are used up: next is %d, %d may be needed", nextID, count)
	}
	merged = base.Clone()
	m := merger{next: nextID}
	root := &Field{LogicalType: "struct", Children: merged.Fields, ID: NoParent}
	if err := m.merge(root, wanted.Fields, nil, nil); err != nil {
		return nil, nil, err
	}
	merged.Fields = root.Children
	return merged, m.added, nil
}

// merger hands out ids while it walks two trees in step.
type merger struct {
	next  int32
	added []Path
}

// merge adds what into lacks; whole is what it lies in that a file has all of.
func (m *merger) merge(into *Field, wanted []*Field, parents []string, whole *Field) error {
	missing := make([]*Field, 0, len(wanted))
	common := make(map[*Field]*Field, len(wanted))
	for _, w := range wanted {
		if have := into.child(w.Name); have != nil {
			common[have] = w
			continue
		}
		missing = append(missing, w)
	}
	for _, have := range into.Children {
		w := common[have]
		if w == nil {
			continue
		}
		parts := extend(parents, into, have.Name)
		if err := sameType(have, w, parts); err != nil {
			return err
		}
		if err := m.merge(have, w.Children, parts, have.whole(whole)); err != nil {
			return err
		}
	}
	for _, w := range missing {
		path := MakePath(extend(parents, into, w.Name)...)
		if whole != nil {
			return whole.lacks(path)
		}
		if !w.Nullable {
			return fmt.Errorf("column %s: a column can only be added if it is nullable", path)
		}
		m.next = number([]*Field{w}, into.ID, m.next)
		into.Children = append(into.Children, w)
		m.added = append(m.added, path)
	}
	return nil
}

// Project returns the part of s that the columns of rec cover, with the ids of s,
// in the order of rec at every depth. The error names a path that s lacks, or that
// it holds with another type, or a member that rec lacks inside a large_list or map.
func (s *Schema) Project(rec *arrow.Schema) (*Schema, error) {
	wanted, err := FromArrow(rec)
	if err != nil {
		return nil, err
	}
	root := &Field{LogicalType: "struct", Children: s.Fields}
	fs, err := project(root, wanted.Fields, nil, nil)
	if err != nil {
		return nil, err
	}
	return &Schema{Fields: fs, Metadata: s.Clone().Metadata}, nil
}

func project(from *Field, wanted []*Field, parents []string, whole *Field) ([]*Field, error) {
	if whole != nil {
		for _, have := range from.Children {
			if !from.isList() && named(wanted, have.Name) == nil {
				return nil, whole.lacks(MakePath(extend(parents, from, have.Name)...))
			}
		}
	}
	out := make([]*Field, 0, len(wanted))
	for _, w := range wanted {
		parts := extend(parents, from, w.Name)
		have := from.child(w.Name)
		if have == nil {
			return nil, fmt.Errorf("column %s is not in the table", MakePath(parts...))
		}
		if err := sameType(have, w, parts); err != nil {
			return nil, err
		}
		children, err := project(have, w.Children, parts, have.whole(whole))
		if err != nil {
			return nil, err
		}
		node := *have
		node.Children = nil
		node = *node.clone()
		if len(children) > 0 {
			node.Children = children
		}
		out = append(out, &node)
	}
	return out, nil
}

// whole returns f if it is a large_list or a map, else what it lies in. The reference
// reads a struct of which a file lacks members inside a list, but not inside those.
func (f *Field) whole(outer *Field) *Field {
	if strings.HasPrefix(f.LogicalType, "large_list") || f.LogicalType == mapName {
		return f
	}
	return outer
}

// lacks is the error for a member that some files would not have.
func (f *Field) lacks(path Path) error {
	return fmt.Errorf("column %s lies in a %s, where other readers need it in every data file: %w", path, f.LogicalType, ErrUnsupported)
}

// sameType compares one node with its counterpart; children are compared as nodes
// of their own, so that a list is told from a list of structs by its item alone.
func sameType(have, want *Field, parts []string) error {
	h, w := have.LogicalType, want.LogicalType
	if have.isList() && want.isList() {
		h, w = strings.TrimSuffix(h, ".struct"), strings.TrimSuffix(w, ".struct")
	}
	if h != w {
		return fmt.Errorf("column %s is %s in the table, not %s", MakePath(parts...), have.LogicalType, want.LogicalType)
	}
	return nil
}

// extend appends the path component of the child name of parent.
func extend(parents []string, parent *Field, name string) []string {
	if parent.isList() {
		name = itemName
	}
	return append(parents[:len(parents):len(parents)], name)
}
