package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// evolvedTable makes topic t's table with four versions: one column, rows, more columns,
// and one column in a wider type.
func evolvedTable(t *testing.T) (storage string) {
	t.Helper()
	storage = t.TempDir()
	store, err := localfs.Create(filepath.Join(storage, "t.lance"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	n, err := schema.ParseColumn("n", "int32")
	if err != nil {
		t.Fatal(err)
	}
	n.Metadata = arrow.NewMetadata([]string{schema.KeyDefault}, []string{"7"})
	s := arrow.NewSchema([]arrow.Field{n}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	b.Field(0).(*array.Int32Builder).AppendValues([]int32{1, 2}, nil)
	rec := b.NewRecord()
	defer rec.Release()
	rows := func(yield func(arrow.Record, error) bool) { yield(rec, nil) }
	if _, err := lance.Create(t.Context(), store, s, rows, lance.Options{LibraryVersion: "test"}); err != nil {
		t.Fatal(err)
	}
	table := lance.Open(store, lance.Options{LibraryVersion: "test"})
	if _, err := table.Append(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	nested, err := schema.ParseColumn("s", "struct<x: utf8, l: list<struct<y: int8>>>")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.AddColumns(t.Context(), arrow.NewSchema([]arrow.Field{nested}, nil)); err != nil {
		t.Fatal(err)
	}
	if d, err := table.ChangeType(t.Context(), "n", arrow.PrimitiveTypes.Int64); err != nil || d.Version() != 4 {
		t.Fatal(d, err)
	}
	return storage
}

func TestSchemaShow(t *testing.T) {
	storage := evolvedTable(t)
	res := runCLI(t, "", "schema", "show", "t", "--storage", storage)
	for _, want := range []string{
		"t: version 4 of ", "COLUMN", "n        int64 ", " default 7", "s.l[].y  int8 ", "struct<x: utf8, l: list<struct<y: int8>>>",
		"Fields that were only null",
	} {
		if res.code != 0 || !strings.Contains(res.out, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", res.code, want, res.out, res.err)
		}
	}
	file := writeSchema(t, "s.yaml", "topics: {t: {columns: {late: {type: json, default: {a: 1}}, n: {type: int64, default: 8}}}}")
	res = runCLI(t, "", "schema", "show", "t", "--storage", storage, "--json", "--schema", file)
	var out shownSchema
	if err := json.Unmarshal([]byte(res.out), &out); err != nil || res.code != 0 {
		t.Fatal(res, err)
	}
	since := map[string]uint64{}
	for _, c := range out.Columns {
		since[c.Path] = c.Since
	}
	if since["n"] != 4 || since["s"] != 3 || since["s.l[].y"] != 3 || out.Oldest != 1 {
		t.Errorf("since %v", since)
	}
	if len(out.Declared) != 2 || out.Declared[0].Path != "n" || string(out.Declared[0].Default) != "8" || out.Declared[1].Type != "json" {
		t.Errorf("declared %+v", out.Declared)
	}
	res = runCLI(t, "", "schema", "show", "t", "--storage", storage, "--at", "1", "--json")
	if err := json.Unmarshal([]byte(res.out), &out); err != nil || len(out.Columns) != 1 || out.Columns[0].Type != "int32" || out.Columns[0].Since != 1 {
		t.Errorf("version 1: %+v, %v", out, err)
	}
	checkOneLine(t, runCLI(t, "", "schema", "show", "other", "--storage", storage), exitFailure, "topic other has no table", "name its directory")
	checkOneLine(t, runCLI(t, "", "schema", "show", "t", "--storage", storage, "--at", "9"), exitFailure, "version 9")
	wrong := writeSchema(t, "s.yaml", "topics: {t: {columns: {n: utf8}}}")
	checkOneLine(t, runCLI(t, "", "schema", "show", "t", "--storage", storage, "--schema", wrong), exitFailure, "column n: the table holds int64, and utf8 is declared")
}

func TestSchemaHistory(t *testing.T) {
	storage := evolvedTable(t)
	res := runCLI(t, "", "schema", "history", "t", "--storage", storage)
	for _, want := range []string{
		"version 1, ", " by pst-bridge test\n  + n int32 (default 7)\n",
		"version 3, ", "  + s struct<x: utf8, l: list<struct<y: int8>>>\n",
		"version 4, ", "  ~ n from int32 (default 7) to int64 (default 7)\n",
	} {
		if res.code != 0 || !strings.Contains(res.out, want) {
			t.Errorf("exit code %d, no %q in\n%s%s", res.code, want, res.out, res.err)
		}
	}
	if strings.Contains(res.out, "version 2") {
		t.Errorf("rows alone change no column:\n%s", res.out)
	}
	res = runCLI(t, "", "schema", "history", "t", "--storage", storage, "--json")
	lines := strings.Split(strings.TrimSpace(res.out), "\n")
	var v changedVersion
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &v); err != nil || len(lines) != 3 || v.Version != 4 || v.Changes[0].Before.Type != "int32" {
		t.Errorf("%v: %s", err, res.out)
	}
}

func TestSchemaInfer(t *testing.T) {
	const messages = `{"a":1,"s":{"x":[]},"n":null}
{"a":9223372036854775808,"s":{"y":1.5},"late":[{"p":"x"}]}

{"a":-1}
not json
`
	res := runCLI(t, messages, "schema", "infer", "-")
	const want = `4 messages, 2 rows in 1 batches, 2 refused
+ a uint64
+ s struct<y: double>
+ late list<struct<p: utf8>>
? n has no value but null, [] or {}: no column yet
? s.x has no value but null, [] or {}: no column yet
refused  1  from line 4  type: field a: integer out of range does not fit uint64
refused  1  from line 5  parse: not a JSON object at byte 0
`
	if res.code != 0 || res.out != want {
		t.Errorf("exit code %d: %s\n%s", res.code, res.err, res.out)
	}
	file := writeSchema(t, "s.yaml", "topics: {t: {undeclared: reject, columns: {a: \"decimal128(20, 0)\"}}}")
	res = runCLI(t, messages, "schema", "infer", "--schema", file, "--topic", "t", "--json", "-")
	var plan schemaPlan
	if err := json.Unmarshal([]byte(res.out), &plan); err != nil || plan.Refused != 3 || len(plan.Changes) != 1 || plan.Changes[0].After.Type != "decimal128(20, 0)" {
		t.Errorf("%v: %s%s", err, res.out, res.err)
	}
}

func TestSchemaPlan(t *testing.T) {
	storage := evolvedTable(t)
	file := filepath.Join(t.TempDir(), "m.ndjson")
	good := `{"n":5,"s":{"x":"a","l":[{"y":1,"z":true}]},"more":{"deep":1}}` + "\n" + `{"n":1.5}` + "\n"
	if err := os.WriteFile(file, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	before := runCLI(t, "", "schema", "show", "t", "--storage", storage, "--json")
	res := runCLI(t, "", "schema", "plan", "t", file, "--storage", storage)
	const want = `2 messages, 2 rows in 1 batches, 0 refused
~ n from int64 (default 7) to double (default 7)
+ s.l[].z bool
+ more struct<deep: int64>
`
	if res.code != 0 || res.out != want {
		t.Errorf("exit code %d: %s\n%s", res.code, res.err, res.out)
	}
	if err := os.WriteFile(file, []byte(good+`{"s":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	res = runCLI(t, "", "schema", "plan", "t", file, "--storage", storage, "--json")
	var plan schemaPlan
	if err := json.Unmarshal([]byte(res.out), &plan); err != nil || res.code != exitFailure || plan.Refused != 1 || plan.Reasons[0].Line != 3 {
		t.Errorf("exit code %d, %v: %s", res.code, err, res.out)
	}
	if !strings.Contains(res.err, "1 of 3 messages would become dead letters") {
		t.Errorf("stderr %q", res.err)
	}
	if after := runCLI(t, "", "schema", "show", "t", "--storage", storage, "--json"); after.out != before.out {
		t.Error("the plan changed the table")
	}
	// Of a topic without a table everything is new.
	if res := runCLI(t, `{"a":1}`, "schema", "plan", "new", "-", "--storage", storage); res.code != 0 || !strings.Contains(res.out, "+ a int64") {
		t.Errorf("exit code %d: %s%s", res.code, res.out, res.err)
	}
	wrong := writeSchema(t, "s.yaml", "topics: {t: {columns: {n: utf8}}}")
	checkOneLine(t, runCLI(t, good, "schema", "plan", "t", "-", "--storage", storage, "--schema", wrong), exitFailure, "utf8 is declared", "a topic in this state stops")
}

func TestSchemaValidate(t *testing.T) {
	res := runCLI(t, "", "schema", "validate", "../../docs/schema-example.yaml")
	if res.code != 0 || !strings.Contains(res.out, "orders: 7 columns, other fields: json\n") {
		t.Errorf("exit code %d: %s%s", res.code, res.out, res.err)
	}
	res = runCLI(t, "", "schema", "validate", "--json", "../../docs/schema-example.yaml")
	if res.code != 0 || !strings.Contains(res.out, `"path":"price","type":"decimal128(18, 4)","nullable":false,"default":"0.0000"`) {
		t.Errorf("exit code %d: %s%s", res.code, res.out, res.err)
	}
	checkOneLine(t, runCLI(t, "", "schema", "validate", writeSchema(t, "s.yaml", "topics: {t: {columns: {a: int}}}")), exitFailure, "s.yaml:1: topic t: column a")
}
