// Package runner builds the real binaries once and runs them as tests need:
// with arguments and environment, its output captured, waiting for a log line
// or an HTTP answer instead of sleeping, ended by SIGTERM or SIGKILL, and with
// its exit code and peak memory known.
package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
)

// Bridge is the import path of the daemon.
const Bridge = "github.com/pst-bridge/pst-bridge/cmd/pst-bridge"

// builds holds one result for each package and tags. It is a global on purpose:
// "once per test process" is its meaning.
var builds sync.Map // string -> func() (string, error)

// Build compiles the main package pkg with the given build tags and returns the
// path of the binary. It compiles once per test process; the file is shared by
// test processes of one checkout and replaced whole. It may be called
// concurrently. Where the environment switches a deliberate bug on, it is built in.
func Build(t testing.TB, pkg string, tags ...string) string {
	t.Helper()
	if os.Getenv(mutant.Var) != "" {
		tags = append(slices.Clone(tags), "mutant")
	}
	key := pkg + " " + strings.Join(tags, ",")
	once, _ := builds.LoadOrStore(key, sync.OnceValues(func() (string, error) { return compile(pkg, tags) }))
	bin, err := once.(func() (string, error))()
	if err != nil {
		t.Fatalf("build %s: %v", key, err)
	}
	return bin
}

func compile(pkg string, tags []string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	root, err := run(wd, "go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return "", err
	}
	root, _, _ = strings.Cut(root, "\n")
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s", root, pkg, tags))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("pst-bridge-test-%d", os.Getuid()), hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	name := path.Base(pkg)
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	fresh := filepath.Join(dir, fmt.Sprintf("%d-%s", os.Getpid(), name))
	args := []string{"build", "-o", fresh}
	if len(tags) > 0 {
		args = append(args, "-tags", strings.Join(tags, ","))
	}
	if _, err := run(root, "go", append(args, pkg)...); err != nil {
		return "", err
	}
	bin := filepath.Join(dir, name)
	return bin, os.Rename(fresh, bin)
}

func run(dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
