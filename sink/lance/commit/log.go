package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// headTries bounds how often a head that vanishes between listing and reading is
// looked for again. Each time somebody must have committed and cleaned up.
const headTries = 5

// Options of a log. The zero value is ready for use.
type Options struct {
	Library        string // writer named in manifests; default "pst-bridge"
	LibraryVersion string // default "0.0.0"
	FileVersion    string // of a table made without rows; default "2.1"
	// Now is the clock; default time.Now. Its readings should carry the monotonic
	// clock, which ages a base even when the wall clock is set back.
	Now    func() time.Time
	Events *Events // may be nil
}

// Log is the chain of versions of one table. It holds no resources but the newest
// version it has seen, and is safe for concurrent use.
type Log struct {
	store objstore.Store
	o     Options

	mu struct {
		sync.Mutex
		head    *manifest.Manifest // the newest seen
		written *draft             // the last published here, until it is read back
		durable manifest.Entry     // the last made durable here
	}
}

// New returns the log of the table in store, and touches nothing.
func New(store objstore.Store, o Options) *Log {
	if o.Library == "" {
		o.Library = "pst-bridge"
	}
	if o.LibraryVersion == "" {
		o.LibraryVersion = "0.0.0"
	}
	if o.FileVersion == "" {
		o.FileVersion = defaultFileVersion
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Log{store: store, o: o}
}

// Head returns the newest version, read anew only if it is another than last time.
// ErrNoTable says that there is none, ErrTableReplaced that the directory opened is
// not the table's any more. A newest version that is damaged is an error that names
// it; it is never passed over for an older one.
func (l *Log) Head(ctx context.Context) (*manifest.Manifest, error) {
	for try := 1; ; try++ {
		m, err := l.readHead(ctx)
		if errors.Is(err, objstore.ErrNotExist) && try < headTries {
			continue
		}
		if errors.Is(err, objstore.ErrReplaced) {
			err = fmt.Errorf("%w: %w", ErrTableReplaced, err)
		}
		return m, err
	}
}

func (l *Log) readHead(ctx context.Context) (*manifest.Manifest, error) {
	l.mu.Lock()
	known, written := l.mu.head, l.mu.written
	l.mu.Unlock()

	newest := manifest.Newest
	if known != nil && known.Entry().Scheme == manifest.V2 {
		newest = manifest.NewestV2
	}
	entry, found, err := newest(ctx, l.store)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, ErrNoTable
	case known != nil && known.Entry().Same(entry):
		return known, nil
	}
	m, err := l.load(ctx, entry, written)
	if err != nil {
		return nil, fmt.Errorf("read head: %w", err)
	}
	l.mu.Lock()
	l.mu.head = m
	if l.mu.written == written {
		l.mu.written = nil
	}
	l.mu.Unlock()
	return m, nil
}

// load reads a version. If it is, byte for byte, the one published here last, it
// need not be decoded.
func (l *Log) load(ctx context.Context, entry manifest.Entry, written *draft) (*manifest.Manifest, error) {
	data, _, err := manifest.ReadBytes(ctx, l.store, entry.Key)
	if err != nil {
		return nil, err
	}
	if written != nil && bytes.Equal(data, written.data) {
		return written.next.At(entry), nil
	}
	return manifest.Decode(entry, data)
}

// Version returns one version, ErrNoVersion if it is not there.
func (l *Log) Version(ctx context.Context, version uint64) (*manifest.Manifest, error) {
	m, err := manifest.ReadVersion(ctx, l.store, version)
	if errors.Is(err, objstore.ErrNotExist) {
		return nil, fmt.Errorf("version %d: %w: %w", version, ErrNoVersion, err)
	}
	return m, err
}

// ensureDurable fsyncs a version unless this log did so, or published it durably.
func (l *Log) ensureDurable(ctx context.Context, m *manifest.Manifest) error {
	entry := m.Entry()
	l.mu.Lock()
	done := l.mu.durable.Key == entry.Key && sameObject(l.mu.durable.Info, entry.Info)
	l.mu.Unlock()
	if done || mutant.On("no-sync-of-others") {
		return nil
	}
	if err := l.store.Sync(ctx, entry.Key); err != nil {
		return fmt.Errorf("make version %d durable: %w", m.Version(), err)
	}
	l.setDurable(entry)
	return nil
}

func (l *Log) setDurable(entry manifest.Entry) {
	l.mu.Lock()
	l.mu.durable = entry
	l.mu.Unlock()
}

// sameObject reports whether two looks at one key saw the same object. A time that
// is not known says nothing.
func sameObject(a, b objstore.Info) bool {
	return a.Size == b.Size && (a.ModTime.IsZero() || b.ModTime.IsZero() || a.ModTime.Equal(b.ModTime))
}
