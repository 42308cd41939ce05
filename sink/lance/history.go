package lance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// AsOf returns the newest version that was committed at or before a time, by the
// clocks of the writers, ErrNoVersion if none was. It reads the manifests from the
// newest back to that one.
func (t *Table) AsOf(ctx context.Context, at time.Time) (*Dataset, error) {
	m, err := t.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	if !m.Time().After(at) {
		return t.dataset(m)
	}
	for entry, err := range manifest.Versions(ctx, t.store) {
		if err != nil {
			return nil, fmt.Errorf("list versions: %w", err)
		}
		if entry.Version >= m.Version() {
			continue
		}
		old, err := manifest.Read(ctx, t.store, entry)
		if errors.Is(err, objstore.ErrNotExist) {
			continue // cleaned up meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("read version %d: %w", entry.Version, err)
		}
		if !old.Time().After(at) {
			return newDataset(t, old)
		}
	}
	return nil, fmt.Errorf("at %s: %w", at.Format(time.RFC3339Nano), ErrNoVersion)
}
