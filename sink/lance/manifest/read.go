package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// maxSize bounds what is read as one manifest. A message cannot be longer.
const maxSize = 1<<31 - 1

// Read reads the version that a listing showed.
func Read(ctx context.Context, store objstore.Store, e Entry) (*Manifest, error) {
	data, info, err := ReadBytes(ctx, store, e.Key)
	if err != nil {
		return nil, err
	}
	if e.ModTime.IsZero() {
		e.Info = info
	}
	return Decode(e, data)
}

// ReadVersion reads a version by its number, under either naming scheme. The error
// wraps objstore.ErrNotExist if there is no such version.
func ReadVersion(ctx context.Context, store objstore.Store, version uint64) (*Manifest, error) {
	var missing error
	for _, scheme := range []Scheme{V2, V1} {
		e := Entry{Version: version, Scheme: scheme}
		e.Key = scheme.Key(version)
		m, err := Read(ctx, store, e)
		if !errors.Is(err, objstore.ErrNotExist) {
			return m, err
		}
		missing = errors.Join(missing, err)
	}
	return nil, missing
}

// dated is an object that knows when it was written.
type dated interface{ ModTime() time.Time }

// ReadBytes reads an object whole, and what the store knows of it. ModTime is zero
// where the store's objects do not tell.
func ReadBytes(ctx context.Context, store objstore.Store, key string) (data []byte, info objstore.Info, err error) {
	o, err := store.Open(ctx, key)
	if err != nil {
		return nil, info, fmt.Errorf("read %s: %w", key, err)
	}
	defer func() {
		if closeErr := o.Close(); err == nil && closeErr != nil {
			err = fmt.Errorf("read %s: %w", key, closeErr)
		}
	}()
	info = infoOf(key, o)
	if info.Size > maxSize {
		return nil, info, corrupt.Errorf(key, "object", -1, "%d bytes are too many", info.Size)
	}
	data = make([]byte, info.Size)
	if n, err := o.ReadAt(data, 0); n < len(data) {
		return nil, info, fmt.Errorf("read %s: %d of %d bytes: %w", key, n, len(data), errors.Join(err, io.ErrUnexpectedEOF))
	}
	return data, info, nil
}

// Stat returns what the store knows of an object without reading it.
func Stat(ctx context.Context, store objstore.Store, key string) (objstore.Info, error) {
	o, err := store.Open(ctx, key)
	if err != nil {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	info := infoOf(key, o)
	if err := o.Close(); err != nil {
		return objstore.Info{}, fmt.Errorf("stat %s: %w", key, err)
	}
	return info, nil
}

func infoOf(key string, o objstore.Object) objstore.Info {
	info := objstore.Info{Key: key, Size: o.Size()}
	if d, ok := o.(dated); ok {
		info.ModTime = d.ModTime()
	}
	return info
}
