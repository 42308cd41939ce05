package localfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

var _ objstore.Replacer = (*Store)(nil)

// Store is a table's directory. Safe for concurrent use, by other processes too.
type Store struct {
	dir  string // absolute, so that a later chdir changes nothing
	root *disk
	self fs.FileInfo // what dir led to when it was opened

	mu struct {
		sync.Mutex
		durable map[string]bool // directories whose names this process made sure of
	}
}

// Open opens the directory of a table, and touches nothing in it. A directory that
// is not there gives objstore.ErrNotExist. Close the store when done.
func Open(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open table directory %s: %w", dir, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open table directory: %w", translate(err))
	}
	self, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open table directory %s: %w", dir, err), root.Close())
	}
	s := &Store{dir: abs, root: &disk{Root: root}, self: self}
	s.mu.durable = map[string]bool{".": true}
	return s, nil
}

// Create opens the directory of a table and makes it where it is missing, parents
// included. On return every directory it made, and the name of dir itself, which
// another process may have made a moment ago, are durable.
func Create(dir string) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("create table directory %s: %w", dir, err)
	}
	if err := makeAll(abs); err != nil {
		return nil, fmt.Errorf("create table directory: %w", err)
	}
	if err := syncPath(filepath.Dir(abs)); err != nil {
		return nil, fmt.Errorf("create table directory: %w", err)
	}
	return Open(abs)
}

// makeAll makes dir and what is missing above it, each durable before the next.
func makeAll(dir string) error {
	switch info, err := os.Stat(dir); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("not a directory")}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrNotExist}
	}
	if err := makeAll(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncPath(parent)
}

// Trace calls f at each change that the store makes from now on, in the goroutine that
// makes it. It is for tests of what a loss of power leaves, and is set before first use.
func (s *Store) Trace(f func(Step)) { s.root.trace = f }

// Close releases the directory. Objects and writers still open stay usable.
func (s *Store) Close() error { return s.root.Close() }

// Open implements objstore.Store.
func (s *Store) Open(ctx context.Context, key string) (objstore.Object, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	if s.noObject(key) {
		return nil, fmt.Errorf("open object: %w: %s is not a file", objstore.ErrNotExist, key)
	}
	f, err := s.root.Open(key)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", translate(err))
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open object %s: %w", key, err), f.Close())
	}
	return &object{File: f, info: info}, nil
}

// Sync implements objstore.Store.
func (s *Store) Sync(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := s.root.syncFile(key); err != nil {
		return fmt.Errorf("sync object %s: %w", key, translate(err))
	}
	return s.root.syncDir(path.Dir(key))
}

// Remove implements objstore.Store.
func (s *Store) Remove(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	if err := s.root.remove(key); err != nil {
		return fmt.Errorf("remove object: %w", translate(err))
	}
	return nil
}

// ensureDir makes dir and its parents inside the table, and makes their names
// durable once per process, whoever made them.
func (s *Store) ensureDir(dir string) error {
	s.mu.Lock()
	known := s.mu.durable[dir]
	s.mu.Unlock()
	if known {
		return nil
	}
	parent := path.Dir(dir)
	if err := s.ensureDir(parent); err != nil {
		return err
	}
	if err := s.root.mkdir(dir); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	if err := s.root.syncDir(parent); err != nil {
		return err
	}
	s.mu.Lock()
	s.mu.durable[dir] = true
	s.mu.Unlock()
	return nil
}

func syncPath(dir string) error {
	if !dirSync {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// unmoved tells whether the directory opened is still what its path leads to.
func (s *Store) unmoved() error {
	now, err := os.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !os.SameFile(now, s.self)) {
		return fmt.Errorf("%s: %w", s.dir, objstore.ErrReplaced)
	}
	return err
}

func check(ctx context.Context, key string) error {
	if !fs.ValidPath(key) || key == "." || !filepath.IsLocal(filepath.FromSlash(key)) {
		return fmt.Errorf("key %q: %w", key, fs.ErrInvalid)
	}
	return ctx.Err()
}

// translate adds the store's sentinel to an error of the file system.
func translate(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w", objstore.ErrNotExist, err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %w", objstore.ErrExist, err)
	}
	return err
}
