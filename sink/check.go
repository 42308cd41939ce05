package sink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// racers is how many puts of one name CheckStorage makes at once.
const racers = 8

// CheckStorage proves that a directory can hold tables: it can be written, and of
// several puts of one name at once exactly one wins and is what is read afterwards. It
// works in a folder of its own, which it removes.
func CheckStorage(ctx context.Context, storage string) (err error) {
	if err := os.MkdirAll(storage, 0o755); err != nil {
		return fmt.Errorf("make storage directory: %w", err)
	}
	dir, err := os.MkdirTemp(storage, ".pst-check-*")
	if err != nil {
		return fmt.Errorf("write to storage directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := localfs.Create(filepath.Join(dir, "race"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	return race(ctx, store)
}

func race(ctx context.Context, store objstore.Store) error {
	const key = "_versions/race"
	results := make([]error, racers)
	var group errgroup.Group
	for i := range racers {
		group.Go(func() error {
			results[i] = store.PutIfAbsent(ctx, key, []byte{byte(i)}, nil)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	winner := -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			return fmt.Errorf("of %d puts of one name more than one won: %w", racers, errors.ErrUnsupported)
		case err == nil:
			winner = i
		case !errors.Is(err, objstore.ErrExist):
			return fmt.Errorf("put: %w", err)
		}
	}
	if winner < 0 {
		return fmt.Errorf("of %d puts of one name none won: %w", racers, errors.ErrUnsupported)
	}
	o, err := store.Open(ctx, key)
	if err != nil {
		return fmt.Errorf("read what was put: %w", err)
	}
	got := make([]byte, o.Size())
	_, err = o.ReadAt(got, 0)
	if err = errors.Join(err, o.Close()); err != nil {
		return fmt.Errorf("read what was put: %w", err)
	}
	if !bytes.Equal(got, []byte{byte(winner)}) {
		return fmt.Errorf("put %d of %d won, and %v is read: %w", winner, racers, got, errors.ErrUnsupported)
	}
	listed := 0
	for _, err := range store.List(ctx, "_versions/") {
		if err != nil {
			return fmt.Errorf("list what was put: %w", err)
		}
		listed++
	}
	if listed != 1 {
		return fmt.Errorf("%d names are listed after one was put: %w", listed, errors.ErrUnsupported)
	}
	return nil
}
