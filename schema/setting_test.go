package schema_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// What is declared of columns that are there is set, taken back, or left alone.
func TestSettings(t *testing.T) {
	table := parsed(t, "n: int64", "s: struct<x: int8, l: list<struct<y: utf8>>>", "v: list<float>", "other: utf8 not null")
	fields := slices.Clone(table.Fields())
	fields[0].Metadata = arrow.NewMetadata(
		[]string{schema.KeyDefault, schema.KeyRequired, "lance-encoding:bss", "lance-encoding:compression", "mine"}, []string{"1", "true", "on", "zstd", "x"})
	fields[3].Metadata = arrow.NewMetadata([]string{schema.KeyDefault}, []string{`"stays"`})
	table = arrow.NewSchema(fields, nil)
	d := declared(t,
		schema.Column{Path: "n", Type: "int64", Default: "2", Settings: map[string]string{
			"lance-encoding:compression": "lz4", "lance-encoding:packed": "true", "lance-encoding:blob": "true", "lance-encoding:blob-inline-size-threshold": "1",
		}},
		schema.Column{Path: "s.l[].y", Type: "utf8 not null"}, schema.Column{Path: "v", Type: "fixed_size_list<float>[2]", Vector: "to_list"},
		schema.Column{Path: "late", Type: "int8", Default: "5"},
	)
	list, err := d.Settings(table)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{[n] map[lance-encoding:compression:lz4 pst.default:2] [pst.required]} {[s l item y] map[pst.required:true] []} {[v] map[pst.vector:to_list] []}]`
	if got := fmt.Sprint(list); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := declared(t, schema.Column{Path: "n", Type: "utf8"}).Settings(table); err == nil {
		t.Error("a contradiction gives settings")
	}
	var none *schema.Declaration
	if list, err := none.Settings(table); list != nil || err != nil {
		t.Errorf("got %v, %v", list, err)
	}
}
