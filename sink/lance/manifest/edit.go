package manifest

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/deletion"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// MapEdit changes a string map of a table: keys set, keys removed, or all of it.
type MapEdit struct {
	Set    map[string]string
	Delete []string
	// Replace removes whatever Set does not have.
	Replace bool
}

// Empty reports whether the edit changes nothing, whatever the map.
func (e MapEdit) Empty() bool { return len(e.Set) == 0 && len(e.Delete) == 0 && !e.Replace }

// Apply returns the changed map, nil where it is empty; m stays as it is.
func (e MapEdit) Apply(m map[string]string) map[string]string {
	out := make(map[string]string, len(m)+len(e.Set))
	if !e.Replace {
		maps.Copy(out, m)
	}
	for _, key := range e.Delete {
		delete(out, key)
	}
	maps.Copy(out, e.Set)
	if len(out) == 0 {
		return nil
	}
	return out
}

// Tombstone stands in a data file's list of fields for a column that is no more.
const Tombstone int32 = -2

// FragmentEdit says what becomes of one fragment.
type FragmentEdit struct {
	Drop      bool           // the fragment goes, all of its rows are deleted
	Deletion  *deletion.File // its deletion file from now on; nil: as before
	AddFile   *DataFile      // one more file of as many rows; nil: none
	Tombstone []int32        // field ids that its older files hold no more
}

// Edited is a table's list of fragments after edits.
type Edited struct {
	Fragments [][]byte // serialized, in order
	Changed   [][]byte // those of them that had an edit
	Dropped   []uint64 // ids, in order
}

// Edit applies edits, by fragment id, to the fragments of m, which stays as it is.
// What this library does not know of a fragment is kept. Every id must be there. A
// data file that holds no field of schema any more is left out, unless it is the
// last of its fragment; a nil schema leaves files alone.
func (m *Manifest) Edit(edits map[uint64]FragmentEdit, schema *fields.Schema) (*Edited, error) {
	e := editor{edits: edits, live: liveIDs(schema)}
	found := 0
	var scratch Fragment
	for i, data := range m.fragments {
		if err := scratch.decode(data); err != nil {
			return nil, fmt.Errorf("fragment %d: %w", i, err)
		}
		edit, edited := edits[scratch.ID]
		if edited {
			found++
		}
		switch {
		case edit.Drop:
			e.out.Dropped = append(e.out.Dropped, scratch.ID)
			continue
		case edited || e.obsolete(&scratch):
			var err error
			if data, err = e.apply(data, edit); err != nil {
				return nil, fmt.Errorf("edit fragment %d: %w", scratch.ID, err)
			}
		}
		if edited {
			e.out.Changed = append(e.out.Changed, data)
		}
		e.out.Fragments = append(e.out.Fragments, data)
	}
	if found != len(edits) {
		return nil, fmt.Errorf("version %d has %d of %d fragments that are to be edited", m.Version(), found, len(edits))
	}
	return &e.out, nil
}

type editor struct {
	edits map[uint64]FragmentEdit
	live  map[int32]bool // nil: all
	out   Edited
}

// liveIDs are the ids of a schema, nil for no schema.
func liveIDs(schema *fields.Schema) map[int32]bool {
	if schema == nil {
		return nil
	}
	ids := make(map[int32]bool)
	schema.Walk(func(_ fields.Path, f *fields.Field) bool {
		ids[f.ID] = true
		return true
	})
	return ids
}

// dead reports whether none of a file's fields is in the schema.
func (e *editor) dead(ids []int32) bool {
	return e.live != nil && !slices.ContainsFunc(ids, func(id int32) bool { return e.live[id] })
}

// obsolete reports whether a fragment has a file to leave out.
func (e *editor) obsolete(f *Fragment) bool {
	return len(f.Files) > 1 && slices.ContainsFunc(f.Files, func(d DataFile) bool { return e.dead(d.Fields) })
}

func (e *editor) apply(data []byte, edit FragmentEdit) ([]byte, error) {
	var f lancepb.DataFragment
	if err := proto.Unmarshal(data, &f); err != nil {
		return nil, err
	}
	for _, file := range f.Files {
		for i, id := range file.Fields {
			if slices.Contains(edit.Tombstone, id) {
				file.Fields[i] = Tombstone
			}
		}
	}
	if edit.AddFile != nil {
		f.Files = append(f.Files, edit.AddFile.proto())
	}
	kept := slices.DeleteFunc(slices.Clone(f.Files), func(d *lancepb.DataFile) bool { return e.dead(d.Fields) })
	if len(kept) == 0 {
		kept = f.Files[:1]
	}
	f.Files = kept
	if d := edit.Deletion; d != nil {
		f.DeletionFile = &lancepb.DeletionFile{FileType: int32(d.Kind), ReadVersion: d.ReadVersion, Id: d.ID, NumDeletedRows: d.Rows}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&f)
}

// replaceFragments takes another list of fragments in place of the inherited one.
func (m *Manifest) replaceFragments(list [][]byte) error {
	m.keepFragmentIDs()
	m.fragments, m.stats = list, newStats()
	var scratch Fragment
	for i, data := range list {
		err := scratch.decode(data)
		if err == nil {
			err = m.stats.add(&scratch)
		}
		if err != nil {
			return fmt.Errorf("fragment %d: %w", i, err)
		}
	}
	return nil
}

// keepFragmentIDs writes down the largest fragment id where only the fragments
// showed it, before they go.
func (m *Manifest) keepFragmentIDs() {
	if len(m.fragments) == 0 {
		return
	}
	top := uint32(m.stats.maxID)
	if m.head.MaxFragmentId != nil {
		top = max(top, *m.head.MaxFragmentId)
	}
	m.head.MaxFragmentId = &top
}

// Index is what the index section says of one index that this library needs.
type Index struct {
	Name   string
	Fields []int32 // ids of the columns it is over; none: one of the system's
}

// Indexes lists the indexes of the version.
func (m *Manifest) Indexes() ([]Index, error) {
	var list []Index
	err := wire(m.indexes, func(num protowire.Number, _ uint64, b []byte) error {
		if num != 1 {
			return nil
		}
		x, err := decodeIndex(b)
		list = append(list, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("index section of version %d: %w", m.Version(), err)
	}
	return list, nil
}

func decodeIndex(b []byte) (x Index, err error) {
	err = wire(b, func(num protowire.Number, n uint64, b []byte) (err error) {
		switch num {
		case 2:
			x.Fields, err = appendInts(x.Fields, n, b)
		case 3:
			x.Name = string(b)
		}
		return err
	})
	return x, err
}

// pruneIndexes leaves out the indexes over a field that is not in the schema.
func (m *Manifest) pruneIndexes() error {
	if m.indexes == nil {
		return nil
	}
	live := liveIDs(m.schema)
	var kept []byte
	stale := 0
	err := wire(m.indexes, func(num protowire.Number, _ uint64, b []byte) error {
		if num != 1 {
			return nil
		}
		x, err := decodeIndex(b)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(x.Fields, func(id int32) bool { return !live[id] }) {
			stale++
			return nil
		}
		kept = protowire.AppendTag(kept, 1, protowire.BytesType)
		kept = protowire.AppendBytes(kept, b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("index section of version %d: %w", m.Version(), err)
	}
	if stale > 0 {
		m.indexes = kept
	}
	return nil
}
