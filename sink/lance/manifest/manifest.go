package manifest

import (
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Manifest is one version of a table. It never changes, and may be used
// concurrently; what its methods return belongs to it.
type Manifest struct {
	entry     Entry
	head      *lancepb.Manifest // without the fragments
	fragments [][]byte
	stats     stats
	schema    *fields.Schema
	indexes   []byte // index section; nil: none
	inline    []byte // transaction; nil: none
}

// Entry returns the stored object this version was read from. After Next it names
// the key and the size that the version will have.
func (m *Manifest) Entry() Entry { return m.entry }

// Version returns the version number, from 1.
func (m *Manifest) Version() uint64 { return m.head.Version }

// Time returns when the version was committed, by its writer's clock.
func (m *Manifest) Time() time.Time {
	ts := m.head.GetTimestamp()
	return time.Unix(ts.GetSeconds(), int64(ts.GetNanos())).UTC()
}

// Schema returns the table's fields.
func (m *Manifest) Schema() *fields.Schema { return m.schema }

// Config returns the table's config map.
func (m *Manifest) Config() map[string]string { return m.head.Config }

// TableMetadata returns the table's metadata map, which is apart from the config and
// from the schema's metadata.
func (m *Manifest) TableMetadata() map[string]string { return m.head.TableMetadata }

// Fragments returns how many fragments there are.
func (m *Manifest) Fragments() int { return len(m.fragments) }

// Fragment decodes the i-th fragment; it belongs to the caller.
func (m *Manifest) Fragment(i int) (*Fragment, error) {
	f := &Fragment{}
	if err := f.decode(m.fragments[i]); err != nil {
		return nil, corrupt.Errorf(m.entry.Key, fmt.Sprintf("fragment %d", i), -1, "%w", err)
	}
	return f, nil
}

// LiveRows returns the number of rows that are not deleted.
func (m *Manifest) LiveRows() uint64 { return m.stats.liveRows }

// MaxFieldID returns the largest field id in the schema or in any data file, -1
// without any. Unless the table keeps count of ids, which newer writers may, larger
// ones can have been used by columns that were dropped and compacted away.
func (m *Manifest) MaxFieldID() int32 {
	largest := max(m.stats.maxFieldID, m.schema.MaxID())
	if m.head.MaxAllocatedFieldId != nil {
		largest = max(largest, *m.head.MaxAllocatedFieldId)
	}
	return largest
}

// FileVersion returns the version all data files have ("2.1"). Where the manifest
// does not say it is that of the first file; empty without any.
func (m *Manifest) FileVersion() string {
	if v := m.head.GetDataFormat().GetVersion(); v != "" {
		return v
	}
	if m.stats.fileVersion == [2]uint32{} {
		return ""
	}
	return fmt.Sprintf("%d.%d", m.stats.fileVersion[0], m.stats.fileVersion[1])
}

// TransactionFile returns the name below _transactions of the file that says what
// this version did; empty if there is none.
func (m *Manifest) TransactionFile() string { return m.head.TransactionFile }

// InlineTransaction returns the transaction message inside the manifest, nil if
// there is none. Do not modify it.
func (m *Manifest) InlineTransaction() []byte { return m.inline }

// Writer returns the library that wrote this version, and its version.
func (m *Manifest) Writer() (library, version string) {
	return m.head.GetWriterVersion().GetLibrary(), m.head.GetWriterVersion().GetVersion()
}

// At returns m as the stored object that a listing showed. It is for a version that
// Next built and that was found to be stored byte for byte.
func (m *Manifest) At(e Entry) *Manifest {
	at := *m
	at.entry = e
	return &at
}
