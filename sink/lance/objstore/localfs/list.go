package localfs

import (
	"container/heap"
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
			_, err = (&lister{store: s, prefix: prefix, yield: yield}).list(ctx, dir)
		}
		if err != nil {
			yield(objstore.Info{}, fmt.Errorf("list %q: %w", prefix, err))
		}
	}
}

// lister walks the directories of one listing.
type lister struct {
	store  *Store
	prefix string
	yield  func(objstore.Info, error) bool
}

// list yields what lies below dir, and returns false once the consumer had enough.
//
// Keys ascend, and the keys below a directory "a" come after the key "a.x", since a
// dot sorts before the slash; so a directory met waits until the names that sort
// before its keys are through. What a name is only lstat tells: names come without
// their types from an os.Root, which would look at every one of them.
func (l *lister) list(ctx context.Context, dir string) (more bool, err error) {
	names, err := l.store.names(dir)
	if err != nil {
		return false, err
	}
	heap.Init(&names)
	var waiting []string // directories, each with a slash; ascending
	for len(names) > 0 {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		name, _ := heap.Pop(&names).(string)
		key := path.Join(dir, name)
		if waiting, more, err = l.listBefore(ctx, waiting, key); !more || err != nil {
			return more, err
		}
		if !strings.HasPrefix(key, l.prefix) && !strings.HasPrefix(l.prefix, key+"/") {
			continue
		}
		info, err := l.store.root.Lstat(key)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return false, err
		case info.IsDir():
			waiting = append(waiting, key+"/")
			slices.Sort(waiting)
		case info.Mode().IsRegular() && strings.HasPrefix(key, l.prefix):
			if !l.yield(objstore.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}, nil) {
				return false, nil
			}
		}
	}
	_, more, err = l.listBefore(ctx, waiting, afterAll)
	return more, err
}

// afterAll sorts after every key: it is no UTF-8, and no key begins with it.
const afterAll = "\xff\xff"

// listBefore lists the waiting directories whose keys sort before key, and returns
// the others.
func (l *lister) listBefore(ctx context.Context, waiting []string, key string) (rest []string, more bool, err error) {
	for len(waiting) > 0 && waiting[0] < key {
		if more, err := l.list(ctx, path.Clean(waiting[0])); !more || err != nil {
			return nil, more, err
		}
		waiting = waiting[1:]
	}
	return waiting, true, nil
}

// names are those in a directory that are still to be listed, as a heap: the newest
// of a hundred thousand versions is found without sorting them.
type names []string

// Len implements heap.Interface.
func (n names) Len() int { return len(n) }

// Less implements heap.Interface.
func (n names) Less(i, j int) bool { return n[i] < n[j] }

// Swap implements heap.Interface.
func (n names) Swap(i, j int) { n[i], n[j] = n[j], n[i] }

// Push implements heap.Interface.
func (n *names) Push(x any) {
	if name, ok := x.(string); ok {
		*n = append(*n, name)
	}
}

// Pop implements heap.Interface.
func (n *names) Pop() any {
	last := len(*n) - 1
	name := (*n)[last]
	*n = (*n)[:last]
	return name
}

// names returns the names in dir in no order. Below a file, or a name that is not
// there, is nothing.
func (s *Store) names(dir string) (names, error) {
	d, err := s.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := d.Stat()
	if err != nil || !info.IsDir() {
		return nil, errors.Join(err, d.Close())
	}
	list, err := d.Readdirnames(-1)
	return list, errors.Join(err, d.Close())
}
