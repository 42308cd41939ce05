package manifest

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// fileFormat is what manifests call the format of data files.
const fileFormat = "lance"

// Change says how a version differs from the one before.
type Change struct {
	Schema *fields.Schema // nil: as before
	// Append are new fragments. Their ids are given out by Next.
	Append    []Fragment
	SetConfig map[string]string
	// Config and TableMetadata change the two maps; SetConfig comes after Config.
	Config, TableMetadata MapEdit
	// Fragments, unless nil, take the place of the base's; see Manifest.Edit.
	Fragments *Edited
	// Overwrite leaves out the base's fragments and indexes.
	Overwrite bool
	// Restore, unless nil, is the version whose content comes back.
	Restore *Manifest
	// FileVersion is that of all data files, for the first version of a table.
	FileVersion string

	Transaction     []byte // message kept inline
	TransactionFile string // name below _transactions; may be empty
	Time            time.Time
	Library         string // who writes
	LibraryVersion  string
}

// Next builds the version after base, or the first one where base is nil, and its
// bytes. Its time is c.Time, but always later than base's. base stays as it is.
func Next(base *Manifest, c Change) (*Manifest, []byte, error) {
	m, err := successor(base, c)
	if err != nil {
		return nil, nil, err
	}
	if err := m.change(c); err != nil {
		return nil, nil, err
	}
	m.inline = c.Transaction
	m.head.TransactionFile = c.TransactionFile
	m.head.WriterVersion = &lancepb.WriterVersion{Library: c.Library, Version: c.LibraryVersion}
	m.head.Timestamp = &lancepb.Timestamp{Seconds: c.Time.Unix(), Nanos: int32(c.Time.Nanosecond())}
	if base != nil && !c.Time.After(base.Time()) {
		t := base.Time().Add(time.Nanosecond)
		m.head.Timestamp = &lancepb.Timestamp{Seconds: t.Unix(), Nanos: int32(t.Nanosecond())}
	}
	m.updateFlags()
	data, err := m.encode()
	if err != nil {
		return nil, nil, err
	}
	return m, data, nil
}

// change applies what c says of the content.
func (m *Manifest) change(c Change) error {
	if c.Restore != nil {
		m.restore(c.Restore)
	}
	if c.Overwrite {
		m.keepFragmentIDs()
		m.fragments, m.stats, m.indexes = nil, newStats(), nil
	}
	if c.Fragments != nil {
		if err := m.replaceFragments(c.Fragments.Fragments); err != nil {
			return err
		}
	}
	if err := m.append(c.Append); err != nil {
		return err
	}
	m.head.Config = MapEdit{Set: c.SetConfig}.Apply(c.Config.Apply(m.head.Config))
	m.head.TableMetadata = c.TableMetadata.Apply(m.head.TableMetadata)
	if c.Schema == nil {
		return nil
	}
	m.schema = c.Schema.Clone()
	return m.pruneIndexes()
}

// restore takes the content of an older version, under ids that stay used up.
func (m *Manifest) restore(old *Manifest) {
	m.keepFragmentIDs()
	version, fragmentID, rowID := m.head.Version, m.head.MaxFragmentId, m.head.NextRowId
	m.head = proto.CloneOf(old.head)
	m.head.VersionAuxData, m.head.Tag, m.head.Version = 0, "", version
	m.head.NextRowId = max(m.head.NextRowId, rowID)
	m.fragments, m.stats = old.fragments, old.stats
	m.schema, m.indexes = old.schema, old.indexes
	if fragmentID != nil && (m.head.MaxFragmentId == nil || *m.head.MaxFragmentId < *fragmentID) {
		m.head.MaxFragmentId = fragmentID
	}
}

// successor copies what a version inherits.
func successor(base *Manifest, c Change) (*Manifest, error) {
	m := &Manifest{stats: newStats()}
	if base == nil {
		if c.Schema == nil || c.FileVersion == "" {
			return nil, errors.New("the first version of a table needs a schema and a file version")
		}
		m.entry = Entry{Version: 1, Scheme: V2}
		m.head = &lancepb.Manifest{DataFormat: &lancepb.DataFormat{FileFormat: fileFormat, Version: c.FileVersion}}
	} else {
		if base.Version() == math.MaxUint64 {
			return nil, errors.New("version numbers are used up")
		}
		m.entry = Entry{Version: base.Version() + 1, Scheme: base.entry.Scheme}
		m.head = proto.CloneOf(base.head)
		m.head.VersionAuxData, m.head.Tag = 0, ""
		m.fragments, m.stats = base.fragments, base.stats
		m.schema, m.indexes = base.schema, base.indexes
	}
	m.entry.Key = m.entry.Scheme.Key(m.entry.Version)
	m.head.Version = m.entry.Version
	return m, nil
}

// append adds fragments under ids that were never used. A table of an old writer
// may not say which those are; then they are above all in use.
func (m *Manifest) append(added []Fragment) error {
	if len(added) == 0 {
		return nil
	}
	next := uint64(0)
	switch {
	case m.head.MaxFragmentId != nil:
		next = max(uint64(*m.head.MaxFragmentId), m.stats.maxID) + 1
	case len(m.fragments) > 0:
		next = m.stats.maxID + 1
	}
	fragments := slices.Grow(slices.Clip(m.fragments), len(added))
	for _, f := range added {
		if next > math.MaxUint32 {
			return errors.New("fragment ids are used up")
		}
		f.ID = next
		err := m.giveRowIDs(&f)
		var data []byte
		if err == nil {
			data, err = f.Marshal()
		}
		if err == nil {
			err = m.stats.add(&f)
		}
		if err != nil {
			return fmt.Errorf("add fragment %d: %w", next, err)
		}
		fragments = append(fragments, data)
		next++
	}
	last := uint32(next - 1)
	m.fragments, m.head.MaxFragmentId = fragments, &last
	return nil
}
