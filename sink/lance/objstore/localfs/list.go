package localfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// List implements objstore.Store. A directory's names are read whole, but a file
// is looked at only when it is yielded, so that the first of many is cheap to find.
// Only regular files are objects. Objects made or removed meanwhile may be seen or
// missed.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	return func(yield func(objstore.Info, error) bool) {
		err := ctx.Err()
		if err == nil {
			err = s.unmoved()
		}
		if err == nil {
			dir := "."
			if at := strings.LastIndexByte(prefix, '/'); at >= 0 {
				dir = prefix[:at]
			}
			if !fs.ValidPath(dir) {
				return // no key looks like that
			}
			_, err = s.list(ctx, dir, prefix, yield)
		}
		if err != nil {
			yield(objstore.Info{}, fmt.Errorf("list %q: %w", prefix, err))
		}
	}
}

// list yields what lies below dir and begins with prefix. More is false once the
// consumer had enough.
func (s *Store) list(ctx context.Context, dir, prefix string, yield func(objstore.Info, error) bool) (more bool, err error) {
	names, err := s.names(dir)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		key := path.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			below := key + "/"
			if !strings.HasPrefix(below, prefix) && !strings.HasPrefix(prefix, below) {
				continue
			}
			if more, err := s.list(ctx, key, prefix, yield); !more || err != nil {
				return more, err
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		info, err := s.root.Lstat(key)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		if !yield(objstore.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// names returns the names in dir so ordered that keys come out ascending: that of a
// directory ends in a slash, for comparison too.
func (s *Store) names(dir string) ([]string, error) {
	d, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := d.Stat()
	if err != nil || !info.IsDir() {
		return nil, errors.Join(err, d.Close()) // below a file there is nothing
	}
	entries, err := d.ReadDir(-1)
	if err := errors.Join(err, d.Close()); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case e.IsDir():
			names = append(names, e.Name()+"/")
		case e.Type().IsRegular():
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
