package scenario

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// Nor are they in the log, the metrics and the probes of a worker that runs, loses its
// server, and dies; nor in the command that resumes pub.
func TestSecretsOfARunningWorkerAreNotShown(t *testing.T) {
	password := canary + "-right"
	node := natsenv.Start(t, func(o *server.Options) { o.Username, o.Password = "u", password })
	url := strings.Replace(node.URL(), "//", "//u:"+password+"@", 1)
	dir := t.TempDir()
	p := runner.Start(t, runner.Config{
		Path: runner.Build(t, runner.Bridge, "failpoint"),
		Args: []string{"run", "--server", url, "--storage", filepath.Join(dir, "data"), "--http", "127.0.0.1:0", "--log-level", "debug", "--topics", "t"},
	})
	p.Stderr().WaitFor(t, patience, `msg="topic running"`)
	addresses := listening(t, p.PID())
	if len(addresses) != 1 || !strings.HasPrefix(addresses[0], "127.0.0.1:") {
		t.Fatalf("the process listens on %v", addresses)
	}
	http := "http://" + addresses[0]
	clean(t, "metrics", p.WaitHTTP(patience, http+"/metrics", 200))
	clean(t, "probe", p.WaitHTTP(patience, http+"/readyz", 200))
	p.WaitHTTP(patience, http+"/debug/pprof/", 404)
	p.WaitHTTP(patience, http+"/debug/vars", 404)
	node.Stop()
	p.Stderr().WaitFor(t, patience, "connection to NATS lost")
	clean(t, "probe", p.WaitHTTP(patience, http+"/readyz", 503))

	pub := runner.Start(t, runner.Config{
		Path: runner.Build(t, runner.Bridge, "failpoint"), Args: []string{"pub", "t", filepath.Join(dir, "none"), "--server", url},
	})
	pub.Wait(patience)
	node.Restart()
	p.Stderr().WaitFor(t, patience, "connected to NATS again")
	lines := filepath.Join(dir, "lines")
	if err := os.WriteFile(lines, []byte("{}\n"+strings.Repeat("x", 2<<20)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	resume := runner.Start(t, runner.Config{
		Path: runner.Build(t, runner.Bridge, "failpoint"), Args: []string{"pub", "t", lines, "-s", url, "--server=" + url},
	})
	resume.Wait(patience)
	if !strings.Contains(resume.Stderr().String(), "resume with") {
		t.Errorf("pub did not stop midway:\n%s", resume.Stderr())
	}
	p.Signal(syscall.SIGQUIT) // prints the goroutines and dies
	p.Wait(patience)
	if !strings.Contains(p.Stderr().String(), "goroutine ") {
		t.Error("the process died without its goroutines")
	}
	clean(t, "worker", p.Stdout().String(), p.Stderr().String())
	clean(t, "pub", pub.Stdout().String()+pub.Stderr().String(), resume.Stdout().String()+resume.Stderr().String())
}

// listening returns the addresses on which a process of this Linux machine listens.
func listening(t *testing.T, pid int) []string {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("files of process %d: %v", pid, err)
	}
	own := map[string]bool{}
	for _, link := range links {
		target, err := os.Readlink(link)
		if inode, ok := strings.CutPrefix(target, "socket:["); err == nil && ok {
			own[strings.TrimSuffix(inode, "]")] = true
		}
	}
	var found []string
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open(fmt.Sprintf("/proc/%d/net/%s", pid, table))
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) > 9 && fields[3] == "0A" && own[fields[9]] { // LISTEN
				found = append(found, address(t, fields[1]))
			}
		}
		f.Close() //nolint:errcheck // it was read
	}
	return found
}

// address reads an address as the kernel writes it: words of the machine's byte order.
func address(t *testing.T, s string) string {
	t.Helper()
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, perr := strconv.ParseUint(port, 16, 16)
	if err != nil || perr != nil || len(raw)%4 != 0 {
		t.Fatalf("address %q", s)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	return net.JoinHostPort(net.IP(raw).String(), strconv.FormatUint(n, 10))
}
