package natsenv

import (
	"bufio"
	"io"
	"os/exec"
	"strconv"
	"testing"

	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// Process is one server in a process of its own, which a test can kill.
type Process struct {
	t     testing.TB
	path  string
	port  int
	store string
	args  []string
	cmd   *exec.Cmd
	stdin io.Closer
}

// StartProcess builds natsd once per test process and runs it on a free port
// with an empty store. args go to natsd.
func StartProcess(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{
		t: t, port: freePort(t), store: t.TempDir(), args: args,
		path: runner.Build(t, "github.com/pst-bridge/pst-bridge/testenv/natsenv/natsd"),
	}
	t.Cleanup(p.Kill)
	p.Restart()
	return p
}

// URL returns the client URL; it stays the same over restarts.
func (p *Process) URL() string { return "nats://127.0.0.1:" + strconv.Itoa(p.port) }

// StoreDir returns the store folder.
func (p *Process) StoreDir() string { return p.store }

// Kill ends the server with SIGKILL and waits. A dead server is left alone.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	// Both may fail only because the process has ended, which is what is wanted;
	// Wait reports the kill itself as an error.
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

// Stop shuts the server down gracefully and waits.
func (p *Process) Stop() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	if err := p.stdin.Close(); err != nil {
		p.t.Fatalf("stop natsd: %v", err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("stop natsd: %v", err)
	}
	p.cmd = nil
}

// Restart starts the server on the same store and port, killing it first if it
// runs, and waits until it takes clients.
func (p *Process) Restart() {
	p.t.Helper()
	p.Kill()
	args := append([]string{"-port", strconv.Itoa(p.port), "-store", p.store}, p.args...)
	cmd := exec.Command(p.path, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatalf("start natsd: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatalf("start natsd: %v", err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start natsd: %v", err)
	}
	p.cmd, p.stdin = cmd, stdin
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		p.t.Fatalf("start natsd: it said %q: %v", line, err)
	}
}
