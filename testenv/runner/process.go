package runner

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lookEvery is the pause between two looks at the process's memory.
const lookEvery = 50 * time.Millisecond

// Config says how to run a binary.
type Config struct {
	Path string   // from Build
	Args []string // without the program name
	Env  []string // KEY=value, added to this process's environment
	Dir  string   // working directory; empty: this process's
}

// Exit is how a process ended.
type Exit struct {
	Code    int            // exit code; -1 if a signal ended it
	Signal  syscall.Signal // the signal that ended it, or 0
	PeakRSS int64          // bytes, looked at every 50 ms and before each signal; 0 where the system does not tell
	Ran     time.Duration
}

// Process is a running or ended process. Its methods are safe for concurrent
// use.
type Process struct {
	t       testing.TB
	cmd     *exec.Cmd
	started time.Time
	stdout  *Output
	stderr  *Output
	done    chan struct{} // closed when exit is set
	exit    Exit
	peak    atomic.Int64 // bytes, as of the last look
	kill    sync.Once
}

// Start runs a binary. If it still runs at the end of the test it is killed; the
// output of a failed test is logged.
func Start(t testing.TB, cfg Config) *Process {
	t.Helper()
	cmd := exec.Command(cfg.Path, cfg.Args...)
	cmd.Dir = cfg.Dir
	cmd.Env = append(os.Environ(), cfg.Env...)
	p := &Process{t: t, cmd: cmd, stdout: newOutput(), stderr: newOutput(), done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	cmd.WaitDelay = 5 * time.Second // a grandchild may keep the pipes open
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", cfg.Path, err)
	}
	p.started = time.Now()
	go p.watchMemory()
	go p.await()
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s %s\nstdout:\n%s\nstderr:\n%s", cfg.Path, strings.Join(cfg.Args, " "),
				p.stdout.tail(), p.stderr.tail())
		}
	})
	return p
}

// look notes the peak memory so far. It fails only when the process is ending.
func (p *Process) look() {
	if rss, err := p.PeakRSS(); err == nil {
		for old := p.peak.Load(); rss > old && !p.peak.CompareAndSwap(old, rss); old = p.peak.Load() {
		}
	}
}

// watchMemory looks until the process has ended.
func (p *Process) watchMemory() {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		p.look()
		select {
		case <-tick.C:
		case <-p.done:
			return
		}
	}
}

func (p *Process) await() {
	err := p.cmd.Wait()
	p.exit = Exit{Code: -1, Ran: time.Since(p.started), PeakRSS: p.peak.Load()}
	if state := p.cmd.ProcessState; state != nil {
		p.exit.Code = state.ExitCode()
		if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			p.exit.Signal = ws.Signal()
		}
	}
	var ee *exec.ExitError
	if err != nil && !errors.As(err, &ee) {
		fmt.Fprintf(p.stderr, "runner: wait: %v\n", err)
	}
	p.stdout.close()
	p.stderr.close()
	close(p.done)
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Stdout is what the process has written to standard output so far.
func (p *Process) Stdout() *Output { return p.stdout }

// Stderr is what the process has written to standard error so far.
func (p *Process) Stderr() *Output { return p.stderr }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal. A process that has ended already is no failure.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	p.look()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v to process %d: %v", sig, p.PID(), err)
	}
}

// Terminate sends SIGTERM and does not wait.
func (p *Process) Terminate() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
}

// Kill sends SIGKILL and waits for the end.
func (p *Process) Kill() Exit {
	p.kill.Do(func() {
		p.look()
		// It fails only if the process has ended.
		_ = p.cmd.Process.Kill()
	})
	<-p.done
	return p.exit
}

// Wait waits for the end. It fails the test, and kills the process, if that
// takes longer than timeout.
func (p *Process) Wait(timeout time.Duration) Exit {
	p.t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return p.exit
	case <-timer.C:
		p.Kill()
		p.t.Fatalf("process %d did not end within %v", p.PID(), timeout)
		return p.exit
	}
}
