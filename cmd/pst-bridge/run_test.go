package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer/embedded"
)

func TestRunUnwritableStorage(t *testing.T) {
	file := writeFile(t, "not-a-directory", "")
	checkOneLine(t, runCLI(t, "", "run", "--http=", "--storage", filepath.Join(file, "sub")), exitFailure, "storage", "--storage")
}

func TestRunUnreachableServer(t *testing.T) {
	r := runCLI(t, "", "run", "--http=", "--storage", t.TempDir(), "--server", "nats://127.0.0.1:1")
	checkOneLine(t, r, exitFailure, "127.0.0.1:1", "--embedded")
}

func TestRunEmbeddedOnAHeldStoreNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	holder, err := embedded.Start(embedded.Config{StoreDir: filepath.Join(dir, ".nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := holder.Shutdown(); err != nil {
			t.Error(err)
		}
	}()
	r := runCLI(t, "", "run", "--embedded", "--http=", "--storage", dir, "--listen", "127.0.0.1:0")
	checkOneLine(t, r, exitFailure, "held by", "--server "+holder.ClientURL())
}

// TestCheckEmbedded looks at the embedded server where it runs, and at the storage also
// where it does not.
func TestCheckEmbedded(t *testing.T) {
	dir := t.TempDir()
	expect := func(listen string, parts ...string) {
		t.Helper()
		r := runCLI(t, "", "check", "--embedded", "--listen", listen, "--storage", dir)
		for _, part := range append(parts, "embedded server syncs its store every 1s", "of 8 puts of one name 1 wins") {
			if !strings.Contains(r.out, part) {
				t.Errorf("%q is not in\n%s", part, r.out)
			}
		}
		if r.code != 0 {
			t.Errorf("exit code %d\n%s", r.code, r.err)
		}
	}
	expect("127.0.0.1:0", "it starts with the bridge")
	server, _ := startNATS(t)
	expect(strings.TrimPrefix(server.ClientURL(), "nats://"), "stream PERSISTING", "it is made when the bridge starts")
}

// TestRunDrainsWhenStandardInputEnds runs the whole command on an embedded server.
func TestRunDrainsWhenStandardInputEnds(t *testing.T) {
	dir := t.TempDir()
	in, hold := io.Pipe()
	var logs bytes.Buffer
	done := make(chan int, 1)
	started := newSignal("msg=running", &logs)
	go func() {
		std := &streams{in: in, out: io.Discard, err: started}
		done <- execute(t.Context(), []string{
			"run", "--embedded", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0",
			"--storage", dir, "--with-stdin", "--compression", "snappy",
		}, std)
	}()
	started.wait(t)
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 0 {
		t.Errorf("exit %d\n%s", code, logs.String())
	}
	if !strings.Contains(logs.String(), "S2") || !strings.Contains(logs.String(), "draining") {
		t.Errorf("log:\n%s", logs.String())
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".pst-probe-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestRunOncePutsEveryLineIntoTheTable is pub, run --once, and a look at the table.
func TestRunOncePutsEveryLineIntoTheTable(t *testing.T) {
	server, _ := startNATS(t)
	dir := t.TempDir()
	var lines strings.Builder
	for id := range int64(500) {
		rec := makeRecord(id)
		lines.Write(append(rec.json(nil), '\n'))
	}
	if r := runCLI(t, lines.String(), "pub", "demo", "--batch-lines", "7", "--server", server.ClientURL()); r.code != 0 {
		t.Fatalf("pub: exit %d, %s", r.code, r.err)
	}
	r := runCLI(t, "", "run", "--once", "--http=", "--storage", dir, "--server", server.ClientURL(), "--log-format", "json")
	if r.code != 0 || r.out != "" {
		t.Fatalf("run --once: exit %d, stdout %q, stderr %s", r.code, r.out, r.err)
	}
	for line := range strings.Lines(r.err) {
		if !json.Valid([]byte(line)) {
			t.Errorf("log line is not JSON: %s", line)
		}
	}
	rows, err := tableRows(t.Context(), filepath.Join(dir, "demo.lance"))
	if err != nil || rows != 500 {
		t.Errorf("table has %d rows (%v), want 500", rows, err)
	}
}

func TestInterruptsDrainThenCancel(t *testing.T) {
	ctx, drain, stop := interrupts(t.Context(), nil, time.Hour)
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-drain
	if ctx.Err() != nil {
		t.Fatal("the first signal cancels")
	}
	if err := self.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, errSecondSignal) {
		t.Errorf("cause %v", err)
	}
}

func TestInterruptsTimeOut(t *testing.T) {
	ctx, drain, stop := interrupts(t.Context(), nil, time.Millisecond)
	defer stop()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if err := self.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-drain
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, errShutdownTimeout) {
		t.Errorf("cause %v", err)
	}
}

// waitFor is a writer that tells when a text has been written. The text is written
// in one piece by slog.
type waitFor struct {
	text string
	to   io.Writer
	seen chan struct{}
}

func newSignal(text string, to io.Writer) *waitFor {
	return &waitFor{text, to, make(chan struct{})}
}

func (w *waitFor) Write(p []byte) (int, error) {
	select {
	case <-w.seen:
	default:
		if bytes.Contains(p, []byte(w.text)) {
			defer close(w.seen)
		}
	}
	return w.to.Write(p)
}

func (w *waitFor) wait(t *testing.T) {
	t.Helper()
	select {
	case <-w.seen:
	case <-time.After(30 * time.Second):
		t.Fatalf("%q was not logged", w.text)
	}
}
