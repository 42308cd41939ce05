package lanceref

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// callLimit ends a request that a damaged table made hang.
const callLimit = 2 * time.Minute

// process is the one child of this test binary. It is package state because a
// test binary has no other place that all its tests reach.
var process shared //nolint:gochecknoglobals // one Python start per test binary, not per test

// shared counts the users of a child.
type shared struct {
	mu struct {
		sync.Mutex
		users int
		child *child
	}
}

// acquire adds a user. The child is started by the first one that needs it.
func (s *shared) acquire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.users++
}

// get returns the running child, and starts another where a request killed it.
func (s *shared) get() (*child, error) {
	path, err := python()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.child != nil && s.mu.child.alive() {
		return s.mu.child, nil
	}
	if s.mu.child != nil {
		err = s.mu.child.close()
		s.mu.child = nil
		if err != nil {
			return nil, err
		}
	}
	s.mu.child, err = spawn(path)
	return s.mu.child, err
}

// release removes a user; the last one ends the child.
func (s *shared) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.users--
	if s.mu.users > 0 || s.mu.child == nil {
		return nil
	}
	c := s.mu.child
	s.mu.child = nil
	return c.close()
}

// Reference is the reference implementation as one test sees it. It may be used
// by many goroutines; requests run one after the other.
type Reference struct {
	t     testing.TB
	child *child
	dir   string // Arrow files of this test
}

// Start returns the reference for the time of a test. Without a Python
// environment the test is skipped, or fails where CI=true is set.
func Start(t testing.TB) *Reference {
	t.Helper()
	process.acquire()
	t.Cleanup(func() {
		if err := process.release(); err != nil {
			t.Errorf("end the reference: %v", err)
		}
	})
	c, err := process.get()
	switch {
	case errors.Is(err, errNoPython) && os.Getenv("CI") != "true":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return &Reference{t: t, child: c, dir: t.TempDir()}
}

// Main is what Shared wraps: *testing.M, or a wrapper of it.
type Main interface{ Run() int }

type sharedMain struct{ tests Main }

// Shared keeps one child alive from the first test that starts it to the end of
// the run: os.Exit(lanceref.Shared(m).Run()), or goleak.VerifyTestMain(lanceref.Shared(m)).
func Shared(m Main) Main { return sharedMain{m} }

// Run runs the tests; a child that does not end well fails them.
func (s sharedMain) Run() int {
	process.acquire()
	code := s.tests.Run()
	if err := process.release(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "end the reference:", err)
		return 1
	}
	return code
}

// call passes a request on with the deadline of the test.
func (r *Reference) call(op string, args map[string]any, result any) error {
	deadline := time.Now().Add(callLimit)
	if d, ok := r.t.(interface{ Deadline() (time.Time, bool) }); ok {
		if limit, set := d.Deadline(); set && limit.Before(deadline) {
			deadline = limit
		}
	}
	return r.child.call(op, args, deadline, result)
}

// Versions tells which pylance and pyarrow answer, as "pylance 14.0.2, pyarrow 26.0.1".
func (r *Reference) Versions() (string, error) {
	var v struct{ Pylance, Pyarrow string }
	if err := r.call("ping", map[string]any{}, &v); err != nil {
		return "", err
	}
	return "pylance " + v.Pylance + ", pyarrow " + v.Pyarrow, nil
}

// Eval runs Python code that finds its input in args and leaves its output in
// result; lance, pa, np, load and save (Arrow files) are in scope. Both travel as
// JSON; the result is decoded into into, which may be nil. For one-off checks.
func (r *Reference) Eval(code string, args, into any) error {
	return r.call("evaluate", map[string]any{"code": code, "args": args}, into)
}
