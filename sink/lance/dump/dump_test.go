package dump_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/dump"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

func update() bool { return flag.Lookup("update").Value.String() == "true" }

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the golden dumps")
	flag.Parse()
	os.Exit(m.Run())
}

// fixtures are tables that the reference wrote, one per file version.
func fixtures(t *testing.T) []string {
	t.Helper()
	tables, err := filepath.Glob("testdata/*/*.lance")
	if err != nil || len(tables) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	return tables
}

func open(t *testing.T, dir string) *localfs.Store {
	t.Helper()
	s, err := localfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Every fixture is described as its golden dump says, measured.
func TestGolden(t *testing.T) {
	for _, dir := range fixtures(t) {
		table, err := dump.ReadTable(t.Context(), open(t, dir), dump.Options{Measure: true})
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		var got bytes.Buffer
		if err := table.Text(&got); err != nil {
			t.Fatal(err)
		}
		golden := strings.TrimSuffix(dir, ".lance") + ".txt"
		if update() {
			if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s is not as in %s (run with -update to rewrite):\n%s", dir, golden, got.String())
		}
	}
}

// The description as JSON has the same sums, and without measuring only the
// strings have no size.
func TestJSON(t *testing.T) {
	for _, dir := range fixtures(t) {
		table, err := dump.ReadTable(t.Context(), open(t, dir), dump.Options{Version: 1})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(table)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Fields []struct {
				Name        string
				StoredBytes uint64 `json:"stored_bytes"`
				ArrowBytes  uint64 `json:"arrow_bytes"`
			}
		}
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		for _, f := range back.Fields {
			if fixed := f.Name == "id" || f.Name == "score"; f.StoredBytes == 0 || fixed != (f.ArrowBytes > 0) {
				t.Errorf("%s: field %+v", dir, f)
			}
		}
	}
}

// An error names the object, the section and where.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"data/x.lance":                   bytes.Repeat([]byte("x"), 100),
		"_versions/1.manifest":           bytes.Repeat([]byte("x"), 100),
		"_versions/notaversion.txt":      []byte("x"),
		"_versions/" + "2" + ".manifest": nil,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir)
	var c *corrupt.Error
	if _, err := dump.ReadFile(t.Context(), s, "data/x.lance", dump.Options{}); !errors.As(err, &c) ||
		c.Key != "data/x.lance" || c.Section != "footer" || c.Offset != 60 {
		t.Errorf("file: %v", err)
	}
	for _, key := range []string{"_versions/1.manifest", "_versions/2.manifest"} {
		if _, err := dump.ReadManifest(t.Context(), s, key); !errors.As(err, &c) || c.Key != key || c.Section != "tail" {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := dump.ReadManifest(t.Context(), s, "_versions/notaversion.txt"); err == nil {
		t.Error("a name that is no version's")
	}
	if _, err := dump.ReadTable(t.Context(), s, dump.Options{Version: 9}); err == nil {
		t.Error("a version that is not there")
	}
}
