// Package lance reads and writes Lance tables.
package lance

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// What commits are made of; see package commit.
type (
	Operation   = commit.Operation
	Landing     = commit.Landing
	DataFile    = commit.DataFile
	Proposal    = commit.Proposal
	Transaction = commit.Transaction
	Events      = commit.Events
)

// The operations this library makes, and the two that undo.
const (
	OpCreate       = commit.OpCreate
	OpAppend       = commit.OpAppend
	OpProject      = commit.OpProject
	OpUpdateConfig = commit.OpUpdateConfig
	OpOverwrite    = commit.OpOverwrite
	OpRestore      = commit.OpRestore

	LandedNone  = commit.LandedNone
	LandedPart  = commit.LandedPart
	LandedWhole = commit.LandedWhole
)

// Errors callers branch on.
var (
	ErrNoTable        = commit.ErrNoTable
	ErrNoVersion      = commit.ErrNoVersion
	ErrNoTransaction  = commit.ErrNoTransaction
	ErrRolledBack     = commit.ErrRolledBack
	ErrTableReplaced  = commit.ErrTableReplaced
	ErrStaleFile      = commit.ErrStaleFile
	ErrUnknownOutcome = commit.ErrUnknownOutcome
	ErrUnsupported    = fields.ErrUnsupported
)

// Options of a table handle. The zero value is ready for use.
type Options struct {
	Library        string // writer name put into manifests; default "pst-bridge"
	LibraryVersion string // default "0.0.0"
	Now            func() time.Time
	Events         *Events
}

// Planner is asked what to commit.
type Planner interface {
	Plan(ctx context.Context, base *Dataset) (*Proposal, error)
	Landed(head *Dataset) Landing
}

// Table is a handle on a table.
type Table struct {
	store objstore.Store
	o     Options
}

// Open returns a handle.
func Open(store objstore.Store, o Options) *Table { return &Table{store: store, o: o} }

var errSoon = errors.New("being built")

func (t *Table) Latest(ctx context.Context) (*Dataset, error)            { return nil, errSoon }
func (t *Table) Version(ctx context.Context, v uint64) (*Dataset, error) { return nil, errSoon }
func (t *Table) Commit(ctx context.Context, p Planner) (*Dataset, error) { return nil, errSoon }
func (t *Table) Transaction(ctx context.Context, v uint64) (*Transaction, error) {
	return nil, errSoon
}
func (t *Table) WriteFile(ctx context.Context, s *fields.Schema, recs ...arrow.Record) (*DataFile, error) {
	return nil, errSoon
}

// Dataset is one version.
type Dataset struct{}

type ScanOptions struct {
	Columns   []string
	BatchRows int
}

func (d *Dataset) Version() uint64                               { return 0 }
func (d *Dataset) Timestamp() time.Time                          { return time.Time{} }
func (d *Dataset) Schema() *arrow.Schema                         { return nil }
func (d *Dataset) Fields() *fields.Schema                        { return nil }
func (d *Dataset) Config() map[string]string                     { return nil }
func (d *Dataset) Fragments() int                                { return 0 }
func (d *Dataset) LiveRows() uint64                              { return 0 }
func (d *Dataset) FileVersion() string                           { return "" }
func (d *Dataset) MaxFieldID() int32                             { return 0 }
func (d *Dataset) CountRows(ctx context.Context) (uint64, error) { return 0, nil }
func (d *Dataset) Scan(ctx context.Context, o ScanOptions) iter.Seq2[arrow.Record, error] {
	return nil
}
