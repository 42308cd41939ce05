package decode

import (
	"strings"
	"testing"
)

func TestInferredColumns(t *testing.T) {
	for _, tc := range []struct {
		name     string
		payloads []string
		columns  string
		rows     string
	}{
		{"scalars", []string{`{"b":true,"i":-5,"f":1.5,"s":"x"}`}, "b bool; i int64; f float64; s utf8", `{"b":true,"f":1.5,"i":-5,"s":"x"}`},
		{
			"missing and null are null",
			[]string{`{"a":1,"b":2}`, `{"b":null}`, `{"a":3}`},
			"a int64; b int64",
			`{"a":1,"b":2}|{"a":null,"b":null}|{"a":3,"b":null}`,
		},
		{"first appearance orders", []string{`{"z":1}`, `{"a":1,"z":2}`}, "z int64; a int64", `{"a":null,"z":1}|{"a":1,"z":2}`},
		{"rows in one message", []string{" {\"a\":1}\n{\"a\":2}\r\n\t{\"a\":3} \n"}, "a int64", `{"a":1}|{"a":2}|{"a":3}`},
		{"int then float", []string{`{"a":1}`, `{"a":2.5}`, `{"a":3}`}, "a float64", `{"a":1}|{"a":2.5}|{"a":3}`},
		{"float then int", []string{`{"a":2.5}`, `{"a":9007199254740992}`}, "a float64", `{"a":2.5}|{"a":9007199254740992}`},
		{"a fraction makes floats", []string{`{"a":3}`, `{"a":3.0}`}, "a float64", `{"a":3}|{"a":3}`},
		{
			"a whole fraction fits integers that no float holds",
			[]string{`{"a":9007199254740993}`, `{"a":3.0}`, `{"a":1e3}`},
			"a int64",
			`{"a":9007199254740993}|{"a":3}|{"a":1000}`,
		},
		{
			"int64 ends",
			[]string{`{"a":9223372036854775807}`, `{"a":-9223372036854775808}`, `{"a":-0}`},
			"a int64",
			`{"a":9223372036854775807}|{"a":-9223372036854775808}|{"a":0}`,
		},
		{"nulls only", []string{`{"a":1,"n":null}`, `{"n":null}`}, "a int64", `{"a":1}|{"a":null}`},
		{"null, then known", []string{`{"n":null}`, `{"n":"x"}`}, "n utf8", `{"n":null}|{"n":"x"}`},
		{"empty lists and objects only", []string{`{"a":1,"l":[],"o":{},"m":[null],"p":{"q":[{}]}}`}, "a int64", `{"a":1}`},
		{"empty list, then known", []string{`{"l":[]}`, `{"l":[1]}`, `{}`}, "l list<item: int64, nullable>", `{"l":[]}|{"l":[1]}|{"l":null}`},
		{"empty object, then known", []string{`{"o":{}}`, `{}`, `{"o":{"x":1}}`}, "o struct<x: int64>", `{"o":{"x":null}}|{"o":null}|{"o":{"x":1}}`},
		{
			"nested",
			[]string{`{"o":{"p":{"x":1}}}`, `{"o":{"p":{"y":"b"},"q":true}}`, `{"o":null}`},
			"o struct<p: struct<x: int64, y: utf8>, q: bool>",
			`{"o":{"p":{"x":1,"y":null},"q":null}}|{"o":{"p":{"x":null,"y":"b"},"q":true}}|{"o":null}`,
		},
		{
			"lists",
			[]string{`{"l":[1,null,2.5],"t":["a","b"],"n":[[1],[],null,[2,3]]}`},
			"l list<item: float64, nullable>; t list<item: utf8, nullable>; n list<item: " + "list<item: int64, nullable>, nullable>",
			`{"l":[1,null,2.5],"n":[[1],[],null,[2,3]],"t":["a","b"]}`,
		},
		{
			"structs in lists grow",
			[]string{`{"l":[{"a":1}]}`, `{"l":[null,{"b":"x"},{}]}`},
			"l list<item: struct<a: int64, b: utf8>, nullable>",
			`{"l":[{"a":1,"b":null}]}|{"l":[null,{"a":null,"b":"x"},{"a":null,"b":null}]}`,
		},
		{
			"vectors by name",
			[]string{`{"vector":[1,2.5],"x_embedding":null}`, `{"x_embedding":[0.25],"o":{"embedding":[1e3]}}`, `{"vector":[-0,3e0]}`},
			"vector fixed_size_list<item: float32, nullable>[2]; x_embedding fixed_size_list<item: float32, nullable>[1]; o struct<embedding: fixed_size_list<item: float32, nullable>[1]>",
			`{"o":null,"vector":[1,2.5],"x_embedding":null}|{"o":{"embedding":[1000]},"vector":null,"x_embedding":[0.25]}|{"o":null,"vector":[-0,3],"x_embedding":null}`,
		},
		{
			"not vectors",
			[]string{`{"coords":[1,2],"vector":["a"],"vectors":[1],"embedding":[[1,2]]}`},
			"coords list<item: int64, nullable>; vector list<item: utf8, nullable>; vectors list<item: int64, nullable>; embedding list<item: " + "list<item: int64, nullable>, nullable>",
			`{"coords":[1,2],"embedding":[[1,2]],"vector":["a"],"vectors":[1]}`,
		},
		{"names differ by case", []string{`{"a":1,"A":"x"}`}, "a int64; A utf8", `{"A":"x","a":1}`},
		{
			"escapes",
			[]string{`{"\u0061\"":"\u0000\n\/\\\t\b\f\r\"\ud83d\ude00é"}`, `{"a\"":"x"}`},
			`a" utf8`,
			`{"a\"":"\u0000\n/\\\t\u0008\u000c\r\"` + "\U0001F600é" + `"}|{"a\"":"x"}`,
		},
		{"a nested _nats_ name is free", []string{`{"o":{"_nats_x":1},"nats_":2}`}, "o struct<_nats_x: int64>; nats_ int64", `{"nats_":2,"o":{"_nats_x":1}}`},
		{
			"fields change their order",
			[]string{`{"a":1,"b":2,"c":3}`, `{"c":1,"a":2}`, `{"b":1}`, `{"b":1,"c":2,"a":3}`},
			"a int64; b int64; c int64",
			`{"a":1,"b":2,"c":3}|{"a":2,"b":null,"c":1}|{"a":null,"b":1,"c":null}|{"a":3,"b":1,"c":2}`,
		},
		{"empty rows", []string{`{}`, `{}`, `{"a":false}`}, "a bool", `{"a":null}|{"a":null}|{"a":false}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := NewBatch(nil, Options{})
			push(t, b, tc.payloads...)
			columns, rows := show(t, b)
			rows = strings.ReplaceAll(rows, "\n", "|")
			if columns != tc.columns {
				t.Errorf("columns\n got %s\nwant %s", columns, tc.columns)
			}
			if rows != tc.rows {
				t.Errorf("rows\n got %s\nwant %s", rows, tc.rows)
			}
		})
	}
}

func TestRejects(t *testing.T) {
	for _, tc := range []struct {
		before  string // rows that the batch has, if any
		payload string
		class   string
		reason  string
	}{
		{"", ``, ClassParse, "empty"},
		{"", " \n", ClassParse, "empty"},
		{"", `[1]`, ClassParse, "not a JSON object at byte 1"},
		{"", `1`, ClassParse, "not a JSON object"},
		{"", `{"a":1} 2`, ClassParse, "not a JSON object at byte 8"},
		{"", `{"a":1}{"a":2}`, ClassParse, "no white space"},
		{"", `{"a":1},{"a":2}`, ClassParse, "no white space"},
		{"", "\xEF\xBB\xBF{}", ClassParse, "byte order mark"},
		{"", `{"a":1`, ClassParse, "ends too early, at byte 6"},
		{"", `{"a"`, ClassParse, "ends too early"},
		{"", `{`, ClassParse, "ends too early"},
		{"", `{"a":"x`, ClassParse, "ends too early"},
		{"", `{"a":"\`, ClassParse, "ends too early"},
		{"", `{"a":"\u00`, ClassParse, ""},
		{"", `{"a":}`, ClassParse, "malformed JSON at byte 5"},
		{"", `{"a":1,}`, ClassParse, "malformed JSON at byte 7"},
		{"", `{a:1}`, ClassParse, "malformed"},
		{"", `{"a" 1}`, ClassParse, "malformed"},
		{"", `{"a":[1,]}`, ClassParse, "malformed"},
		{"", `{"a":[1 2]}`, ClassParse, "malformed"},
		{"", `{"vector":[1 2]}`, ClassParse, "malformed"},
		{"", `{"vector":[1,]}`, ClassParse, "malformed"},
		{"", `{"a":tru}`, ClassParse, "malformed"},
		{"", `{"a":truex}`, ClassParse, "malformed"},
		{"", `{"a":NaN}`, ClassParse, "malformed"},
		{"", `{"a":-Infinity}`, ClassParse, "malformed"},
		{"", `{"a":01}`, ClassParse, "malformed"},
		{"", `{"a":-}`, ClassParse, "malformed"},
		{"", `{"a":1.}`, ClassParse, "malformed"},
		{"", `{"a":.5}`, ClassParse, "malformed"},
		{"", `{"a":1e}`, ClassParse, "malformed"},
		{"", `{"a":1e+}`, ClassParse, "malformed"},
		{"", `{"a":+1}`, ClassParse, "malformed"},
		{"", `{"a":0x1}`, ClassParse, "malformed"},
		{"", "{\"a\":\"\xff\"}", ClassParse, "invalid UTF-8 at byte 6"},
		{"", "{\"\xc3\":1}", ClassParse, "invalid UTF-8"},
		{"", "{\"a\":\"\xed\xa0\x80\"}", ClassParse, "invalid UTF-8"},
		{"", "{\"a\":\"\n\"}", ClassParse, "control character"},
		{"", "{\"a\":1}\x00", ClassParse, ""},
		{"", `{"a":"\x"}`, ClassParse, "malformed"},
		{"", `{"a":"\ud800"}`, ClassParse, "lone surrogate"},
		{"", `{"a":"\ud800\u0041"}`, ClassParse, "lone surrogate"},
		{"", `{"a":"\udc00"}`, ClassParse, "lone surrogate"},
		{"", `{"a":"\ud83d\ud83d"}`, ClassParse, "lone surrogate"},
		{"", `{"a":1,"a":1}`, ClassParse, "field a: the key occurs twice"},
		{"", `{"a":1,"\u0061":null}`, ClassParse, "field a: the key occurs twice"},
		{"", `{"o":[{"a":1},{"b":1,"b":2}]}`, ClassParse, "field o[].b: the key occurs twice"},
		{"", `{"":1}`, ClassParse, "no characters"},
		{"", `{"_nats_seq":1}`, ClassReserved, "field _nats_seq"},
		{"", `{"_nats_":null}`, ClassReserved, ""},
		{"", `{"\u005fnats_x":1}`, ClassReserved, "field _nats_x"},
		{"", `{"a":18446744073709551616}`, ClassType, "field a: integer out of range does not fit int64 or uint64"},
		{`{"a":-1}`, `{"a":9223372036854775808}`, ClassType, "field a: integer out of range does not fit int64"},
		{`{"a":9223372036854775808}`, `{"a":-1}`, ClassType, "field a: integer out of range does not fit uint64"},
		{`{"a":18446744073709551615}`, `{"a":0.5}`, ClassType, "field a: fraction does not fit uint64"},
		{`{"a":1}`, `{"a":18446744073709551616}`, ClassType, "field a: integer out of range does not fit int64"},
		{`{"a":1}`, `{"a":9223372036854775808,"b":tru}`, ClassParse, ""},
		{`{"a":9223372036854775808}`, `{"a":0.5,"b":tru}`, ClassParse, ""},
		{"", `{"a":-9223372036854775809}`, ClassType, "does not fit int64"},
		{"", `{"a":1e400}`, ClassType, "field a: number out of range does not fit float64"},
		{"", `{"a":[1,"x"]}`, ClassType, "field a[]: string does not fit int64"},
		{"", `{"vector":[]}`, ClassType, "field vector: a vector of no values"},
		{"", `{"vector":[1,null]}`, ClassType, "null inside"},
		{"", `{"vector":[null,1]}`, ClassType, "null inside"},
		{"", `{"vector":[1,"x"]}`, ClassType, "anything but numbers"},
		{"", `{"vector":[1,[2]]}`, ClassType, "anything but numbers"},
		{"", `{"vector":[1e39]}`, ClassType, "number out of range"},
		{`{"a":{"b":1}}`, `{"a":{"b":"x"}}`, ClassType, "field a.b: string does not fit int64"},
		{`{"a":{"b":1}}`, `{"a":[1]}`, ClassType, "field a: array does not fit struct"},
		{`{"a":1}`, `{"a":true}`, ClassType, "field a: bool does not fit int64"},
		{`{"a":1}`, `{"a":{}}`, ClassType, "field a: object does not fit int64"},
		{`{"a":true}`, `{"a":1}`, ClassType, "field a: number does not fit bool"},
		{`{"a":"x"}`, `{"a":1.5}`, ClassType, "field a: number does not fit utf8"},
		{`{"a":[]}`, `{"a":"x"}`, ClassType, "field a: string does not fit list"},
		{`{"a.b":1}`, `{"a.b":"x"}`, ClassType, `field a_x2Eb: string`},
		{`{"a":9007199254740993}`, `{"a":1.5}`, ClassType, "field a: fraction does not fit int64"},
		{`{"a":1.5}`, `{"a":9007199254740993}`, ClassType, "does not fit float64"},
		{`{"a":1.5}`, `{"a":-36893488147419103233}`, ClassType, "does not fit float64"},
		{`{"vector":[1,2]}`, `{"vector":[1]}`, ClassType, "vector of 1 values does not fit fixed_size_list<float32>[2]"},
		{`{"vector":[1,2]}`, `{"vector":[1,2,3]}`, ClassType, "longer vector"},
		{`{"vector":[1,2]}`, `{"vector":[]}`, ClassType, "vector of no values"},
		{`{"vector":[1,2]}`, `{"vector":5}`, ClassType, "number does not fit"},
		{`{"vector":["a"]}`, `{"vector":[1]}`, ClassType, "field vector[]: number does not fit utf8"},
	} {
		b := NewBatch(nil, Options{})
		if tc.before != "" {
			push(t, b, tc.before)
		}
		refuse(t, b, tc.payload, tc.class, tc.reason)
		refuse(t, b, tc.payload, tc.class, tc.reason) // the same again: nothing was left behind
	}
}
