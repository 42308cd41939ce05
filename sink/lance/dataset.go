package lance

import (
	"context"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Dataset is one version of a table. It never changes and may be used concurrently.
// What its methods return belongs to it: do not modify it.
type Dataset struct {
	table    *Table
	manifest *manifest.Manifest
	schema   *arrow.Schema
}

func newDataset(t *Table, m *manifest.Manifest) (*Dataset, error) {
	schema, err := m.Schema().Arrow()
	if err != nil {
		return nil, err
	}
	return &Dataset{table: t, manifest: m, schema: schema}, nil
}

// Version returns the version number, from 1.
func (d *Dataset) Version() uint64 { return d.manifest.Version() }

// Timestamp returns when the version was committed, by its writer's clock. Versions
// of this library are later than the one before, whatever the clock says.
func (d *Dataset) Timestamp() time.Time { return d.manifest.Time() }

// Schema returns the columns as Arrow sees them.
func (d *Dataset) Schema() *arrow.Schema { return d.schema }

// Fields returns the columns as the format keeps them, with their ids.
func (d *Dataset) Fields() *fields.Schema { return d.manifest.Schema() }

// Config returns the table's config.
func (d *Dataset) Config() map[string]string { return d.manifest.Config() }

// Fragments returns how many fragments the rows lie in.
func (d *Dataset) Fragments() int { return d.manifest.Fragments() }

// LiveRows returns the number of rows, deleted ones not counted.
func (d *Dataset) LiveRows() uint64 { return d.manifest.LiveRows() }

// CountRows returns the number of rows of the given version; it reads nothing.
func (d *Dataset) CountRows(context.Context) (uint64, error) { return d.LiveRows(), nil }

// FileVersion returns the version of the table's data files, such as "2.1".
func (d *Dataset) FileVersion() string { return d.manifest.FileVersion() }

// MaxFieldID returns the largest field id in the schema and in the data files, -1
// without any. Larger ones may have been used by columns that are gone.
func (d *Dataset) MaxFieldID() int32 { return d.manifest.MaxFieldID() }
