package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Diff compares the schema of a record with the schema of the table it is meant
// for. Columns are matched by name at every struct depth, also inside the items
// of lists; order does not matter.
//
// added is true if rec has a column, at any depth, that table lacks. conflict
// is not nil if rec cannot be appended even after those columns are added. It
// names the full path and both types. That is so where a common column differs
// in type, where rec may hold nulls and the table may not, or where rec lacks a
// column that the table does not allow to be null. A nil table has no columns.
func Diff(table, rec *arrow.Schema) (added bool, conflict error) {
	if table == nil {
		return rec.NumFields() > 0, nil
	}
	return diffFields("", table.Fields(), rec.Fields())
}

func diffFields(path string, table, rec []arrow.Field) (added bool, conflict error) {
	byName := make(map[string]arrow.Field, len(table))
	for _, f := range table {
		byName[f.Name] = f
	}
	for _, r := range rec {
		t, ok := byName[r.Name]
		if !ok {
			added = true
			continue
		}
		delete(byName, r.Name)
		more, err := diffField(join(path, r.Name), t, r)
		if err != nil {
			return false, err
		}
		added = added || more
	}
	for _, t := range table {
		if _, missing := byName[t.Name]; missing && !t.Nullable {
			return false, fmt.Errorf("column %s: the table needs a value of %s and the record lacks it", join(path, t.Name), t.Type)
		}
	}
	return added, nil
}

func diffField(path string, table, rec arrow.Field) (added bool, conflict error) {
	if rec.Nullable && !table.Nullable {
		return false, fmt.Errorf("column %s: the table's %s is not nullable, the record's %s is", path, table.Type, rec.Type)
	}
	switch t := table.Type.(type) {
	case *arrow.StructType:
		if r, ok := rec.Type.(*arrow.StructType); ok {
			return diffFields(path, t.Fields(), r.Fields())
		}
	case *arrow.ListType:
		if r, ok := rec.Type.(*arrow.ListType); ok {
			return diffField(path+"[]", t.ElemField(), r.ElemField())
		}
	case *arrow.LargeListType:
		if r, ok := rec.Type.(*arrow.LargeListType); ok {
			return diffField(path+"[]", t.ElemField(), r.ElemField())
		}
	case *arrow.FixedSizeListType:
		if r, ok := rec.Type.(*arrow.FixedSizeListType); ok && r.Len() == t.Len() {
			return diffField(path+"[]", t.ElemField(), r.ElemField())
		}
	}
	if !arrow.TypeEqual(table.Type, rec.Type) {
		return false, fmt.Errorf("column %s: the table holds %s, the record %s", path, table.Type, rec.Type)
	}
	return false, nil
}

// join extends a path for people: parts are separated by dots, and a part that
// could be misread is quoted.
func join(path, name string) string {
	name = Quote(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

// Quote renders a column name for a message to people. A name that is empty, or
// holds a dot, a bracket, a quote, white space or anything but printable ASCII,
// is quoted, and a name over 64 bytes is cut.
func Quote(name string) string {
	const most = 64
	cut := ""
	if len(name) > most {
		name, cut = name[:most], "..."
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`."[]'\`, r) }
	if name == "" || strings.IndexFunc(name, odd) >= 0 {
		name = strconv.QuoteToASCII(name)
	}
	return name + cut
}
