// Package objstore is the storage a table lives on: few verbs, each with its
// durability and visibility spelled out, so that a local directory and an
// object store can both keep them.
//
// Keys are slash separated and relative to the table's root ("data/x.lance",
// "_versions/18446744073709551614.manifest"). A key is never rewritten, but for those
// of tags, in a store that can.
package objstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"
)

var (
	// ErrNotExist is returned by Open, Sync and Remove when there is no such key.
	ErrNotExist = errors.New("object does not exist")
	// ErrExist is returned by Create and PutIfAbsent when the key is taken. From
	// PutIfAbsent it means that this call published nothing.
	ErrExist = errors.New("object exists already")
	// ErrNoObject is returned by PutIfAbsent when something that is no object has the
	// key: a folder, a symbolic link. This call published nothing, and none will while
	// it is there. To Open and List there is no such key.
	ErrNoObject = errors.New("the key is taken by what is no object")
	// ErrNotApplied wraps an error of PutIfAbsent that struck before anything was
	// published. Any other error except ErrExist leaves the outcome unknown.
	ErrNotApplied = errors.New("nothing was published")
	// ErrReplaced says that the directory or prefix opened is not what its name
	// leads to any more: someone moved, dropped or recreated it.
	ErrReplaced = errors.New("table directory was replaced")
)

// Info describes a stored object.
type Info struct {
	Key     string
	Size    int64 // bytes
	ModTime time.Time
}

// Store keeps the objects of one table. All methods may be called concurrently.
type Store interface {
	// Open opens an object for reading; its size is known and it exists, so Open
	// followed by Close is also the way to ask whether a key is there.
	Open(ctx context.Context, key string) (Object, error)

	// Create starts a new object that is written in order and ends in exactly one
	// of Finish or Abort. Nobody may rely on the key before Finish returned nil.
	Create(ctx context.Context, key string) (Writer, error)

	// PutIfAbsent publishes data under key if the key is free; of any number of
	// racing calls exactly one wins. When all is prepared and durable but the
	// publication itself, it calls before (unless nil) and gives up with its error.
	//
	// nil: published and durable. ErrExist: the key was taken, this call published
	// nothing. ErrNotApplied, ErrNoObject among it: failed earlier, published nothing.
	// Anything else: the outcome is unknown, and only reading can tell.
	PutIfAbsent(ctx context.Context, key string, data []byte, before func(context.Context) error) error

	// List yields the objects whose key begins with prefix, in ascending key order.
	// A prefix that holds nothing yields nothing. An error ends the sequence.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]

	// Sync makes an object that another process published durable, name included.
	Sync(ctx context.Context, key string) error

	// Remove deletes an object. Call it only for what nothing refers to.
	Remove(ctx context.Context, key string) error
}

// Replacer is a Store that can give a key other bytes in one step.
type Replacer interface {
	Store

	// Replace publishes data under key, in place of what is there, if anything. Whoever
	// opens the key gets the old bytes or the new ones, never none or a mixture; of
	// racing calls the last one stands. On return it is durable. After an error either
	// may be there.
	Replace(ctx context.Context, key string, data []byte) error
}

// Object is an open stored object. ReadAt may be called concurrently.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Writer writes one new object. Not safe for concurrent use.
type Writer interface {
	io.Writer
	// Finish makes the bytes and the name durable. After an error the key must be
	// given up for a new one: a failed sync is never tried again.
	Finish(ctx context.Context) error
	// Abort discards what was written. After Finish it does nothing.
	Abort() error
}
