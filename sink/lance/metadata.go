package lance

import (
	"context"
	"fmt"
	"maps"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// MapEdit changes a string map: keys to set, keys to delete, or all of it.
type MapEdit = manifest.MapEdit

// MetadataUpdate says which of a table's string maps change, and how.
type MetadataUpdate struct {
	Config MapEdit            // settings; keys below "lance." mean something to other writers
	Table  MapEdit            // metadata of the table
	Schema MapEdit            // metadata of the Arrow schema
	Fields map[string]MapEdit // metadata of columns, by path
}

// TableMetadata returns the table's metadata, which is apart from its config and
// from the metadata of its schema.
func (d *Dataset) TableMetadata() map[string]string { return d.manifest.TableMetadata() }

// UpdateConfig sets keys of the table's config.
func (t *Table) UpdateConfig(ctx context.Context, set map[string]string) (*Dataset, error) {
	return t.UpdateMetadata(ctx, MetadataUpdate{Config: MapEdit{Set: set}})
}

// UpdateMetadata changes config and metadata in one version. A commit of others that
// meanwhile changed one of the keys to something else is an ErrConflict. Nothing to
// change gives no version.
func (t *Table) UpdateMetadata(ctx context.Context, u MetadataUpdate) (*Dataset, error) {
	var first *metadataMaps
	return t.operate(ctx, "update metadata", func(base *manifest.Manifest) (*Proposal, error) {
		now, err := mapsOf(base, u)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = now
		}
		if err := now.unchanged(first); err != nil {
			return nil, err
		}
		return now.propose(base, u)
	})
}

// metadataMaps are the maps that an update is about, as one version has them.
type metadataMaps struct {
	update MetadataUpdate
	maps   [3]map[string]string // config, table, schema
	fields map[string]*fields.Field
}

func mapsOf(base *manifest.Manifest, u MetadataUpdate) (*metadataMaps, error) {
	m := &metadataMaps{update: u, fields: make(map[string]*fields.Field, len(u.Fields))}
	m.maps = [3]map[string]string{base.Config(), base.TableMetadata(), base.Schema().Metadata}
	for path := range u.Fields {
		if m.fields[path] = base.Schema().Lookup(fields.Path(path)); m.fields[path] == nil {
			return nil, fmt.Errorf("there is no column %s", fields.Path(path))
		}
	}
	return m, nil
}

// unchanged holds the keys of the update against the version that it began with.
func (m *metadataMaps) unchanged(first *metadataMaps) error {
	for i, e := range []MapEdit{m.update.Config, m.update.Table, m.update.Schema} {
		if err := sameKeys(e, first.maps[i], m.maps[i]); err != nil {
			return err
		}
	}
	for path, e := range m.update.Fields {
		if m.fields[path].ID != first.fields[path].ID {
			return fmt.Errorf("column %s is another", fields.Path(path))
		}
		if err := sameKeys(e, first.fields[path].Metadata, m.fields[path].Metadata); err != nil {
			return fmt.Errorf("column %s: %w", fields.Path(path), err)
		}
	}
	return nil
}

// sameKeys checks that two maps agree on what an edit touches.
func sameKeys(e MapEdit, a, b map[string]string) error {
	if e.Replace && !maps.Equal(a, b) {
		return fmt.Errorf("a map that was to be replaced has changed")
	}
	differs := func(key string) bool {
		was, had := a[key]
		is, has := b[key]
		return was != is || had != has
	}
	for key := range e.Set {
		if differs(key) {
			return fmt.Errorf("key %q has changed", key)
		}
	}
	for _, key := range e.Delete {
		if differs(key) {
			return fmt.Errorf("key %q has changed", key)
		}
	}
	return nil
}

// propose returns nil if the update changes nothing.
func (m *metadataMaps) propose(base *manifest.Manifest, u MetadataUpdate) (*Proposal, error) {
	p := &Proposal{Operation: OpUpdateConfig, Metadata: commit.MetadataUpdate{Config: u.Config, Table: u.Table, Schema: u.Schema}}
	changed := !maps.Equal(u.Config.Apply(m.maps[0]), m.maps[0]) || !maps.Equal(u.Table.Apply(m.maps[1]), m.maps[1])
	s := base.Schema().Clone()
	inSchema := false
	if !u.Schema.Empty() {
		s.Metadata = u.Schema.Apply(s.Metadata)
		inSchema = !maps.Equal(s.Metadata, base.Schema().Metadata)
	}
	for path, e := range u.Fields {
		if e.Empty() {
			continue
		}
		f := s.Lookup(fields.Path(path))
		was := f.Metadata
		f.Metadata = e.Apply(was)
		inSchema = inSchema || !maps.Equal(was, f.Metadata)
		if p.Metadata.Fields == nil {
			p.Metadata.Fields = make(map[int32]MapEdit, len(u.Fields))
		}
		p.Metadata.Fields[f.ID] = e
	}
	if inSchema {
		p.Schema = s
	}
	if !changed && !inSchema {
		return nil, nil //nolint:nilnil // the way to say that there is nothing to put
	}
	return p, nil
}
