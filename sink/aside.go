package sink

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// asideDir is where damaged versions are put.
const asideDir = "_pst/aside/"

// SetAside takes the newest version out of the table if it is damaged, so that the one
// before is the newest, and returns where its bytes are now. It is refused for a version
// that can be read. What the version held is lost with it: an operator decides that.
func (s *Sink) SetAside(ctx context.Context) (string, error) {
	store := s.store()
	if store == nil {
		return "", fmt.Errorf("%w: there is no table %s", ErrRefused, s.dir)
	}
	entry, found, err := manifest.Newest(ctx, store)
	if err != nil {
		return "", fmt.Errorf("find the newest version of %s: %w", s.dir, err)
	}
	if !found {
		return "", fmt.Errorf("%w: %s has no version", ErrRefused, s.dir)
	}
	data, _, err := manifest.ReadBytes(ctx, store, entry.Key)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", entry.Key, err)
	}
	var damage *corrupt.Error
	if _, err := manifest.Decode(entry, data); !errors.As(err, &damage) {
		return "", fmt.Errorf("%w: %s can be read", ErrRefused, entry.Key)
	}
	key := asideDir + path.Base(entry.Key)
	w, err := store.Create(ctx, key)
	if err != nil {
		return "", fmt.Errorf("set %s aside: %w", entry.Key, err)
	}
	if _, err = w.Write(data); err != nil {
		return "", fmt.Errorf("set %s aside: %w", entry.Key, errors.Join(err, w.Abort()))
	}
	if err := w.Finish(ctx); err != nil {
		return "", fmt.Errorf("set %s aside: %w", entry.Key, err)
	}
	if err := store.Remove(ctx, entry.Key); err != nil {
		return "", fmt.Errorf("set %s aside: %w", entry.Key, err)
	}
	return key, nil
}
