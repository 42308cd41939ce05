package commit

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// encodeTransaction makes the message of a proposal, whose change to the manifest is
// known already. New fragments in it have no ids yet, as the format wants.
func encodeTransaction(p *Proposal, readVersion uint64, c *manifest.Change) ([]byte, error) {
	m := &lancepb.Transaction{ReadVersion: readVersion, Uuid: p.UUID, TransactionProperties: p.Properties}
	err := setOperation(m, p, c)
	if err != nil {
		return nil, fmt.Errorf("encode transaction: %w", err)
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

func setOperation(m *lancepb.Transaction, p *Proposal, c *manifest.Change) error {
	switch p.Operation {
	case OpCreate, OpOverwrite:
		list, err := newFragments(c.Append)
		m.Operation = &lancepb.Transaction_Overwrite{Overwrite: &lancepb.Overwrite{
			Fragments: list, Schema: p.Schema.Proto(), SchemaMetadata: p.Schema.ProtoMetadata(), ConfigUpsertValues: p.SetConfig,
		}}
		return err
	case OpAppend:
		list, err := newFragments(c.Append)
		m.Operation = &lancepb.Transaction_Append{Append: &lancepb.Append{Fragments: list}}
		return err
	case OpProject:
		// Columns never become less nullable here, and saying so lets other
		// writers' appends pass over this version.
		m.Operation = &lancepb.Transaction_Project{Project: &lancepb.Project{Schema: p.Schema.Proto(), PreservesNullability: true}}
	case OpMerge:
		list, err := storedFragments(c.Fragments.Fragments)
		// An append that was written before a column changed its type would be read as
		// null: it must be made anew, and is if the flag is not set.
		m.Operation = &lancepb.Transaction_Merge{Merge: &lancepb.Merge{
			Fragments: list, Schema: p.Schema.Proto(), SchemaMetadata: p.Schema.ProtoMetadata(), PreservesNullability: !p.Reshape,
		}}
		return err
	case OpDelete:
		list, err := storedFragments(c.Fragments.Changed)
		m.Operation = &lancepb.Transaction_Delete{Delete: &lancepb.Delete{
			UpdatedFragments: list, DeletedFragmentIds: c.Fragments.Dropped, Predicate: p.Predicate,
		}}
		return err
	case OpRestore:
		m.Operation = &lancepb.Transaction_Restore{Restore: &lancepb.Restore{Version: p.Restore.Version()}}
	case OpUpdateConfig:
		m.Operation = &lancepb.Transaction_UpdateConfig{UpdateConfig: updateConfig(p)}
	default:
		return fmt.Errorf("a proposal cannot be a %s", p.Operation)
	}
	return nil
}

func newFragments(fragments []manifest.Fragment) ([]*lancepb.DataFragment, error) {
	list := make([][]byte, len(fragments))
	for i := range fragments {
		var err error
		if list[i], err = fragments[i].Marshal(); err != nil {
			return nil, err
		}
	}
	return storedFragments(list)
}

func storedFragments(fragments [][]byte) ([]*lancepb.DataFragment, error) {
	list := make([]*lancepb.DataFragment, len(fragments))
	for i, data := range fragments {
		list[i] = &lancepb.DataFragment{}
		if err := proto.Unmarshal(data, list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func updateConfig(p *Proposal) *lancepb.UpdateConfig {
	config := p.Metadata.Config
	if len(p.SetConfig) > 0 {
		set := maps.Clone(p.SetConfig)
		for key, value := range config.Set {
			if _, ok := set[key]; !ok {
				set[key] = value
			}
		}
		config.Set = set
	}
	u := &lancepb.UpdateConfig{
		ConfigUpdates: updateMap(config), TableMetadataUpdates: updateMap(p.Metadata.Table),
		SchemaMetadataUpdates: updateMap(p.Metadata.Schema),
	}
	for id, edit := range p.Metadata.Fields {
		if u.FieldMetadataUpdates == nil {
			u.FieldMetadataUpdates = make(map[int32]*lancepb.UpdateMap)
		}
		u.FieldMetadataUpdates[id] = updateMap(edit)
	}
	return u
}

// updateMap is nil for an edit of nothing.
func updateMap(e manifest.MapEdit) *lancepb.UpdateMap {
	if e.Empty() {
		return nil
	}
	u := &lancepb.UpdateMap{Replace: e.Replace}
	for _, key := range slices.Sorted(maps.Keys(e.Set)) {
		value := e.Set[key]
		u.Entries = append(u.Entries, &lancepb.UpdateEntry{Key: key, Value: &value})
	}
	if e.Replace {
		return u
	}
	for _, key := range slices.Sorted(slices.Values(e.Delete)) {
		if _, set := e.Set[key]; !set {
			u.Entries = append(u.Entries, &lancepb.UpdateEntry{Key: key})
		}
	}
	return u
}
