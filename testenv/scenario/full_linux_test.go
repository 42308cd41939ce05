package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

const unlimited = int64(1) << 40

// disk is where a worker's storage gets short of room.
type disk struct {
	path    string
	failure string // what the system says
	some    int64  // room for a part of what there is to write
	little  int64  // room for a transaction file, and not for the version after it
	// squeeze leaves room for so many bytes.
	squeeze func(p *runner.Process, room int64)
}

// A file system that is really full, whatever is written then: the commit is tried
// again, no version names a file that is not whole, and when there is room everything
// arrives once. Where the system lets nobody mount, a limit of the size of files, which
// cuts writes short as well, is all that is shown.
func TestFileSystemIsFull(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T) disk{"file system": mounted, "file size": limited} {
		t.Run(name, func(t *testing.T) {
			d := prepare(t)
			r := newRig(t)
			r.storage = filepath.Join(d.path, "data")
			r.durable("t", ackWait)
			p := r.worker(string(bridge.MomentStaged)+"=stop@2", small...)
			acked := r.publish("t", "p", 500)
			r.awaitRows("t", 500)
			failures := func() int { return strings.Count(p.Stderr().String(), d.failure) }

			// Rows are on disk, and there is no room for the version that names them.
			acked = append(acked, r.publishFrom("t", "p", len(acked), 500)...)
			p.Stderr().WaitFor(t, patience, "failpoint staged")
			d.squeeze(p, d.little)
			wake(t, p, "the storage is full for a version", func() bool { return failures() > 0 })
			d.squeeze(p, unlimited)
			r.awaitRows("t", uint64(len(acked)))

			for _, room := range []int64{0, d.some} {
				d.squeeze(p, room)
				acked = append(acked, r.publishFrom("t", "p", len(acked), 3000)...)
				before := failures()
				eventually(t, "the storage is full for a while", func() bool { return failures() > before })
			}
			if err := r.table("t").Validate(); err != nil {
				t.Errorf("on a full disk: %v", err)
			}
			d.squeeze(p, unlimited)
			r.awaitRows("t", uint64(len(acked)))
			r.awaitAcked("pst-bridge-t")
			p.Terminate()
			if exit := p.Wait(patience); exit.Code != 0 {
				t.Errorf("the worker ended with %+v\n%s", exit, p.Stderr())
			}
			r.exact("t", map[string][]natsenv.Acked{"p": acked})
			noLeftovers(t, r)
		})
	}
}

// limited is a disk on which no file of the worker's may grow beyond the room.
func limited(t *testing.T) disk {
	return disk{t.TempDir(), "file too large", 16 << 10, 1 << 10, func(p *runner.Process, room int64) {
		t.Helper()
		limit := unix.Rlimit{Cur: uint64(room), Max: unix.RLIM_INFINITY} //nolint:gosec // not negative
		if err := unix.Prlimit(p.PID(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			t.Fatalf("limit the size of files: %v", err)
		}
	}}
}

// mounted is a file system of 4 MiB. A process in a mount namespace of its own holds
// it, which needs no privilege where user namespaces are allowed; others reach it by
// that process's root.
func mounted(t *testing.T) disk {
	t.Helper()
	const size = 4 << 20
	dir := t.TempDir()
	holder := exec.Command("sh", "-c", fmt.Sprintf("mount -t tmpfs -o size=%d tmpfs '%s' && echo ready && cat", size, dir))
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	var complaint bytes.Buffer
	holder.Stderr = &complaint
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = holder.Start(); err == nil {
		if n, e := stdout.Read(make([]byte, len("ready\n"))); n == 0 {
			err = errors.Join(e, holder.Wait())
		}
	}
	if err != nil {
		t.Skipf("nothing can be mounted here without privileges (user namespaces are not allowed?): %v %s; the limit of file sizes is tested all the same", err, complaint.String())
	}
	t.Cleanup(func() {
		_ = stdin.Close() // cat ends
		_ = holder.Wait()
	})
	path := fmt.Sprintf("/proc/%d/root%s", holder.Process.Pid, dir)
	ballast := filepath.Join(path, "ballast")
	return disk{path, "no space left on device", 96 << 10, 4 << 10, func(_ *runner.Process, room int64) {
		t.Helper()
		if err := os.RemoveAll(ballast); err != nil || room == unlimited {
			return
		}
		file, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // a write says what is wrong
		var free unix.Statfs_t
		if err := unix.Statfs(path, &free); err != nil {
			t.Fatal(err)
		}
		left := int64(free.Bavail)*free.Bsize - room //nolint:gosec // a few megabytes
		if _, err := file.Write(make([]byte, max(left, 0))); err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}}
}

// noLeftovers requires that no half-written file is left beside the table's.
func noLeftovers(t *testing.T, r *rig) {
	t.Helper()
	hidden, err := filepath.Glob(filepath.Join(r.storage, "*", "*", ".tmp*"))
	if err != nil || len(hidden) > 0 {
		t.Errorf("left over: %v, %v", hidden, err)
	}
	files, err := filepath.Glob(filepath.Join(r.storage, "t.lance", "data", "*"))
	if err != nil {
		t.Fatal(err)
	}
	fragments, err := r.table("t").Fragments()
	if err != nil || len(fragments) != len(files) {
		t.Errorf("%d files for %d fragments, %v", len(files), len(fragments), err)
	}
}
