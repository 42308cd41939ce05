package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lockName is the file in the store folder that a running server holds locked.
// Its first line is the process id, its second the client URL. The lock is the
// truth; the text is for people, and is stale after a crash.
const lockName = "pst-bridge.lock"

// maxLockBytes bounds what is read of a lock file.
const maxLockBytes = 4096

// HeldError says that another process runs a server on the same store folder.
type HeldError struct {
	StoreDir string
	PID      int    // 0 if the holder has not written it yet
	URL      string // where the holder takes clients; empty if it does not listen, or not yet
}

func (e *HeldError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	next := "stop it first"
	if e.URL != "" {
		next = "connect to it with --server " + e.URL
	}
	return fmt.Sprintf("JetStream store %s is held by the embedded server of %s; %s", e.StoreDir, holder, next)
}

// lockFile is a held lock.
type lockFile struct{ f *os.File }

// acquire locks the store folder, or returns *HeldError.
func acquire(dir string) (*lockFile, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	held, err := tryLock(f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	if held {
		e := readHolder(f)
		e.StoreDir = dir
		return nil, errors.Join(e, f.Close())
	}
	return &lockFile{f}, nil
}

func readHolder(f *os.File) *HeldError {
	text, err := io.ReadAll(io.LimitReader(f, maxLockBytes))
	if err != nil {
		return &HeldError{}
	}
	pid, url, _ := strings.Cut(string(text), "\n")
	e := &HeldError{URL: strings.TrimSpace(url)}
	if n, err := strconv.Atoi(strings.TrimSpace(pid)); err == nil {
		e.PID = n
	}
	return e
}

// describe writes who holds the lock.
func (l *lockFile) describe(url string) error {
	if err := l.f.Truncate(0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	if _, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"+url+"\n"), 0); err != nil {
		return fmt.Errorf("write lock: %w", err)
	}
	return nil
}

// release unlocks. The file stays: removing it would let two processes lock two
// files of the same name.
func (l *lockFile) release() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("release lock: %w", err)
	}
	return nil
}
