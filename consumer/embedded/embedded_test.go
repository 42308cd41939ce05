package embedded_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/consumer/embedded"
)

// holdStore makes the test binary a process that holds the store it names.
const holdStore = "EMBEDDED_TEST_HOLD_STORE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdStore); dir != "" {
		if err := hold(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// hold runs a server until standard input ends.
func hold(dir string) error {
	s, err := embedded.Start(embedded.Config{StoreDir: dir})
	if err != nil {
		return err
	}
	if _, err := fmt.Println(s.ClientURL()); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return s.Shutdown()
}

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

func jetStream(t *testing.T, nc *nats.Conn) jetstream.JetStream {
	t.Helper()
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// What was stored is there after a shutdown and another start, over TCP and
// inside the process.
func TestRestartOnSameStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "store")
	s := start(t, embedded.Config{StoreDir: dir, Domain: "hub", SyncAlways: true, Log: slog.New(slog.DiscardHandler)})
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	js := jetStream(t, nc)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Shutdown(); err != nil {
			t.Fatal(err)
		}
	}
	s = start(t, embedded.Config{StoreDir: dir, Domain: "hub", NoListen: true, NoSublistCache: true})
	if s.ClientURL() != "" {
		t.Errorf("URL %q without a listener", s.ClientURL())
	}
	nc, err = nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := jetStream(t, nc).Stream(t.Context(), "S")
	if err != nil || stream.CachedInfo().State.Msgs != 1 || stream.CachedInfo().Domain != "hub" {
		t.Errorf("after another start: %v", err)
	}
}

// A second server on the store is told who holds it and where, from this process
// and from another; after the holder was killed the store is free.
func TestHeldStore(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdStore+"="+dir)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, err = embedded.Start(embedded.Config{StoreDir: dir})
	var held *embedded.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v", err)
	}
	if held.PID != cmd.Process.Pid || held.URL != strings.TrimSpace(line) || held.StoreDir != dir {
		t.Errorf("held by %+v, want process %d at %s", held, cmd.Process.Pid, line)
	}
	if text := err.Error(); strings.Contains(text, "\n") || !strings.Contains(text, held.URL) || !strings.Contains(text, strconv.Itoa(held.PID)) {
		t.Errorf("text %q", text)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatal(err)
	}
	s := start(t, embedded.Config{StoreDir: dir})
	if _, err = embedded.Start(embedded.Config{StoreDir: dir}); !errors.As(err, &held) || held.PID != os.Getpid() || held.URL != s.ClientURL() {
		t.Errorf("in one process: %v", err)
	}
}

// A damaged lock file does not hurt: only the lock counts.
func TestLockFileWithNonsense(t *testing.T) {
	dir := t.TempDir()
	text := bytes.Repeat([]byte("nonsense\x00"), 10_000)
	if err := os.WriteFile(filepath.Join(dir, "pst-bridge.lock"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, embedded.Config{StoreDir: dir})
	got, err := os.ReadFile(filepath.Join(dir, "pst-bridge.lock"))
	if err != nil || !strings.HasPrefix(string(got), strconv.Itoa(os.Getpid())+"\nnats://127.0.0.1:") || len(got) > 100 {
		t.Errorf("lock file %.200q, %v", got, err)
	}
}

// A start that cannot work fails at once, in one line, and leaves the store free.
func TestStartFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	blocked := t.TempDir() // JetStream's own folder is a file
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		cfg  embedded.Config
		says string
	}{
		"no store":     {embedded.Config{}, "no store"},
		"store a file": {embedded.Config{StoreDir: file}, file},
		"blocked":      {embedded.Config{StoreDir: blocked}, "not a directory"},
		"port taken":   {embedded.Config{StoreDir: dir, Port: l.Addr().(*net.TCPAddr).Port}, "--listen"},
		"bad host":     {embedded.Config{StoreDir: dir, Host: "256.0.0.1", Port: 4222}, "256.0.0.1"},
	} {
		s, err := embedded.Start(tc.cfg)
		if err == nil {
			t.Errorf("%s: started", name)
			_ = s.Shutdown()
			continue
		}
		if text := err.Error(); !strings.Contains(text, tc.says) || strings.Contains(text, "\n") {
			t.Errorf("%s: text %q does not say %q in one line", name, text, tc.says)
		}
	}
	start(t, embedded.Config{StoreDir: dir})
}

// The server's log reaches ours at debug.
func TestLog(t *testing.T) {
	var text bytes.Buffer
	s, err := embedded.Start(embedded.Config{
		StoreDir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "level=DEBUG") || strings.Contains(text.String(), "level=INFO") {
		t.Errorf("log:\n%s", text.String())
	}
}
