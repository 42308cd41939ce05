package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

func writeSchema(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The example of the docs is one.
func TestSchemaExample(t *testing.T) {
	all, err := readSchemas("../../docs/schema-example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	orders := all["orders"]
	if orders == nil || orders.Undeclared != schema.KeepJSON || len(orders.Fields) != 7 || len(all) != 3 || !all["documents"].AutoVectors {
		t.Fatalf("got %+v", all)
	}
	price := orders.Fields[2]
	if text, _ := price.Metadata.GetValue(schema.KeyDefault); text != `"0.0000"` || price.Nullable || schema.FormatType(price) != "decimal128(18, 4)" {
		t.Errorf("price is %v", price)
	}
	if got := schema.FormatType(orders.Fields[4]); got != "list<struct<sku: utf8 not null, count: int32>>" {
		t.Errorf("lines are %s", got)
	}
}

// Both forms say the same.
func TestSchemaFileForms(t *testing.T) {
	for name, text := range map[string]string{
		"a.yaml": "topics:\n  t:\n    columns:\n      n: {type: int64, default: 9007199254740993}\n      s:\n        fields: {x: utf8, y: {type: json, default: {a: [1.50, \"\\u00e9\", ~, true]}}}\n",
		"a.json": "{\"topics\":{\"t\":{\"columns\":{\"n\":{\"type\":\"int64\",\"default\":9007199254740993},\n\"s\":{\"fields\":{\"x\":\"utf8\",\"y\":{\"type\":\"json\",\"default\":{\"a\":[1.50,\"\\u00e9\",null,true]}}}}}}}}",
	} {
		all, err := readSchemas(writeSchema(t, name, text))
		if err != nil {
			t.Fatal(err)
		}
		d := all["t"]
		n, _ := d.Fields[0].Metadata.GetValue(schema.KeyDefault)
		if n != "9007199254740993" || schema.FormatType(d.Fields[1]) != "struct<x: utf8, y: json>" {
			t.Errorf("%s: %v", name, d.Fields)
		}
		y := d.Fields[1].Type.(*arrow.StructType).Field(1)
		if text, _ := y.Metadata.GetValue(schema.KeyDefault); text != `{"a":[1.50,"é",null,true]}` {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestSchemaFileFaults(t *testing.T) {
	yaml := func(columns string) string { return "topics:\n  t:\n    columns:\n      " + columns + "\n" }
	for text, want := range map[string]string{
		"":                                             "it is empty",
		"[]":                                           ":1: the file: a map is needed",
		"tpoics: {}":                                   `:1: the file: the key "tpoics" is none of topics`,
		"topics: [a]":                                  `:1: the file: "topics" is a map`,
		"topics:\n  t:\n    colums: 1":                 `:3: topic t: the key "colums" is none of columns, undeclared`,
		"topics:\n  t: {undeclared: drop}":             ":2: topic t: undeclared is one of evolve, ignore, json, reject",
		"topics:\n  t: {vectors: yes}":                 ":2: topic t: vectors is one of auto, off",
		"topics:\n  t: {}\n  t: {}":                    `:3: the key "t" stands in line 2 already`,
		"topics:\n  t: &a {}\n  u: *a":                 ":3: aliases are not read",
		"topics: {}\n---\n{}":                          "more than one document",
		"topics:\n\t- x":                               "line 2: found character that cannot start",
		"topics:\n  t: {columns: [a]}":                 ":2: topic t: columns are a map",
		yaml("a: int"):                                 `:4: topic t: column a: type "int", column 1: there is no type "int": write int64`,
		yaml("a: 1"):                                   ":4: topic t, column a: a map is needed",
		yaml("a: {tpye: int8}"):                        `:4: topic t, column a: the key "tpye" is none of type`,
		yaml("a: {type: int8, nullable: 1}"):           "nullable is true or false",
		yaml("a: int8\n      a: int8"):                 `:5: the key "a" stands in line 4 already`,
		yaml("a: int8\n      a.b: int8"):               ":5: topic t: column a.b: a is no struct",
		yaml("a: {type: int8, default: 300}"):          ":4: topic t: the default of column a does not fit int8",
		yaml("a: {type: int8, default: 0x1F}"):         ":4: 0x1F is not written as in JSON",
		yaml("a: {type: double, default: .inf}"):       ":4: .inf is not written as in JSON",
		yaml("a: {nullable: false}"):                   "column a: it has no type",
		yaml("a: {type: int8, widen: yes}"):            "widen is one of float, exact",
		yaml("a: {type: map<utf8, int8>}"):             "",
		yaml("a: {type: int8, compression: gzip}"):     `metadata lance-encoding:compression is "gzip"`,
		yaml(`a: {type: int8, "lance-encoding:x": 1}`): "the setting lance-encoding:x is none of",
		yaml(`a: {type: int8, "lance-encoding:compression": zstd, compression: lz4}`): "is set twice",
		yaml("a: {type: \"map<utf8, int8>\"}"):                                        "has no maps",
		yaml(`a: "struct<v: list<fixed_size_list<utf8>[2]>>"`):                        "column a: column v: column item: a fixed_size_list holds values of one width",
		"topics:\n  a b:\n    columns:\n      a: int8\n":                              ":2: ",
		"topics:\n  a.>:\n    columns:\n      a: int8\n":                              "it is a wildcard",
		yaml("_nats_x: int8"):                                                         "are the bridge's own",
		yaml("a: int8\n    primary_key: [a]"):                                         "primary key: column a has to be declared not null",
		yaml("a: int8\n    primary_key: {a: 1}"):                                      "primary_key is the name of a column",
	} {
		path := writeSchema(t, "s.yaml", text)
		_, err := readSchemas(path)
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "s.yaml") {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"{\n\"topics\":\n{\"t\":{\"x\":1}}}": ":3: topic t: the key \"x\"",
		"{\"topics\":{}} {}":                 "more behind",
		"{\"topics\":{},\n\"topics\":{}}":    ":2: the key \"topics\" stands in line 1",
		"{\"topics\":":                       "s.json:1:",
	} {
		if _, err := readSchemas(writeSchema(t, "s.json", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestSchemaDirectory(t *testing.T) {
	path := writeSchema(t, "a.yaml", "topics: {a: {columns: {n: int8}}}")
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "b.json"), []byte(`{"topics":{"b":{"columns":{"n":"int8"}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := readSchemas(dir)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "c.yml"), []byte("topics: {a: {}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readSchemas(dir); err == nil || !strings.Contains(err.Error(), "topic a is declared in ") {
		t.Errorf("got %v", err)
	}
	if _, err := readSchemas(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no *.yaml") {
		t.Errorf("got %v", err)
	}
}

// A fault in the file is one in the command line, with file and line.
func TestRunRefusesSchemaFile(t *testing.T) {
	path := writeSchema(t, "s.yaml", "topics:\n  t: {columns: {a: int}}\n")
	for _, command := range []string{"run", "check", "status"} {
		checkOneLine(t, runCLI(t, "", command, "--schema", path), exitUsage, "s.yaml:2: topic t: column a")
	}
}
