package mutants

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
)

// bug is a deliberate one, the package below the module whose tests catch it, and which
// of them, "" for any.
type bug struct{ name, tier, test string }

const (
	schedule  = "testenv/schedule"
	powerLoss = "testenv/powerloss"
	scenario  = "testenv/scenario" // real processes and servers
)

// bugs are all there are. Those of the publication itself are caught by a store's contract.
func bugs() []bug {
	return []bug{
		{"ack-before-commit", schedule, ""},
		{"ignore-ledger", schedule, ""},
		{"blind-rebase", schedule, ""},
		{"unknown-is-failure", schedule, ""},
		{"delete-on-unknown", schedule, ""},
		{"no-directory-fsync", powerLoss, ""},
		{"rename-for-link", "sink/lance/objstore/localfs", ""},
		{"no-read-back", schedule, ""},
		{"no-time-check", schedule, ""},
		{"max-deliver-3", schedule, ""},
		{"floor-after-restore", schedule, ""},
		{"no-sync-of-others", powerLoss, ""},
		{"columns-by-id", schedule, ""},
		{"max-ts-of-max-seq", schedule, ""},
		{"dead-letter-before-ledger", schedule, ""},
		{"dead-letter-before-ledger", scenario, "TestNoDeadLetterBeforeItsCommit"},
		{"no-dedup-in-batch", schedule, ""},
		{"rewrite-forgets-appends", schedule, ""},
	}
}

// patience is how long a tier may take to catch a bug.
const patience = 2 * time.Minute

// TestDeliberateBugsAreCaught takes two of them, others each day; PST_MUTANTS=all takes
// all, a name that one.
func TestDeliberateBugsAreCaught(t *testing.T) {
	all := bugs()
	day := int(time.Now().Unix() / (24 * 60 * 60))
	picked := []bug{all[2*day%len(all)], all[(2*day+1)%len(all)]}
	if want := os.Getenv("PST_MUTANTS"); want == "all" {
		picked = all
	} else if want != "" {
		picked = nil
		for _, b := range all {
			if b.name == want {
				picked = append(picked, b)
			}
		}
	}
	if len(picked) == 0 {
		t.Fatal("there is no such bug")
	}
	tests := map[string]string{}
	for _, b := range picked {
		if tests[b.tier] == "" {
			tests[b.tier] = build(t, b.tier)
		}
		caught(t, b, tests[b.tier])
	}
}

func module(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// build builds the test of a tier with the bugs in it.
func build(t *testing.T, tier string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(tier)+".test")
	cmd := exec.CommandContext(t.Context(), "go", "test", "-c", "-tags", "mutant", "-o", out, "./"+tier)
	cmd.Dir = module(t)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", tier, err, text)
	}
	return out
}

// caught runs a tier with a bug switched on. Only a failed test counts: no panic, no
// end by the clock.
func caught(t *testing.T, b bug, test string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, test, "-test.failfast", "-test.run", b.test)
	cmd.Dir = filepath.Join(module(t), b.tier)
	cmd.Env = append(os.Environ(), mutant.Var+"="+b.name)
	begun := time.Now()
	text, err := cmd.CombinedOutput()
	took := time.Since(begun).Round(10 * time.Millisecond)
	var exit *exec.ExitError
	switch {
	case err == nil:
		t.Errorf("%s: %s found nothing in %v", b.name, b.tier, took)
	case ctx.Err() != nil || !errors.As(err, &exit) || exit.ExitCode() != 1 || !bytes.Contains(text, []byte("--- FAIL")):
		t.Errorf("%s: %s did not end as a test that fails: %v\n%s", b.name, b.tier, err, text)
	default:
		t.Logf("%s: caught by %s in %v\n%s", b.name, b.tier, took, text[:min(len(text), 500)])
	}
}
