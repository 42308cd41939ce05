package schema_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// TestTypeNames has names as people write them, and as they are printed.
func TestTypeNames(t *testing.T) {
	for in, want := range map[string]string{
		"int64": "", "uint8": "", "null": "", "bool": "", "boolean": "bool",
		"float": "", "float32": "float", "float64": "double", "half": "halffloat",
		"string": "utf8", "large_string": "large_utf8", "binary": "", "large_binary": "",
		"json": "", "json not null": "json", "list<json>": "", "struct<a: json>": "",
		"date32": "", "date32[day]": "date32", "date64[ms]": "date64",
		"time32[s]": "", "time32[ms]": "", "time64[us]": "", "time64[ns]": "", "duration[ms]": "",
		"timestamp[us]": "", "timestamp[us, UTC]": "", "timestamp[ns,tz=Europe/Berlin]": "timestamp[ns, Europe/Berlin]", "timestamp[s, +02:00]": "",
		"decimal128(18, 4)": "", "decimal(9,2)": "decimal128(9, 2)", "decimal256(76, 0)": "", "decimal128(5, -2)": "",
		"fixed_size_binary[16]": "", "fixed_size_list<float>[768]": "",
		"fixed_size_list<item: float>[768]": "fixed_size_list<float>[768]", "fixed_size_list<int8 not null>[2]": "",
		"list<utf8>": "", "list<item: utf8>": "list<utf8>", "list<element: utf8 not null>": "", "large_list<list<bool>>": "",
		"list<item: struct<a: int32, b: utf8>>":        "list<struct<a: int32, b: utf8>>",
		`struct< "a b" : int32 not null , c.d:double>`: `struct<"a b": int32 not null, c.d: double>`,
		`struct<"\u00e9": int8>`:                       "struct<\u00e9: int8>", "struct<not: int8, null: int8>": "",
		"dictionary<int32, utf8>": "", "dictionary<values=string, indices=int8, ordered=0>": "dictionary<int8, utf8>",
		"map<utf8, int64>": "", "map<utf8, list<json> not null>": "",
		" \tint64\n": "int64",
	} {
		f, err := schema.ParseColumn("c", in)
		if err != nil {
			t.Error(err)
			continue
		}
		if want == "" {
			want = in
		}
		if got := schema.FormatType(f); got != want || f.Name != "c" {
			t.Errorf("%q is printed as %q, want %q", in, got, want)
		}
		if f.Nullable == strings.HasSuffix(in, "not null") {
			t.Errorf("%q: nullable is %t", in, f.Nullable)
		}
	}
}

func TestTypeNamesThatAreWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "column 1: a type is missing",
		"int":                                `column 1: there is no type "int": write int64`,
		"UTF8":                               "write utf8",
		"int64 64":                           `column 7: only "not null" may follow`,
		"int64>":                             "column 6: nothing may follow",
		"int64 not":                          `column 7: only "not null"`,
		"timestamp":                          "column 10: '[' is missing",
		"timestamp[min]":                     "column 11: the unit of timestamp is one of s, ms, us, ns",
		"timestamp[us, ]":                    "column 15",
		"timestamp[us, U T C]":               "is no time zone",
		"timestamp[us, -]":                   "is no time zone",
		"timestamp[us, UTC":                  "column 18: ']' is missing",
		"time32[us]":                         "one of s, ms, not",
		"time64[s]":                          "one of us, ns, not",
		"date32[ms]":                         `column 8: date32 has no unit "ms"`,
		"decimal128(39, 2)":                  "column 12: a whole number from 1 to 38",
		"decimal128(9, 10)":                  "column 15: a whole number from -9 to 9",
		"decimal128(9)":                      "column 13: ',' is missing",
		"fixed_size_binary[0]":               "column 19: a whole number from 1",
		"fixed_size_list<float>":             "column 23: '[' is missing",
		"fixed_size_list<float>[4294967296]": "column 24",
		"list<>":                             "column 6: a type is missing",
		"list<utf8":                          "column 10: '>' is missing",
		"struct<>":                           "column 8: a name is missing",
		"struct<a>":                          "column 9: ':' is missing",
		"struct<a: int8, a: int8>":           "column 17: two members are called a",
		`struct<"": int8>`:                   "column 8: a name of no characters",
		`struct<"a: int8>`:                   "column 8: the quoted name does not end",
		"map<list<utf8>, int8>":              "column 5: the keys of a map",
		"dictionary<utf8, utf8>":             "column 12: the keys of a dictionary",
		"dictionary<int8, list<utf8>>":       "column 18: the values of a dictionary",
		"dictionary<values=utf8, indices=int8, ordered=1>": "column 47: dictionaries in tables are not ordered",
		strings.Repeat("list<", 200) + "int8":              "column 646: more than 128 types inside each other",
		strings.Repeat(" ", 70_000):                        "longer than any real one",
	} {
		_, err := schema.ParseColumn("c", in)
		var wrong *schema.TypeError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", in, err, want)
		}
	}
}

// What ParseColumn has no name for is still shown.
func TestTypesWithoutAName(t *testing.T) {
	f := arrow.Field{Name: "u", Type: arrow.BinaryTypes.StringView}
	if got := schema.FormatType(f); got != "string_view" {
		t.Errorf("got %q", got)
	}
}

func FuzzParseColumn(f *testing.F) {
	for _, seed := range []string{
		"int64", "timestamp[us, UTC]", "fixed_size_list<float>[768]", "decimal128(18, 4)", "list<item: struct<a: int32, b: utf8>>",
		"dictionary<values=string, indices=int8, ordered=0>", "map<utf8, list<json> not null>", `struct<"a b": json not null>`, "list<a b: int8>",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, err := schema.ParseColumn("c", text)
		if err != nil {
			var wrong *schema.TypeError
			if !errors.As(err, &wrong) || wrong.Pos < 0 || wrong.Pos > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		name := schema.FormatType(first)
		again, err := schema.ParseColumn("c", name)
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", text, name, err)
		}
		again.Nullable = first.Nullable
		if !first.Equal(again) || !arrow.TypeEqual(first.Type, again.Type, arrow.CheckMetadata()) {
			t.Fatalf("%q is printed as %q, which is %v, not %v", text, name, again, first)
		}
	})
}
