package embedded

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockOffset lies behind the text, which other processes must be able to read
// while the lock is held.
const lockOffset = 1 << 20

// tryLock takes an exclusive lock that ends with the file's handle, so also when
// the process is killed.
func tryLock(f *os.File) (held bool, err error) {
	at := windows.Overlapped{Offset: lockOffset}
	err = windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return true, nil
	}
	return false, err
}
