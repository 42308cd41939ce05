package localfs

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/storetest"
)

func newStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestStore(t *testing.T) {
	storetest.Accept(t, func(t *testing.T) objstore.Store { return newStore(t, filepath.Join(t.TempDir(), "a", "t.lance")) })
}

func TestOpenWantsADirectory(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "nope")); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file passed for a directory")
	}
	if _, err := Create(filepath.Join(file, "t.lance")); err == nil {
		t.Error("a directory was made below a file")
	}
}

func TestReplacedDirectoryIsNoticed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t.lance")
	s := newStore(t, dir)
	if err := s.PutIfAbsent(t.Context(), "_versions/1", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	replace := func(context.Context) error {
		if err := os.Rename(dir, dir+".old"); err != nil {
			return err
		}
		return os.MkdirAll(filepath.Join(dir, "_versions"), 0o777)
	}
	err := s.PutIfAbsent(t.Context(), "_versions/2", []byte("y"), replace)
	if !errors.Is(err, objstore.ErrReplaced) || !errors.Is(err, objstore.ErrNotApplied) {
		t.Errorf("put after the table was replaced: %v", err)
	}
	for _, d := range []string{dir, dir + ".old"} {
		if _, err := os.Stat(filepath.Join(d, "_versions", "2")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s/_versions/2 was written: %v", d, err)
		}
	}
	for _, err := range s.List(t.Context(), "_versions/") {
		if !errors.Is(err, objstore.ErrReplaced) {
			t.Errorf("list after the table was replaced: %v", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.PutIfAbsent(t.Context(), "_versions/2", []byte("y"), nil); !errors.Is(err, objstore.ErrReplaced) {
		t.Errorf("put after the table was dropped: %v", err)
	}
}

func TestSymbolicLinksDoNotLeadOut(t *testing.T) {
	base := t.TempDir()
	outside := filepath.Join(base, "outside")
	if err := os.MkdirAll(outside, 0o777); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "t.lance")
	s := newStore(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), "data/secret"); err == nil {
		t.Error("read through a directory link")
	}
	if _, err := s.Open(t.Context(), "link"); err == nil {
		t.Error("read through a file link")
	}
	if _, err := s.Create(t.Context(), "data/x"); err == nil {
		t.Error("created through a directory link")
	}
	if err := s.PutIfAbsent(t.Context(), "data/x", nil, nil); !errors.Is(err, objstore.ErrNotApplied) {
		t.Errorf("put through a directory link: %v", err)
	}
	if _, err := os.Stat(filepath.Join(outside, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something was written outside")
	}
}

// What is no file is no object, and its name is never free.
func TestNoObjects(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t.lance")
	s := newStore(t, dir)
	if err := s.PutIfAbsent(t.Context(), "v/file", nil, nil); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, "v", name) }
	if err := errors.Join(os.Mkdir(at("folder"), 0o750), os.Symlink("file", at("link")), os.Symlink("nothing", at("dangling"))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"v/folder", "v/link", "v/dangling"} {
		err := s.PutIfAbsent(t.Context(), key, []byte("x"), nil)
		if !errors.Is(err, objstore.ErrNoObject) || !errors.Is(err, objstore.ErrNotApplied) || errors.Is(err, objstore.ErrExist) {
			t.Errorf("put %s: %v", key, err)
		}
		if _, err := s.Open(t.Context(), key); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("open %s: %v", key, err)
		}
	}
	for info, err := range s.List(t.Context(), "") {
		if err != nil || info.Key != "v/file" {
			t.Errorf("listed %s, %v", info.Key, err)
		}
	}
}

func TestProbeLeavesNothing(t *testing.T) {
	s := newStore(t, filepath.Join(t.TempDir(), "t.lance"))
	if err := s.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	for info := range s.List(t.Context(), "") {
		t.Errorf("left behind: %s", info.Key)
	}
}

// The fallback is tried directly: the file systems tests run on have hard links.
func TestRenameNoReplace(t *testing.T) {
	s := newStore(t, filepath.Join(t.TempDir(), "t.lance"))
	for _, key := range []string{"v/a", "v/b"} {
		if err := s.PutIfAbsent(t.Context(), key, []byte(key), nil); err != nil {
			t.Fatal(err)
		}
	}
	err := s.renameNoReplace("v/a", "v/b")
	if errors.Is(err, errors.ErrUnsupported) {
		return // said so, as it must where there is no such call
	}
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("onto a taken name: %v", err)
	}
	if err := s.renameNoReplace("v/a", "v/c"); err != nil {
		t.Errorf("onto a free name: %v", err)
	}
	if err := s.renameNoReplace("v/a", "v/d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a missing name: %v", err)
	}
}

// A link whose reply was lost is found to have been made, not taken for another's.
func TestLinkMadeBeforeIsOurs(t *testing.T) {
	s := newStore(t, filepath.Join(t.TempDir(), "t.lance"))
	temp, err := s.prepare(t.Context(), "v/1", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.root.Link(temp, "v/1"); err != nil {
		t.Fatal(err)
	}
	if err := s.publish(temp, "v/1"); err != nil {
		t.Errorf("got %v", err)
	}
}
