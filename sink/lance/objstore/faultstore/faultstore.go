// Package faultstore wraps a store so that calls fail as a plan says: before or
// after they took effect, never, or late. It is for tests.
package faultstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

var _ objstore.Store = (*Store)(nil)

// ErrInjected is the cause of every error made here but those of Hang.
var ErrInjected = errors.New("injected fault")

// Op is a kind of call.
type Op uint8

// The calls a plan can make fail.
const (
	OpOpen Op = iota
	OpCreate
	OpFinish // Writer.Finish
	OpPut
	OpList
	OpSync
	OpRemove
	ops // their number
)

// Fault is what happens to one call.
type Fault uint8

// The faults. Where a call only reads, each but None and Hang is an error.
const (
	None   Fault = iota // the call works
	Refuse              // error, nothing happened, and the error says so (ErrNotApplied from a put)
	Before              // error, nothing happened, and the error does not say so
	After               // error, but all happened
	Hang                // nothing happens until ctx ends, whose error is returned
	// Late makes a put return an unknown error at once, and happen just before the
	// next put, or when Settle is called.
	Late
)

// Plan picks the fault of the n-th call (from 0) of a kind. It may be called
// concurrently.
type Plan func(op Op, key string, n int) Fault

// Store fails as planned and otherwise passes calls on. Safe for concurrent use.
type Store struct {
	inner objstore.Store
	plan  Plan

	mu struct {
		sync.Mutex
		calls [ops]int
		late  []lateput
	}
}

type lateput struct {
	key  string
	data []byte
}

// New wraps inner.
func New(inner objstore.Store, plan Plan) *Store { return &Store{inner: inner, plan: plan} }

// Calls returns how many calls of a kind there were.
func (s *Store) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.calls[op]
}

func (s *Store) fault(op Op, key string) Fault {
	s.mu.Lock()
	n := s.mu.calls[op]
	s.mu.calls[op]++
	s.mu.Unlock()
	return s.plan(op, key, n)
}

// Settle lets the late puts happen now. One whose key was taken meanwhile changes
// nothing, as it would in a store.
func (s *Store) Settle(ctx context.Context) error {
	s.mu.Lock()
	late := s.mu.late
	s.mu.late = nil
	s.mu.Unlock()
	for _, p := range late {
		if err := s.inner.PutIfAbsent(ctx, p.key, p.data, nil); err != nil && !errors.Is(err, objstore.ErrExist) {
			return err
		}
	}
	return nil
}

// around makes a call with a fault. Late is for puts alone; here it is Before.
func around(ctx context.Context, f Fault, what string, call func() error) error {
	switch f {
	case None:
		return call()
	case After:
		return errors.Join(fmt.Errorf("%s: %w", what, ErrInjected), call())
	case Hang:
		<-ctx.Done()
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case Refuse, Before, Late:
	}
	return fmt.Errorf("%s: %w", what, ErrInjected)
}

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte, before func(context.Context) error) error {
	f := s.fault(OpPut, key)
	if err := s.Settle(ctx); err != nil {
		return err
	}
	if f == Refuse {
		return fmt.Errorf("put %s: %w: %w", key, objstore.ErrNotApplied, ErrInjected)
	}
	if f == None || f == After {
		err := s.inner.PutIfAbsent(ctx, key, data, before)
		if f == After && err == nil {
			err = fmt.Errorf("put %s: %w", key, ErrInjected)
		}
		return err
	}
	// The request went out: what precedes it was done.
	if before != nil {
		if err := before(ctx); err != nil {
			return fmt.Errorf("put %s: %w: %w", key, objstore.ErrNotApplied, err)
		}
	}
	if f == Late {
		s.mu.Lock()
		s.mu.late = append(s.mu.late, lateput{key, bytes.Clone(data)})
		s.mu.Unlock()
	}
	return around(ctx, f, "put "+key, nil)
}

// Open implements objstore.Store.
func (s *Store) Open(ctx context.Context, key string) (objstore.Object, error) {
	if f := s.fault(OpOpen, key); f != None {
		return nil, around(ctx, f, "open "+key, func() error { return nil })
	}
	return s.inner.Open(ctx, key)
}

// Create implements objstore.Store.
func (s *Store) Create(ctx context.Context, key string) (objstore.Writer, error) {
	if f := s.fault(OpCreate, key); f != None {
		return nil, around(ctx, f, "create "+key, func() error { return nil })
	}
	w, err := s.inner.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &writer{Writer: w, store: s, key: key}, nil
}

type writer struct {
	objstore.Writer
	store *Store
	key   string
}

// Finish implements objstore.Writer.
func (w *writer) Finish(ctx context.Context) error {
	return around(ctx, w.store.fault(OpFinish, w.key), "finish "+w.key, func() error { return w.Writer.Finish(ctx) })
}

// List implements objstore.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	if f := s.fault(OpList, prefix); f != None {
		return func(yield func(objstore.Info, error) bool) {
			yield(objstore.Info{}, around(ctx, f, "list "+prefix, func() error { return nil }))
		}
	}
	return s.inner.List(ctx, prefix)
}

// Sync implements objstore.Store.
func (s *Store) Sync(ctx context.Context, key string) error {
	return around(ctx, s.fault(OpSync, key), "sync "+key, func() error { return s.inner.Sync(ctx, key) })
}

// Remove implements objstore.Store.
func (s *Store) Remove(ctx context.Context, key string) error {
	return around(ctx, s.fault(OpRemove, key), "remove "+key, func() error { return s.inner.Remove(ctx, key) })
}
