package schema_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

func parsed(t *testing.T, columns ...string) *arrow.Schema {
	t.Helper()
	var fields []arrow.Field
	for _, c := range columns {
		name, typ, _ := strings.Cut(c, ": ")
		f, err := schema.ParseColumn(name, typ)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, f)
	}
	return arrow.NewSchema(fields, nil)
}

func TestUnionAndChanges(t *testing.T) {
	table := parsed(t, "a: int32 not null", "s: struct<x: utf8, y: float>", "l: list<struct<p: int8>>", "gone: bool", "text: utf8", "v: large_list<date32>", "w: fixed_size_list<float>[2]")
	rec := parsed(t, "new: json", "s: struct<z: int8 not null, y: double>", "l: list<struct<p: int16, q: list<utf8>>>", "a: double", "text: int64", "v: large_list<timestamp[us, UTC]>", "w: list<double>")
	got := schema.Union(table, rec)
	want := "a: double not null; s: struct<x: utf8, y: double, z: int8>; l: list<struct<p: int16, q: list<utf8>>>; gone: bool; text: utf8; v: large_list<timestamp[us, UTC]>; w: list<double>; new: json"
	if shown(got.Fields()) != want {
		t.Errorf("got  %s\nwant %s", shown(got.Fields()), want)
	}
	var lines []string
	for _, c := range schema.Changes(table, got) {
		line := c.Path
		if c.Before != nil {
			line += " -" + schema.FormatType(*c.Before)
		}
		if c.After != nil {
			line += " +" + schema.FormatType(*c.After)
		}
		lines = append(lines, line)
	}
	if got, want := strings.Join(lines, "; "), "a -int32 +double; s.y -float +double; s.z +int8; l[].p -int8 +int16; l[].q +list<utf8>; v[] -date32 +timestamp[us, UTC]; w -fixed_size_list<float>[2] +list<double>; new +json"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if list := schema.Changes(got, table); len(list) != 8 || list[len(list)-1].Path != "new" || list[len(list)-1].After != nil {
		t.Errorf("backwards: %+v", list)
	}
	if list := schema.Changes(got, got); list != nil {
		t.Errorf("the same: %+v", list)
	}
	if list := schema.Changes(nil, table); len(list) != 7 || schema.Union(nil, table) != table {
		t.Errorf("of nothing: %+v", list)
	}
}
