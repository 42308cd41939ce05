package schema

import (
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Setting is how the metadata of a table's column differs from what is declared of it.
type Setting struct {
	Path   []string // as in Widening
	Set    map[string]string
	Delete []string
}

// Settings lists what is declared of the columns that a table has, and what their
// metadata does not say: defaults, what must be there, and settings of Lance. Settings of
// Lance that are not declared stay. The error is a *Contradiction.
func (d *Declaration) Settings(table *arrow.Schema) ([]Setting, error) {
	if d == nil || table == nil {
		return nil, nil
	}
	whole, err := d.Apply(table)
	if err != nil {
		return nil, err
	}
	return settingsOf(nil, nil, table.Fields(), whole.Fields(), d.columns()), nil
}

// settingsOf compares columns of a table with what they shall be and are declared as.
func settingsOf(list []Setting, path []string, table, whole, declared []arrow.Field) []Setting {
	for i, t := range table {
		if at := slices.IndexFunc(declared, func(f arrow.Field) bool { return f.Name == t.Name }); at >= 0 {
			list = settingOf(list, below(path, t.Name), t, whole[i], declared[at])
		}
	}
	return list
}

func settingOf(list []Setting, path []string, table, whole, declared arrow.Field) []Setting {
	s := Setting{Path: path, Set: map[string]string{}}
	for _, key := range settings() {
		was, had := table.Metadata.GetValue(key)
		switch is, has := whole.Metadata.GetValue(key); {
		case has && is != was:
			s.Set[key] = is
		case had && !has:
			s.Delete = append(s.Delete, key)
		}
	}
	for i, key := range declared.Metadata.Keys() {
		was, _ := table.Metadata.GetValue(key)
		if is := declared.Metadata.Values()[i]; setsPages(key) && is != was {
			s.Set[key] = is
		}
	}
	if len(s.Set)+len(s.Delete) > 0 {
		list = append(list, s)
	}
	switch d := declared.Type.(type) {
	case *arrow.StructType:
		return settingsOf(list, path, table.Type.(*arrow.StructType).Fields(), whole.Type.(*arrow.StructType).Fields(), d.Fields())
	case *arrow.ListType, *arrow.LargeListType:
		return settingOf(list, below(path, Item), itemOf(table.Type), itemOf(whole.Type), itemOf(d))
	}
	return list
}

// setsPages reports whether a key of Lance's is about pages to come alone. The others say
// where values lie, and what was written without them could not be read with them.
func setsPages(key string) bool {
	name, ok := strings.CutPrefix(key, "lance-encoding:")
	return ok && name != "packed" && !strings.HasPrefix(name, "blob")
}
