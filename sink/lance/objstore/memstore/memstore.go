// Package memstore keeps a table's objects in memory, for tests. It promises what
// objstore.Store does, except that nothing outlives the process.
package memstore

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

var _ objstore.Replacer = (*Store)(nil)

// Store is a set of objects. Safe for concurrent use. Make one with New.
type Store struct {
	mu struct {
		sync.Mutex
		objects map[string]*stored
		ticks   int64 // makes every modification time a new one
	}
}

type stored struct {
	data []byte // never changed
	mod  time.Time
}

// New returns an empty store.
func New() *Store {
	s := &Store{}
	s.mu.objects = make(map[string]*stored)
	return s
}

// Open implements objstore.Store.
func (s *Store) Open(ctx context.Context, key string) (objstore.Object, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.mu.objects[key]
	if o == nil {
		return nil, fmt.Errorf("open %s: %w", key, objstore.ErrNotExist)
	}
	return object{bytes.NewReader(o.data), o.mod}, nil
}

// object reads one stored object.
type object struct {
	*bytes.Reader
	mod time.Time
}

// ModTime returns when the object was stored.
func (o object) ModTime() time.Time { return o.mod }

// Close implements io.Closer; it has nothing to release.
func (object) Close() error { return nil }

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string) (objstore.Writer, error) {
	if err := check(ctx, key); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.objects[key] != nil {
		return nil, fmt.Errorf("create %s: %w", key, objstore.ErrExist)
	}
	return &writer{store: s, key: key}, nil
}

// writer gathers an object, which is stored by Finish.
type writer struct {
	store *Store
	key   string
	buf   bytes.Buffer
	done  bool
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.done {
		return 0, fmt.Errorf("write %s: %w", w.key, fs.ErrClosed)
	}
	return w.buf.Write(p)
}

// Finish implements objstore.Writer.
func (w *writer) Finish(ctx context.Context) error {
	if w.done {
		return fmt.Errorf("finish %s: %w", w.key, fs.ErrClosed)
	}
	w.done = true
	if err := ctx.Err(); err != nil {
		return err
	}
	if !w.store.put(w.key, w.buf.Bytes()) {
		return fmt.Errorf("finish %s: %w", w.key, objstore.ErrExist)
	}
	return nil
}

// Abort implements objstore.Writer.
func (w *writer) Abort() error {
	w.done = true
	return nil
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte, before func(context.Context) error) error {
	err := check(ctx, key)
	if err == nil && before != nil {
		err = before(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("put %s: %w: %w", key, objstore.ErrNotApplied, err)
	}
	if !s.put(key, data) {
		return fmt.Errorf("put %s: %w", key, objstore.ErrExist)
	}
	return nil
}

// put stores a copy of data under key if that is free.
func (s *Store) put(key string, data []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.objects[key] != nil {
		return false
	}
	s.set(key, data)
	return true
}

// set stores a copy of data; mu is held.
func (s *Store) set(key string, data []byte) {
	s.mu.ticks++
	s.mu.objects[key] = &stored{data: bytes.Clone(data), mod: time.Unix(0, s.mu.ticks)}
}

// Replace implements objstore.Replacer.
func (s *Store) Replace(ctx context.Context, key string, data []byte) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(key, data)
	return nil
}

// List implements objstore.Store. It lists the objects of the moment it begins.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(objstore.Info{}, err)
			return
		}
		for _, info := range s.snapshot(prefix) {
			if !yield(info, nil) {
				return
			}
		}
	}
}

func (s *Store) snapshot(prefix string) []objstore.Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []objstore.Info
	for key, o := range s.mu.objects {
		if strings.HasPrefix(key, prefix) {
			infos = append(infos, objstore.Info{Key: key, Size: int64(len(o.data)), ModTime: o.mod})
		}
	}
	slices.SortFunc(infos, func(a, b objstore.Info) int { return strings.Compare(a.Key, b.Key) })
	return infos
}

// Sync implements objstore.Store: what is here is as durable as it gets.
func (s *Store) Sync(ctx context.Context, key string) error {
	o, err := s.Open(ctx, key)
	if err != nil {
		return err
	}
	return o.Close()
}

// Remove implements objstore.Store.
func (s *Store) Remove(ctx context.Context, key string) error {
	if err := check(ctx, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.objects[key] == nil {
		return fmt.Errorf("remove %s: %w", key, objstore.ErrNotExist)
	}
	delete(s.mu.objects, key)
	return nil
}

func check(ctx context.Context, key string) error {
	if !fs.ValidPath(key) || key == "." {
		return fmt.Errorf("key %q: %w", key, fs.ErrInvalid)
	}
	return ctx.Err()
}
