package dump

import (
	"context"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Table describes one version of a table with all its data files.
type Table struct {
	Manifest *Manifest `json:"manifest"`
	// Fields sum up the columns of all data files, in the order of the schema.
	Fields []Field `json:"fields"`
	Files  []*File `json:"files"`
}

// ReadTable describes a version of the table in a store. Data files below another
// base directory are listed by the manifest alone.
func ReadTable(ctx context.Context, store objstore.Store, o Options) (*Table, error) {
	key, err := versionKey(ctx, store, o.Version)
	if err != nil {
		return nil, err
	}
	m, err := ReadManifest(ctx, store, key)
	if err != nil {
		return nil, err
	}
	t := &Table{Manifest: m}
	sums := newSums(m)
	for i := range m.Fragments {
		for k := range m.Fragments[i].Files {
			df := &m.Fragments[i].Files[k]
			if df.External {
				continue
			}
			f, err := ReadFile(ctx, store, "data/"+df.Path, o)
			if err != nil {
				return nil, fmt.Errorf("fragment %d: %w", m.Fragments[i].ID, err)
			}
			t.Files = append(t.Files, f)
			sums.add(df, f)
		}
	}
	t.Fields = sums.list
	return t, nil
}

// versionKey finds the manifest of a version, 0 being the newest.
func versionKey(ctx context.Context, store objstore.Store, version uint64) (string, error) {
	if version == 0 {
		e, found, err := manifest.Newest(ctx, store)
		if err == nil && !found {
			err = fmt.Errorf("there is no version in %s: it is no table", manifest.Dir)
		}
		return e.Key, err
	}
	for e, err := range manifest.Versions(ctx, store) {
		if err != nil {
			return "", err
		}
		if e.Version == version {
			return e.Key, nil
		}
	}
	return "", fmt.Errorf("there is no version %d", version)
}

// sums add up fields over files, by the ids that the manifest gives to columns.
type sums struct {
	list []Field
	at   map[int32]int // position in list, by the id of any field below
	half map[int]bool  // positions whose Arrow size some file does not tell
}

func newSums(m *Manifest) *sums {
	s := &sums{at: make(map[int32]int), half: make(map[int]bool)}
	for i, f := range m.schema.Fields {
		s.list = append(s.list, Field{Name: f.Name, Type: f.LogicalType})
		one := &fields.Schema{Fields: []*fields.Field{f}}
		one.Walk(func(_ fields.Path, f *fields.Field) bool {
			s.at[f.ID] = i
			return true
		})
	}
	return s
}

// add counts a file in.
func (s *sums) add(df *DataFile, f *File) {
	names := make(map[string]*Field)
	for i := range f.Fields {
		names[f.Fields[i].Name] = &f.Fields[i]
	}
	counted := make(map[string]bool)
	for i, id := range df.Fields {
		at, ok := s.at[id]
		if !ok || i >= len(df.Columns) || df.Columns[i] < 0 || int(df.Columns[i]) >= len(f.Layout.Columns) {
			continue
		}
		name, _ := topLevel(&f.Layout.Columns[df.Columns[i]])
		if counted[name] {
			continue
		}
		counted[name] = true
		from, to := names[name], &s.list[at]
		to.Columns = max(to.Columns, from.Columns)
		to.Pages += from.Pages
		to.Stored += from.Stored
		to.Arrow += from.Arrow
		s.half[at] = s.half[at] || from.Arrow == 0 && f.Rows > 0
		if s.half[at] {
			to.Arrow = 0
		}
		to.setRatio()
	}
}
