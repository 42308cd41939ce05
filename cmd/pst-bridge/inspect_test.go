package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inspectTable is a table that the reference wrote.
const inspectTable = "../../sink/lance/dump/testdata/pylance-14.0.2/v2_1.lance"

// A table, a version and a data file are told apart and described.
func TestInspect(t *testing.T) {
	file, err := filepath.Glob(inspectTable + "/data/*.lance")
	if err != nil || len(file) != 1 {
		t.Fatal(file, err)
	}
	for path, want := range map[string][]string{
		inspectTable: {"version 1 of", "in all data files", "repetition index", "column 6: place.y"},
		inspectTable + "/_versions/18446744073709551614.manifest": {"transaction section", "fragment 0: 200 rows"},
		file[0]: {"data file of version 2.1", "footer, 2.1", "inline_bitpacking(uncompressed_bits_per_value=64)"},
	} {
		res := runCLI(t, "", "inspect", path)
		if res.code != 0 {
			t.Errorf("%s: exit code %d: %s", path, res.code, res.err)
		}
		for _, w := range want {
			if !strings.Contains(res.out, w) {
				t.Errorf("%s: no %q in\n%s", path, w, res.out)
			}
		}
		res = runCLI(t, "", "inspect", "--json", "--measure", path)
		if res.code != 0 || !json.Valid([]byte(res.out)) {
			t.Errorf("%s as JSON: exit code %d: %s\n%s", path, res.code, res.err, res.out)
		}
	}
}

// Errors say what is wrong where, on one line.
func TestInspectErrors(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.lance")
	if err := os.WriteFile(bad, make([]byte, 64), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		args []string
		want string
	}{
		{exitFailure, []string{bad}, "bad.lance: footer at byte 24"},
		{exitFailure, []string{filepath.Dir(bad)}, "it is no table"},
		{exitFailure, []string{bad + ".missing"}, "name a table's folder"},
		{exitFailure, []string{inspectTable, "--at", "7"}, "there is no version 7"},
		{exitUsage, []string{bad, "--at", "7"}, "only a table has versions"},
	} {
		checkOneLine(t, runCLI(t, "", append([]string{"inspect"}, c.args...)...), c.code, c.want)
	}
}
