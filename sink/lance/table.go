package lance

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// What commits are made of; package commit describes them.
type (
	Operation   = commit.Operation
	Landing     = commit.Landing
	DataFile    = commit.DataFile
	Proposal    = commit.Proposal
	Transaction = commit.Transaction
	Events      = commit.Events
)

// The operations of transactions, and how much of a proposal a version can hold.
const (
	OpCreate       = commit.OpCreate
	OpAppend       = commit.OpAppend
	OpProject      = commit.OpProject
	OpUpdateConfig = commit.OpUpdateConfig
	OpOverwrite    = commit.OpOverwrite
	OpRestore      = commit.OpRestore

	OpDelete           = commit.OpDelete
	OpMerge            = commit.OpMerge
	OpCreateIndex      = commit.OpCreateIndex
	OpRewrite          = commit.OpRewrite
	OpUpdate           = commit.OpUpdate
	OpReserveFragments = commit.OpReserveFragments
	OpDataReplacement  = commit.OpDataReplacement
	OpUpdateBases      = commit.OpUpdateBases

	LandedNone  = commit.LandedNone
	LandedPart  = commit.LandedPart
	LandedWhole = commit.LandedWhole
)

// Errors that callers branch on. Damage is a corrupt.Error.
var (
	ErrNoTable        = commit.ErrNoTable        // Latest, Commit: there is no version
	ErrNoVersion      = commit.ErrNoVersion      // Version, Transaction: never made, or cleaned up
	ErrNoTransaction  = commit.ErrNoTransaction  // Transaction: the version is there, its transaction is not
	ErrRolledBack     = commit.ErrRolledBack     // Commit: published, then taken back by a restore or overwrite
	ErrTableReplaced  = commit.ErrTableReplaced  // all: dropped, moved or made anew meanwhile
	ErrStaleFile      = commit.ErrStaleFile      // Commit: a data file of the proposal is gone
	ErrUnknownOutcome = commit.ErrUnknownOutcome // Commit: may be published or not; commit again to find out
	ErrUnsupported    = fields.ErrUnsupported    // all: the table has something this library does not know
)

// Options of a table handle. The zero value is ready for use.
type Options struct {
	Compression file.Compression // of data files; default: Lance's light encodings alone
	Level       int              // of zstd; 0: its default
	// FileVersion is that of the data files of a table made through this handle;
	// default 2.1. A table that exists keeps its own.
	FileVersion file.Version
	// Library and LibraryVersion name the writer in manifests; default pst-bridge.
	Library, LibraryVersion string
	Now                     func() time.Time // default time.Now
	Events                  *Events          // may be nil
}

// Table is a handle on a table, or on the place where one will be. It holds no
// resources beyond the newest version it has seen, and is safe for concurrent use.
type Table struct {
	store objstore.Store
	log   *commit.Log
	o     Options
	pool  file.Pool

	mu struct {
		sync.Mutex
		last *Dataset
	}
}

// Open returns a handle on the table in store. It touches nothing.
func Open(store objstore.Store, o Options) *Table {
	return &Table{store: store, o: o, log: commit.New(store, commit.Options{
		Library: o.Library, LibraryVersion: o.LibraryVersion, FileVersion: o.FileVersion.String(), Now: o.Now, Events: o.Events,
	})}
}

// fileVersion returns the version of new data files: the table's, as this handle
// saw it last, or the options' where there is no table.
func (t *Table) fileVersion(ctx context.Context) (file.Version, error) {
	t.mu.Lock()
	last := t.mu.last
	t.mu.Unlock()
	if last == nil {
		d, err := t.Latest(ctx)
		if errors.Is(err, ErrNoTable) {
			return t.o.FileVersion, nil
		}
		if err != nil {
			return 0, err
		}
		last = d
	}
	if last.FileVersion() == "" {
		return t.o.FileVersion, nil
	}
	return file.ParseVersion(last.FileVersion())
}

// Latest returns the newest version. An unchanged table is listed, not read again.
func (t *Table) Latest(ctx context.Context) (*Dataset, error) {
	m, err := t.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	return t.dataset(m)
}

// Version returns one version of the table.
func (t *Table) Version(ctx context.Context, version uint64) (*Dataset, error) {
	m, err := t.log.Version(ctx, version)
	if err != nil {
		return nil, err
	}
	return newDataset(t, m)
}

// Transaction returns what the commit that made a version did.
func (t *Table) Transaction(ctx context.Context, version uint64) (*Transaction, error) {
	return t.log.Transaction(ctx, version)
}

// dataset wraps the newest version; the same one gives the same Dataset, and an
// unchanged schema the same *arrow.Schema.
func (t *Table) dataset(m *manifest.Manifest) (*Dataset, error) {
	t.mu.Lock()
	last := t.mu.last
	t.mu.Unlock()
	if last != nil && last.manifest == m {
		return last, nil
	}
	d, err := newDataset(t, m)
	if err != nil {
		return nil, err
	}
	if last != nil && d.schema.Equal(last.schema) && d.schema.Metadata().Equal(last.schema.Metadata()) {
		d.schema = last.schema
	}
	t.mu.Lock()
	t.mu.last = d
	t.mu.Unlock()
	return d, nil
}
