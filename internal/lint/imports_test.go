package lint

import (
	"strings"
	"testing"
)

// rule says which of our packages the packages under a path may import. The
// first rule whose path matches a package decides.
type rule struct {
	path string   // a package; with /... also everything below it
	ours []string // same form
}

// rules is the import table of the house.
func rules() []rule {
	const l = "sink/lance"
	open := []string{l + "/corrupt", l + "/fields", l + "/internal/..."} // to all below sink/lance
	below := func(more ...string) []string { return append(more, open...) }
	return []rule{
		{l + "/internal/...", nil},
		{l + "/corrupt", nil},
		{l + "/fields", open},
		{l + "/objstore/...", below(l + "/objstore/...")},
		{l + "/encoding/block", open},
		{l + "/encoding/compress", below(l + "/encoding/block")},
		{l + "/encoding/repdef", below(l + "/encoding/block")},
		{l + "/encoding/layout", below(l+"/encoding/block", l+"/encoding/compress", l+"/encoding/repdef")},
		{l + "/encoding", below(l + "/encoding/...")},
		{l + "/file/v20", below(l + "/encoding/...")},
		{l + "/file", below(l+"/encoding/...", l+"/file/v20", l+"/objstore")},
		{l + "/deletion", below(l+"/encoding/compress", l+"/objstore")},
		{l + "/manifest", below(l+"/deletion", l+"/objstore")},
		{l + "/commit", below(l+"/manifest", l+"/objstore")},
		{l + "/...", []string{l + "/..."}}, // a library by itself: nothing of ours outside it,
		{"sink/ledger", []string{"internal/mutant"}},
		{"internal/escape", nil},
		{"internal/mutant", nil},
		{"sink", []string{"internal/escape", "internal/mutant", "schema/...", "sink/ledger", l, l + "/corrupt", l + "/fields", l + "/file", l + "/objstore/..."}},
		{"schema/...", []string{"internal/escape", "schema/..."}},
		{"consumer/embedded", nil},
		{"consumer", []string{"internal/escape", "internal/mutant"}},
		{"bridge", []string{"consumer", "internal/mutant", "schema/...", "sink"}},
		{"client", []string{"consumer", "schema/...", "sink/..."}},
		{"cmd/pst-bridge", []string{"bridge", "client", "consumer/...", "schema/...", "sink/..."}},
		{"internal/lint", nil},
		{"testenv/...", []string{"..."}},
	}
}

// restricted are modules of others, and the packages of ours that may import them.
func restricted() []rule {
	return []rule{
		{"github.com/nats-io/nats-server/...", []string{"consumer/embedded", "testenv/..."}},
		{"github.com/nats-io/...", []string{"consumer/...", "client", "cmd/pst-bridge", "testenv/..."}},
		{"github.com/synadia-io/...", []string{"consumer", "cmd/pst-bridge"}},
		{"github.com/prometheus/...", []string{"cmd/pst-bridge", "testenv/..."}},
		{"github.com/alecthomas/kong", []string{"cmd/pst-bridge"}},
		{"go.yaml.in/yaml/...", []string{"cmd/pst-bridge"}},
		{"github.com/vbauerster/mpb/...", []string{"cmd/pst-bridge"}},
		{"google.golang.org/protobuf/...", []string{"sink/lance/..."}},
		{"github.com/apache/arrow/go/v17/...", []string{"sink", "sink/lance/...", "schema/...", "bridge", "client", "cmd/pst-bridge", "testenv/..."}},
		{"github.com/apache/arrow/...", nil}, // one version of Arrow: the one above
	}
}

// matches reports whether path is pattern, or below it where pattern ends in /... .
func matches(pattern, path string) bool {
	if pattern == "..." {
		return true
	}
	base, tree := strings.CutSuffix(pattern, "/...")
	return path == base || tree && strings.HasPrefix(path, base+"/")
}

func matchesAny(patterns []string, path string) bool {
	for _, p := range patterns {
		if matches(p, path) {
			return true
		}
	}
	return false
}

func TestImportTable(t *testing.T) {
	table, others := rules(), restricted()
	for _, tags := range []string{"", "failpoint", "mutant"} {
		for _, p := range list(t, "-tags="+tags, "./...") {
			path, _ := rel(p.ImportPath)
			ours := -1
			for i, r := range table {
				if matches(r.path, path) {
					ours = i
					break
				}
			}
			if ours < 0 {
				t.Errorf("%s has no row in the import table: add one to rules()", path)
				continue
			}
			for _, imp := range p.Imports {
				if dep, ok := rel(imp); ok {
					if !matchesAny(table[ours].ours, dep) {
						t.Errorf("%s imports %s: its row %q allows %v", path, dep, table[ours].path, table[ours].ours)
					}
					continue
				}
				for _, r := range others {
					if !matches(r.path, imp) {
						continue
					}
					if !matchesAny(r.ours, path) {
						t.Errorf("%s imports %s: only %v may", path, imp, r.ours)
					}
					break
				}
			}
		}
	}
}

// TestBinaryHoldsNoTestCode asserts that nothing that only tests need is linked
// into the program.
func TestBinaryHoldsNoTestCode(t *testing.T) {
	banned := []string{"testing", "go.uber.org/goleak/...", "pgregory.net/rapid/...", "github.com/stretchr/testify/...", module + "/testenv/..."}
	deps := list(t, "-deps", "./cmd/pst-bridge")
	if len(deps) < 100 {
		t.Fatalf("go list found only %d packages in the binary", len(deps))
	}
	for _, p := range deps {
		if matchesAny(banned, p.ImportPath) {
			t.Errorf("the binary contains %s", p.ImportPath)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"a/b", "a/b", true},
		{"a/b", "a/b/c", false},
		{"a/...", "a", true},
		{"a/...", "a/b/c", true},
		{"a/...", "ab", false},
		{"...", "anything", true},
	} {
		if got := matches(c.pattern, c.path); got != c.want {
			t.Errorf("matches(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}
