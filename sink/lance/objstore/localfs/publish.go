package localfs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// tempPrefix begins the names under which manifests are prepared. Other writers of
// Lance tables sweep such names once they are old.
const tempPrefix = ".tmp_"

// errNoPublish says that the file system can neither link nor rename without
// overwriting, so that no commit on it would be safe.
var errNoPublish = fmt.Errorf("file system has neither link(2) nor renameat2(2) with RENAME_NOREPLACE: %w", errors.ErrUnsupported)

// PutIfAbsent implements objstore.Store.
func (s *Store) PutIfAbsent(ctx context.Context, key string, data []byte, before func(context.Context) error) error {
	temp, err := s.prepare(ctx, key, data)
	if err != nil {
		return fmt.Errorf("put %s: %w: %w", key, objstore.ErrNotApplied, err)
	}
	if before != nil {
		err = before(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		// The last look before the publication: a table that was dropped and made
		// anew has another directory, and its writers do not see this one.
		err = s.unmoved()
	}
	if err != nil {
		return fmt.Errorf("put %s: %w: %w", key, objstore.ErrNotApplied, errors.Join(err, s.root.remove(temp)))
	}
	if err := s.publish(temp, key); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if err := s.root.syncDir(path.Dir(key)); err != nil {
		return fmt.Errorf("put %s: published, perhaps not durable: %w", key, err)
	}
	return nil
}

// Replace implements objstore.Replacer.
func (s *Store) Replace(ctx context.Context, key string, data []byte) error {
	temp, err := s.prepare(ctx, key, data)
	if err != nil {
		return fmt.Errorf("replace %s: %w", key, err)
	}
	if err = s.unmoved(); err == nil {
		err = s.root.rename(temp, key)
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", key, errors.Join(err, s.root.remove(temp)))
	}
	if err := s.root.syncDir(path.Dir(key)); err != nil {
		return fmt.Errorf("replace %s: done, perhaps not durable: %w", key, err)
	}
	return nil
}

// prepare writes data under a temporary name beside key, durably.
func (s *Store) prepare(ctx context.Context, key string, data []byte) (temp string, err error) {
	if err := check(ctx, key); err != nil {
		return "", err
	}
	dir := path.Dir(key)
	if err := s.ensureDir(dir); err != nil {
		return "", err
	}
	temp = path.Join(dir, tempName())
	f, err := s.root.create(temp)
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, s.root.remove(temp))
	}
	return temp, nil
}

// publish gives the file at temp the name key if that is free, and takes the
// temporary name away. A temporary name that cannot be removed stays: it does no
// harm, and what matters of the outcome is decided.
func (s *Store) publish(temp, key string) error {
	if mutant.On("rename-for-link") {
		return s.root.rename(temp, key)
	}
	err := s.root.link(temp, key)
	if linkUnsupported(err) {
		err = s.renameNoReplace(temp, key)
	}
	if err != nil && s.same(temp, key) {
		// The reply of a network file system was lost, and its repetition met the
		// link made by the first try.
		err = nil
	}
	_ = s.root.remove(temp)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist) && s.noObject(key):
		return fmt.Errorf("%w: %w: %w", objstore.ErrNotApplied, objstore.ErrNoObject, err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %w", objstore.ErrExist, err)
	case refused(err):
		return fmt.Errorf("%w: %w", objstore.ErrNotApplied, err)
	}
	return err
}

// same reports whether two names lead to one file.
func (s *Store) same(a, b string) bool {
	infoA, errA := s.root.Lstat(a)
	infoB, errB := s.root.Lstat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// noObject reports whether something has a key that is no regular file.
func (s *Store) noObject(key string) bool {
	info, err := s.root.Lstat(key)
	return err == nil && !info.Mode().IsRegular()
}

// refused reports whether err is one a file system gives before it changes
// anything, so that the name was certainly not made. Everything else, an I/O error
// above all, leaves it open.
func refused(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS)
}

// linkUnsupported reports whether link(2) does not exist here. Linux answers EPERM
// on file systems without hard links, such as FAT.
func linkUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM)
}

// Probe proves that the directory can be written and that a publication here has
// one winner, and leaves nothing behind. It returns an error that wraps
// errors.ErrUnsupported where the file system cannot publish safely.
func (s *Store) Probe(ctx context.Context) error {
	key := "_versions/" + tempName()
	if err := s.PutIfAbsent(ctx, key, []byte("probe"), nil); err != nil {
		return fmt.Errorf("probe %s: %w", s.dir, err)
	}
	second := s.PutIfAbsent(ctx, key, []byte("probe"), nil)
	if err := s.root.remove(key); err != nil {
		return fmt.Errorf("probe %s: %w", s.dir, err)
	}
	switch {
	case errors.Is(second, objstore.ErrExist):
		return nil
	case second == nil:
		return fmt.Errorf("probe %s: two puts of one name both won: %w", s.dir, errors.ErrUnsupported)
	}
	return fmt.Errorf("probe %s: second put of one name: %w", s.dir, second)
}

func tempName() string {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	return tempPrefix + hex.EncodeToString(random[:])
}
