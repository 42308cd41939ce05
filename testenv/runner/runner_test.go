package runner_test

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

const puppet = "github.com/pst-bridge/pst-bridge/testenv/runner/testdata/puppet"

const timeout = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The binary is built once for each set of tags, and the tags reach it.
func TestBuild(t *testing.T) {
	plain := runner.Build(t, puppet)
	if again := runner.Build(t, puppet); again != plain {
		t.Errorf("built twice: %s and %s", plain, again)
	}
	tagged := runner.Build(t, puppet, "failpoint")
	for path, want := range map[string]string{plain: "variant plain", tagged: "variant failpoint"} {
		p := runner.Start(t, runner.Config{Path: path, Args: []string{"exit"}})
		p.Stdout().WaitFor(t, timeout, want+"\n")
		if exit := p.Wait(timeout); exit.Code != 7 || exit.Signal != 0 {
			t.Errorf("%s ended with %+v, want code 7", path, exit)
		}
	}
}

// A server is awaited by its log and by HTTP, told to end, and its memory known.
func TestServe(t *testing.T) {
	p := runner.Start(t, runner.Config{
		Path: runner.Build(t, puppet), Args: []string{"serve"}, Env: []string{"PUPPET_SAYS=hello"},
	})
	addr := p.Stderr().WaitFor(t, timeout, `listening on (\S+)`)[1]
	if body := p.WaitHTTP(timeout, "http://"+addr, 200); body != "hello" {
		t.Errorf("body %q, want hello", body)
	}
	if runtime.GOOS == "linux" {
		rss, err := p.PeakRSS()
		if err != nil || rss < 64<<20 {
			t.Errorf("peak memory is %d (%v), want at least 64 MiB", rss, err)
		}
	}
	p.Terminate()
	exit := p.Wait(timeout)
	if exit.Code != 0 || exit.Signal != 0 {
		t.Errorf("ended with %+v, want code 0", exit)
	}
	if runtime.GOOS == "linux" && exit.PeakRSS < 64<<20 {
		t.Errorf("peak memory after the end is %d, want at least 64 MiB", exit.PeakRSS)
	}
	if lines := p.Stderr().Lines(); lines[len(lines)-1] != "terminated 1" {
		t.Errorf("last line %q", lines[len(lines)-1])
	}
}

// SIGKILL ends at once and is told apart from an exit code.
func TestKill(t *testing.T) {
	p := runner.Start(t, runner.Config{Path: runner.Build(t, puppet), Args: []string{"serve"}})
	p.Stderr().WaitFor(t, timeout, "listening")
	if exit := p.Kill(); exit.Signal != syscall.SIGKILL || exit.Code != -1 {
		t.Errorf("ended with %+v, want SIGKILL", exit)
	}
	if again := p.Kill(); again.Signal != syscall.SIGKILL {
		t.Errorf("second kill: %+v", again)
	}
}
