package lance

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// ErrIntact is returned by SetAside for a version that can be read.
var ErrIntact = errors.New("the newest version is not damaged")

// SetAside takes the newest version out of the table if it is damaged, so that the one
// before is the newest, and returns the key below dir where its bytes are now. What the
// version held is lost with it, so an operator has to decide that. ErrIntact refuses
// it for a version that can be read.
func (t *Table) SetAside(ctx context.Context, dir string) (key string, err error) {
	entry, found, err := manifest.Newest(ctx, t.store)
	if err != nil {
		return "", err
	}
	if !found {
		return "", ErrNoTable
	}
	data, _, err := manifest.ReadBytes(ctx, t.store, entry.Key)
	if err != nil {
		return "", err
	}
	var damage *corrupt.Error
	if _, err := manifest.Decode(entry, data); !errors.As(err, &damage) {
		return "", fmt.Errorf("%s: %w", entry.Key, ErrIntact)
	}
	key = path.Join(dir, path.Base(entry.Key))
	w, err := t.store.Create(ctx, key)
	if err != nil {
		return "", err
	}
	if _, err = w.Write(data); err != nil {
		return "", errors.Join(err, w.Abort())
	}
	if err := w.Finish(ctx); err != nil {
		return "", err
	}
	return key, t.store.Remove(ctx, entry.Key)
}
