package schema

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// Union returns the columns of a table, nil for none yet, as they are once rows of rec
// are in it: new columns and members stand behind the old ones, and a column that rec
// has in a wider type has that. What Diff calls a conflict besides is not looked at: the
// table's column stands.
func Union(table, rec *arrow.Schema) *arrow.Schema {
	if table == nil {
		return rec
	}
	md := table.Metadata()
	return arrow.NewSchema(unionFields(table.Fields(), rec.Fields()), &md)
}

func unionFields(table, rec []arrow.Field) []arrow.Field {
	out := slices.Clone(table)
	for _, r := range rec {
		at := slices.IndexFunc(table, func(t arrow.Field) bool { return t.Name == r.Name })
		if at < 0 {
			r.Nullable = true
			out = append(out, r)
			continue
		}
		out[at].Type = unionType(table[at].Type, r.Type)
	}
	return out
}

func unionType(table, rec arrow.DataType) arrow.DataType {
	if table.ID() != rec.ID() {
		if Widens(table, rec) || BecomesList(table, rec) {
			return rec
		}
		return table
	}
	switch t := table.(type) {
	case *arrow.StructType:
		return arrow.StructOf(unionFields(t.Fields(), rec.(*arrow.StructType).Fields())...)
	case *arrow.ListType:
		item := t.ElemField()
		item.Type = unionType(item.Type, itemOf(rec).Type)
		return arrow.ListOfField(item)
	case *arrow.LargeListType:
		item := t.ElemField()
		item.Type = unionType(item.Type, itemOf(rec).Type)
		return arrow.LargeListOfField(item)
	default:
		return table
	}
}

// Change is a column that two schemas do not have alike. Before is nil for a new one,
// After for one that is gone.
type Change struct {
	Path          string // for people, "[]" behind lists
	Before, After *arrow.Field
}

// Changes lists in what one schema, nil for none, differs from a later one, in the
// order of the later one; what lies in a new column is not listed by itself.
func Changes(before, after *arrow.Schema) []Change {
	var old []arrow.Field
	if before != nil {
		old = before.Fields()
	}
	return changedFields(nil, "", old, after.Fields())
}

func changedFields(list []Change, path string, before, after []arrow.Field) []Change {
	for i := range after {
		now := &after[i]
		at := slices.IndexFunc(before, func(f arrow.Field) bool { return f.Name == now.Name })
		if at < 0 {
			list = append(list, Change{Path: join(path, now.Name), After: now})
			continue
		}
		list = changedField(list, join(path, now.Name), &before[at], now)
	}
	for i := range before {
		if !slices.ContainsFunc(after, func(f arrow.Field) bool { return f.Name == before[i].Name }) {
			list = append(list, Change{Path: join(path, before[i].Name), Before: &before[i]})
		}
	}
	return list
}

func changedField(list []Change, path string, before, after *arrow.Field) []Change {
	same := before.Nullable == after.Nullable && before.Metadata.Equal(after.Metadata)
	if before.Type.ID() == after.Type.ID() {
		switch t := after.Type.(type) {
		case *arrow.StructType:
			if !same {
				list = append(list, Change{path, before, after})
			}
			return changedFields(list, path, before.Type.(*arrow.StructType).Fields(), t.Fields())
		case *arrow.ListType, *arrow.LargeListType:
			if !same {
				list = append(list, Change{path, before, after})
			}
			was, is := itemOf(before.Type), itemOf(t)
			return changedField(list, path+"[]", &was, &is)
		}
	}
	if !same || !sameType(before.Type, after.Type) {
		list = append(list, Change{path, before, after})
	}
	return list
}
