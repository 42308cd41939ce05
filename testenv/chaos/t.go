//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// harness is the testing.TB of one run: the servers, processes and readers of testenv
// are made for tests. A fatal failure ends the run's goroutine with a panic of failure,
// which run turns into a verdict.
type harness struct {
	testing.TB // never called: it is there for what TB keeps to itself

	dir     string
	out     io.Writer
	ctx     context.Context //nolint:containedctx // TB hands one out
	mu      sync.Mutex
	failed  bool
	first   string
	cleanup []func()
	temps   int
}

// failure is what Fatal panics with.
type failure struct{ text string }

func (*harness) Helper()                    {}
func (*harness) Name() string               { return "chaos" }
func (h *harness) Context() context.Context { return h.ctx }

func (h *harness) Logf(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.out, format+"\n", args...)
}

func (h *harness) Failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

func (h *harness) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	h.mu.Lock()
	if !h.failed {
		h.failed, h.first = true, text
	}
	h.mu.Unlock()
	h.Logf("%s", text)
}

func (h *harness) Fatalf(format string, args ...any) {
	h.Errorf(format, args...)
	panic(failure{fmt.Sprintf(format, args...)})
}

func (h *harness) Fatal(args ...any) { h.Fatalf("%s", fmt.Sprint(args...)) }
func (h *harness) Error(args ...any) { h.Errorf("%s", fmt.Sprint(args...)) }
func (h *harness) Log(args ...any)   { h.Logf("%s", fmt.Sprint(args...)) }
func (h *harness) Skip(args ...any)  { h.Fatal(args...) }

func (h *harness) Skipf(format string, args ...any) { h.Fatalf(format, args...) }

func (h *harness) Cleanup(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cleanup = append(h.cleanup, f)
}

func (h *harness) TempDir() string {
	h.mu.Lock()
	h.temps++
	dir := filepath.Join(h.dir, fmt.Sprintf("tmp%d", h.temps))
	h.mu.Unlock()
	if err := os.MkdirAll(dir, 0o750); err != nil {
		h.Fatal(err)
	}
	return dir
}

// clean runs what Cleanup was given, last first.
func (h *harness) clean() {
	h.mu.Lock()
	all := slices.Clone(h.cleanup)
	h.cleanup = nil
	h.mu.Unlock()
	for _, f := range slices.Backward(all) {
		f()
	}
}
