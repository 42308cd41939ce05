// Package sink puts batches of messages into one Lance table, every stream
// sequence exactly once.
//
// A Sink belongs to one topic. Stage writes a batch's data file and may run ahead;
// Commit makes the file part of the table together with the ledger entry that
// names its sequences, in one manifest, and returns only when a read-back has seen
// both in the latest version. What it never does is guess: a contradiction between
// table, stream and consumer is a StopError.
package sink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Compression of the pages of new data files.
type Compression = file.Compression

// The compressions a table may be written with.
const (
	None = file.None // Lance's own light encodings
	Zstd = file.Zstd
	LZ4  = file.LZ4
)

// Keys of the table's config map, beside the ledger entries.
const (
	keyTable      = "pst.table"        // the table's own id
	keyMaxFieldID = "pst.max_field_id" // highest field id ever given out
)

// What the ledger knows messages and consumers by.
type (
	Identity = ledger.Identity // which stream and consumer
	Mark     = ledger.Mark     // a sequence and its store time
)

// LedgerCap is the size in bytes that a ledger entry should stay under.
const LedgerCap = ledger.MaxBytes

// Events are the moments of a commit that a caller may listen to.
type Events = lance.Events

// Config describes a sink. Storage, Topic and Identity are required.
type Config struct {
	Storage     string // directory of tables
	Topic       string
	Compression Compression
	Version     string // of this program, for the manifests it writes
	Events      Events
	// Retrying, unless nil, is told of each failure of the storage that a commit
	// goes on after; it is called by the committing goroutine.
	Retrying func(err error)
	// Open, unless nil, opens what a table lives on in place of a local directory. It
	// makes the table's place where create is set, and returns objstore.ErrNotExist
	// where there is none and it is not. The sink closes the store.
	Open func(dir string, create bool) (Store, error)
	// Ends, unless nil, asks the stream for its first and last sequence: it must not end
	// below what the ledger holds. Position.StreamLast is what it said last.
	Ends func(ctx context.Context) (first, last uint64, err error)
	// Lease is how long another worker that rewrites columns is waited for after its
	// last sign of life; 0: 30 s.
	Lease time.Duration
	// Rewriting, unless nil, is called by the committing goroutine now and then while it
	// rewrites a column.
	Rewriting func()
	// Accept goes on over restores and overwrites of others: an operator knows of them.
	Accept bool
}

// Store is what a table lives on, opened.
type Store interface {
	objstore.Store
	// Probe proves that the store can be written and that a publication has one
	// winner. It wraps errors.ErrUnsupported where it never will.
	Probe(ctx context.Context) error
	Close() error
}

// OpenLocal opens a directory of the local file system, or makes it.
func OpenLocal(dir string, create bool) (Store, error) {
	open := localfs.Open
	if create {
		open = localfs.Create
	}
	store, err := open(dir)
	if err != nil {
		return nil, err
	}
	return store, nil
}

// Sink puts one topic's batches into its table. Stage may be called concurrently
// with itself and with Commit; Commit by one goroutine at a time.
type Sink struct {
	cfg Config
	dir string

	mu struct {
		sync.Mutex
		table     *lance.Table    // nil while there is no directory
		store     Store           // what table lives on
		head      *lance.Dataset  // latest version seen, nil while there is none
		entry     *ledger.Entry   // its ledger entry, nil while there is none
		published ledger.Set      // dead letters published since the last commit
		trials    map[string]bool // begun here; true: over, and to be removed
		refused   map[string]refusal
	}

	// The committer's own: what has been seen of the table and must not change.
	bound    bool // a table of ours was seen
	entered  bool // our ledger entry was seen in it
	id       ledger.Identity
	tableID  string
	epoch    uint32
	patience time.Duration
	seen     watch  // of leases of other workers
	walked   uint64 // versions up to here hold no restore or overwrite after our entry
	last     struct {
		text  string
		entry *ledger.Entry
	}
}

