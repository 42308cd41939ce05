package localfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// object is an open file. Files of a table are never rewritten, so its size and
// time are those of when it was opened.
type object struct {
	*os.File
	info fs.FileInfo
}

// Size returns the length in bytes.
func (o *object) Size() int64 { return o.info.Size() }

// ModTime returns the time of the last write.
func (o *object) ModTime() time.Time { return o.info.ModTime() }

// writer writes one new file. It keeps its first error: a file of which one write
// or sync failed is given up.
type writer struct {
	store *Store
	key   string
	file  *file // nil once finished or aborted
	err   error
}

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string) (objstore.Writer, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if err := s.ensureDir(path.Dir(key)); err != nil {
		return nil, fmt.Errorf("create object %s: %w", key, err)
	}
	f, err := s.root.create(key)
	if err != nil {
		return nil, fmt.Errorf("create object: %w", translate(err))
	}
	return &writer{store: s, key: key, file: f}, nil
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.file == nil {
		return 0, fmt.Errorf("write object %s: %w", w.key, fs.ErrClosed)
	}
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.file.Write(p)
	if err != nil {
		w.err = fmt.Errorf("write object: %w", err)
	}
	return n, w.err
}

// Finish implements objstore.Writer.
func (w *writer) Finish(ctx context.Context) error {
	if w.file == nil {
		return fmt.Errorf("finish object %s: %w", w.key, fs.ErrClosed)
	}
	err := w.err
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = w.file.Sync()
	}
	err = errors.Join(err, w.file.Close())
	w.file = nil
	if err == nil {
		err = w.store.root.syncDir(path.Dir(w.key))
	}
	if err != nil {
		return fmt.Errorf("finish object %s: %w", w.key, err)
	}
	return nil
}

// Abort implements objstore.Writer.
func (w *writer) Abort() error {
	if w.file == nil {
		return nil
	}
	err := errors.Join(w.file.Close(), w.store.root.remove(w.key))
	w.file = nil
	if err != nil {
		return fmt.Errorf("abort object %s: %w", w.key, err)
	}
	return nil
}
