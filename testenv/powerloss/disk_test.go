package powerloss

import (
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// node is a file or directory: as programs see it, and as far as it is durable.
type node struct {
	dir bool

	data   []byte
	synced int // bytes

	now     map[string]*node
	durable map[string]*node
}

func newDir() *node { return &node{dir: true, now: map[string]*node{}, durable: map[string]*node{}} }

// at returns the node of a path; "." is n itself.
func (n *node) at(name string) *node {
	if name == "." {
		return n
	}
	parent := n.at(path.Dir(name))
	if parent == nil {
		return nil
	}
	return parent.now[path.Base(name)]
}

// do applies a step that went well.
func (n *node) do(t *testing.T, s localfs.Step) {
	dir, base := n.at(path.Dir(s.Name)), path.Base(s.Name)
	f := n.at(s.Name)
	if dir == nil || f == nil && s.Kind != localfs.MadeFile && s.Kind != localfs.MadeDir {
		t.Fatalf("step %d of %s, which is not there", s.Kind, s.Name)
	}
	switch s.Kind {
	case localfs.MadeFile:
		dir.now[base] = &node{}
	case localfs.MadeDir:
		dir.now[base] = newDir()
	case localfs.Wrote:
		f.data = append(f.data, s.Data...)
	case localfs.SyncedFile:
		f.synced = len(f.data)
	case localfs.SyncedDir:
		f.durable = maps.Clone(f.now)
	case localfs.Linked, localfs.Renamed:
		n.at(path.Dir(s.To)).now[path.Base(s.To)] = f
		if s.Kind == localfs.Renamed {
			delete(dir.now, base)
		}
	case localfs.Removed:
		delete(dir.now, base)
	}
}

// crash writes what is left after a loss of power to a directory. Of what was not
// durable, each byte range and each name is kept or not by a throw of percent.
func (n *node) crash(t *testing.T, to string, rng *rand.Rand, percent int) {
	kept := func() bool { return rng.IntN(100) < percent }
	if err := os.MkdirAll(to, 0o777); err != nil {
		t.Fatal(err)
	}
	names := maps.Clone(n.durable)
	for _, name := range slices.Sorted(maps.Keys(n.now)) {
		if n.durable[name] != n.now[name] && kept() {
			names[name] = n.now[name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.durable)) {
		if n.now[name] == nil && kept() {
			delete(names, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		child := names[name]
		if child.dir {
			child.crash(t, filepath.Join(to, name), rng, percent)
			continue
		}
		size := child.synced
		if kept() {
			size = len(child.data)
		} else if percent > 0 && size < len(child.data) {
			size += rng.IntN(len(child.data) - size)
		}
		if err := os.WriteFile(filepath.Join(to, name), child.data[:size], 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
