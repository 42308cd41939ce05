package localfs

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames within one directory, and fails where the new name is
// taken.
func (s *Store) renameNoReplace(from, to string) error {
	dir, err := s.root.Open(path.Dir(from))
	if err != nil {
		return err
	}
	fd := int(dir.Fd())
	err = unix.Renameat2(fd, path.Base(from), fd, path.Base(to), unix.RENAME_NOREPLACE)
	_ = dir.Close() // opened for reading: nothing to lose
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errNoPublish
	}
	if err != nil {
		return &fs.PathError{Op: "renameat2", Path: to, Err: fmt.Errorf("from %s: %w", from, err)}
	}
	return s.root.tell(Step{Kind: Renamed, Name: from, To: to}, nil)
}