// Open looks for the topic's table, and proves that its directory can be written,
// leaving nothing behind. Bind decides whether the table may be written. Close the
// sink after use.
func Open(ctx context.Context, cfg Config) (*Sink, error) {
	name, err := TableName(cfg.Topic)
	if err != nil {
		return nil, &StopError{NameRefused, err}
	}
	if err := checkFolding(cfg.Storage, name); err != nil {
		if errors.Is(err, ErrTableName) {
			return nil, &StopError{NameRefused, err}
		}
		return nil, err
	}
	s := newSink(cfg, name)
	if _, err := s.latest(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newSink(cfg Config, name string) *Sink {
	s := &Sink{cfg: cfg, dir: filepath.Join(cfg.Storage, name+TableSuffix)}
	s.mu.trials, s.mu.refused = map[string]bool{}, map[string]refusal{}
	return s
}

// OpenDamaged opens a table for SetAside alone, without reading it.
func OpenDamaged(ctx context.Context, cfg Config) (*Sink, error) {
	name, err := TableName(cfg.Topic)
	if err != nil {
		return nil, &StopError{NameRefused, err}
	}
	s := newSink(cfg, name)
	if _, err := s.table(ctx, false); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close ends the trials under way and releases the table's directory. Nothing is left
// to be made durable.
func (s *Sink) Close() error {
	s.endTrials(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.store == nil {
		return nil
	}
	err := s.mu.store.Close()
	s.mu.store, s.mu.table = nil, nil
	if err != nil {
		return fmt.Errorf("close table %s: %w", s.dir, err)
	}
	return nil
}

// GiveUpAfter bounds how long each commit goes on, 0 for as long as its context lives.
// Time in which columns are rewritten does not count. It belongs to who commits.
func (s *Sink) GiveUpAfter(d time.Duration) { s.patience = d }

// Schema returns the schema of the latest version seen, nil while there is no table.
func (s *Sink) Schema() *arrow.Schema {
	if head := s.head(); head != nil {
		return head.Schema()
	}
	return nil
}

// Published notes that a pending dead letter was published, so that the next
// commit can record it as done. It may be called concurrently with everything.
func (s *Sink) Published(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.published = s.mu.published.Union(ledger.SetOf(seq))
}

// Touches reports whether recording seq would not make the ledger longer: it is
// held already, or next to something that is. It may be called concurrently.
func (s *Sink) Touches(seq uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.entry == nil || seq <= s.mu.entry.Floor+1 || s.mu.entry.Held.Touches(seq)
}

func (s *Sink) publishedSet() ledger.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.published
}

func (s *Sink) head() *lance.Dataset {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.head
}

// store returns what the table lives on, nil while it has no directory.
func (s *Sink) store() Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.store
}

func (s *Sink) setHead(head *lance.Dataset) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if head != nil && (s.mu.head == nil || head.Version() > s.mu.head.Version()) {
		s.mu.head = head
	}
}

// latest reads the latest version; nil and no error while there is no table.
func (s *Sink) latest(ctx context.Context) (*lance.Dataset, error) {
	table, err := s.table(ctx, false)
	if table == nil || err != nil {
		return nil, err
	}
	head, err := table.Latest(ctx)
	switch {
	case errors.Is(err, lance.ErrNoTable):
		return nil, nil //nolint:nilnil // no table is an ordinary state, and nil a usable base
	case err != nil:
		return nil, s.classify(fmt.Errorf("read table %s: %w", s.dir, err))
	}
	s.setHead(head)
	return head, nil
}

// table returns the handle; nil where the directory is absent and create is false.
// Opening proves that the directory can be written and a publication has one winner.
func (s *Sink) table(ctx context.Context, create bool) (*lance.Table, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.table != nil {
		return s.mu.table, nil
	}
	open := s.cfg.Open
	if open == nil {
		open = OpenLocal
	}
	store, err := open(s.dir, create)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, nil //nolint:nilnil // see latest
	}
	if err != nil {
		return nil, fmt.Errorf("open table %s: %w", s.dir, err)
	}
	if err := store.Probe(ctx); err != nil {
		err = errors.Join(fmt.Errorf("probe table %s: %w", s.dir, err), store.Close())
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, &StopError{Unsupported, err}
		}
		return nil, err
	}
	s.mu.store = store
	s.mu.table = lance.Open(store, lance.Options{
		Compression: s.cfg.Compression, LibraryVersion: s.cfg.Version, Events: &s.cfg.Events,
	})
	return s.mu.table, nil
}

// classify turns what an operator has to resolve into stop states; other errors pass.
func (s *Sink) classify(err error) error {
	var damage *corrupt.Error
	switch {
	case errors.Is(err, lance.ErrUnsupported):
		return &StopError{Unsupported, err}
	case errors.As(err, &damage):
		return &StopError{TableUnreadable, err}
	case errors.Is(err, lance.ErrRolledBack):
		return &StopError{RolledBack, err}
	case errors.Is(err, lance.ErrTableReplaced), errors.Is(err, objstore.ErrReplaced):
		return &StopError{TableReplaced, err}
	default:
		return err
	}
}
