package schema

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

func of(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }

func null(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func TestDiff(t *testing.T) {
	i64, f64, s := arrow.PrimitiveTypes.Int64, arrow.PrimitiveTypes.Float64, arrow.BinaryTypes.String
	base := of(
		null("a", i64),
		null("o", arrow.StructOf(null("x", i64), null("y", s))),
		null("l", arrow.ListOf(arrow.StructOf(null("x", i64)))),
		null("v", arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)),
		null("b", arrow.LargeListOf(i64)),
	)
	for _, tc := range []struct {
		name     string
		table    *arrow.Schema
		rec      *arrow.Schema
		added    bool
		conflict string
	}{
		{"no table", nil, base, true, ""},
		{"no table, no columns", nil, of(), false, ""},
		{"the same", base, base, false, ""},
		{"fewer, in another order", base, of(base.Field(2), base.Field(0)), false, ""},
		{"new column", base, of(null("z", i64)), true, ""},
		{"new in a struct", base, of(null("o", arrow.StructOf(null("z", s), null("x", i64)))), true, ""},
		{"new in the items of a list", base, of(null("l", arrow.ListOf(arrow.StructOf(null("z", s))))), true, ""},
		{"type", base, of(null("z", i64), null("a", f64)), false, "column a: the table holds int64, the record float64"},
		{"type in a struct", base, of(null("o", arrow.StructOf(null("y", i64)))), false, "column o.y: the table holds utf8, the record int64"},
		{"type in a list", base, of(null("l", arrow.ListOf(arrow.StructOf(null("x", s))))), false, "column l[].x: the table holds int64, the record utf8"},
		{"struct against list", base, of(null("o", arrow.ListOf(i64))), false, "column o: the table holds struct<x: int64, y: utf8>, the record list<item: int64, nullable>"},
		{"length of a vector", base, of(null("v", arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32))), false, "column v: the table holds fixed_size_list<item: float32, nullable>[2]"},
		{"items of a vector", base, of(null("v", arrow.FixedSizeListOf(2, f64))), false, "column v[]: the table holds float32, the record float64"},
		{"items of a large list", base, of(null("b", arrow.LargeListOf(s))), false, "column b[]: the table holds int64, the record utf8"},
		{"nulls", of(arrow.Field{Name: "a", Type: i64}), of(null("a", i64)), false, "column a: the table's int64 is not nullable"},
		{"no nulls here", of(null("a", i64)), of(arrow.Field{Name: "a", Type: i64}), false, ""},
		{"needed column", of(null("a", i64), arrow.Field{Name: "need ed", Type: s}), of(null("a", i64)), false, `column "need ed": the table needs a value of utf8`},
		{"needed field", of(null("o", arrow.StructOf(arrow.Field{Name: "x", Type: s}))), of(null("o", arrow.StructOf(null("y", i64)))), false, "column o.x: the table needs"},
		{"unit of time", of(null("t", &arrow.TimestampType{Unit: arrow.Second})), of(null("t", &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"})), false, "column t: the table holds timestamp[s], the record timestamp[us, tz=UTC]"},
		{"case of names", base, of(null("A", s)), true, ""},
	} {
		added, err := Diff(tc.table, tc.rec)
		if added != tc.added || (err == nil) != (tc.conflict == "") || err != nil && !strings.Contains(err.Error(), tc.conflict) {
			t.Errorf("%s: got %t, %v, want %t, %q", tc.name, added, err, tc.added, tc.conflict)
		}
	}
}

func TestIsVector(t *testing.T) {
	for name, want := range map[string]bool{
		"vector": true, "embedding": true, "text_vector": true, "my_embedding": true, "_vector": true,
		"vectors": false, "Vector": false, "subvector": false, "embedding_of": false, "": false,
	} {
		if got := IsVector(name); got != want {
			t.Errorf("%q: got %t", name, got)
		}
	}
}

func TestMetaField(t *testing.T) {
	for name, want := range map[string]string{
		Seq: "uint64", Time: "timestamp[us, tz=UTC]", Subject: "utf8", Headers: "utf8", "_nats_x": "", "seq": "",
	} {
		f, ok := MetaField(name)
		if ok != (want != "") || ok && (f.Name != name || f.Type.String() != want || f.Nullable != (name == Headers)) {
			t.Errorf("%s: got %v, %t", name, f, ok)
		}
	}
}

func TestQuote(t *testing.T) {
	for name, want := range map[string]string{
		"plain_1-x": "plain_1-x", "": `""`, "a.b": `"a.b"`, "a[]": `"a[]"`, "a b": `"a b"`, "\x00\xff": `"\x00\xff"`, "é": `"\u00e9"`,
		strings.Repeat("n", 65): strings.Repeat("n", 64) + "...",
	} {
		if got := Quote(name); got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}
