package deletion

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// BitmapFrom is the number of rows from which Write makes a bitmap. The reference
// has the same bound; either form is read at any size.
const BitmapFrom = 5000

// maxFile bounds what is read: no bitmap of 2^32 rows is larger, and an Arrow file
// of so many is refused.
const maxFile = 1 << 30

// Read returns the deleted rows of a fragment of the given physical rows, ascending.
// They are as many as f says, or the file is damaged: a *corrupt.Error that names
// it. A file below another base directory is a fields.ErrUnsupported.
func Read(ctx context.Context, store objstore.Store, fragment uint64, f *File, physical uint64) (rows []uint32, err error) {
	if f.External {
		return nil, fmt.Errorf("a deletion file below another base directory: %w", fields.ErrUnsupported)
	}
	key := f.Key(fragment)
	data, err := load(ctx, store, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	if rows, err = f.Kind.Decode(data, physical, f.Rows); err != nil {
		return nil, locate(err, key)
	}
	return rows, nil
}

// locate names the object in an error about its content.
func locate(err error, key string) error {
	if errors.Is(err, fields.ErrUnsupported) {
		return fmt.Errorf("%s: %w", key, err)
	}
	inner := corrupt.Error{Section: "deletion file", Offset: -1, Err: err}
	if c := (*corrupt.Error)(nil); errors.As(err, &c) {
		inner = *c
	}
	inner.Key = key
	return &inner
}

func load(ctx context.Context, store objstore.Store, key string) (data []byte, err error) {
	o, err := store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, o.Close()) }()
	if o.Size() > maxFile {
		return nil, fmt.Errorf("%d bytes are too many", o.Size())
	}
	data = make([]byte, o.Size())
	if n, err := o.ReadAt(data, 0); n < len(data) {
		return nil, errors.Join(err, io.ErrUnexpectedEOF)
	}
	return data, nil
}

// Write stores the deleted rows of a fragment, all of them, the ones deleted before
// included: ascending and at least one. It returns what the manifest has to say of
// the file, which is durable then and part of no version yet. readVersion is the
// version that the delete starts from.
func Write(ctx context.Context, store objstore.Store, fragment, readVersion uint64, rows []uint32) (*File, error) {
	if len(rows) == 0 {
		return nil, errors.New("write deletion file: no rows")
	}
	for i := 1; i < len(rows); i++ {
		if rows[i-1] >= rows[i] {
			return nil, fmt.Errorf("write deletion file: row %d behind row %d", rows[i], rows[i-1])
		}
	}
	f := &File{Kind: Array, ReadVersion: readVersion, ID: newID(), Rows: uint64(len(rows))}
	var data []byte
	var err error
	if len(rows) >= BitmapFrom {
		f.Kind, data = Bitmap, encodeRoaring(rows)
	} else {
		data, err = encodeArrow(rows)
	}
	if err == nil {
		err = save(ctx, store, f.Key(fragment), data)
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", f.Key(fragment), err)
	}
	return f, nil
}

func save(ctx context.Context, store objstore.Store, key string, data []byte) error {
	w, err := store.Create(ctx, key)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		return errors.Join(err, w.Abort())
	}
	if err := w.Finish(ctx); err != nil {
		return errors.Join(err, w.Abort())
	}
	return nil
}

// newID is random, so that no two deletes of one version and fragment meet.
func newID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
