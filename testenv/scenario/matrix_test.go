package scenario

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// change is a row of the table of schema changes: what a topic's table has after some
// messages, and after more of them.
type change struct {
	name     string
	declared []schema.Column
	policy   schema.Undeclared
	vectors  bool
	before   []string // messages of the first run
	after    []string // and of the second
	columns  []string
	rows     []string // of both runs
	types    string   // the types of columns after it, as the reference prints them
	old      []string // which of columns the version before the second run has
	dead     map[int]string
	late     bool // the table is there before its declaration, with all columns
}

func many(n int, payload func(i int) string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = payload(i)
	}
	return out
}

// wide is an array of n numbers.
func wide(n int, first string) string { return "[" + first + strings.Repeat(",0.5", n-1) + "]" }

func changes() []change {
	manyColumns := func(from, n int) string {
		members := many(n, func(i int) string { return fmt.Sprintf(`"c%d":%d`, from+i, i) })
		return "{" + strings.Join(members, ",") + "}"
	}
	col := func(path, typ string) []schema.Column { return []schema.Column{{Path: path, Type: typ}} }
	return []change{
		{
			name:   "new fields, also in structs and lists of structs",
			before: []string{`{"s":{"x":1},"l":[{"p":1},{}]}`}, after: []string{`{"s":{"y":"a"},"l":[{"q":true}],"n":[1.5]}`, `{"s":null}`},
			columns: []string{"s", "l", "n"}, types: "struct<x: int64, y: string> list<item: struct<p: int64, q: bool>> list<item: double>",
			rows: []string{`[{"x":1,"y":null},[{"p":1,"q":null},{"p":null,"q":null}],null]`, `[{"x":null,"y":"a"},[{"p":null,"q":true}],[1.5]]`, `[null,null,null]`},
			old:  []string{"s", "l"},
		},
		{
			name: "a default for old rows and for new ones that lack it", declared: []schema.Column{{Path: "d", Type: "utf8 not null", Default: `"none"`}},
			before: []string{`{"n":1}`}, after: []string{`{"n":2}`, `{"n":3,"d":"own"}`, `{"n":4,"d":null}`},
			columns: []string{"n", "d"}, types: "int64 string",
			rows: []string{`[1,"none"]`, `[2,"none"]`, `[3,"own"]`}, old: []string{"n"},
			dead: map[int]string{4: "required: field d"},
		},
		{
			name:     "a default for members of structs that are there, also in lists",
			declared: []schema.Column{{Path: "o.d", Type: "int16", Default: "7"}, {Path: "l[].w", Type: "utf8 not null", Default: `"a"`}},
			before:   []string{`{"o":{"x":1},"l":[{"x":1},null]}`, `{"o":null,"l":[]}`}, after: []string{`{"o":{"x":2},"l":[{"w":"b"},{}]}`, `{"o":{"d":null}}`, `{"l":[{"w":null}]}`},
			columns: []string{"o", "l"}, types: "struct<x: int64, d: int16> list<item: struct<x: int64, w: string>>",
			rows: []string{`[{"d":7,"x":1},[{"w":"a","x":1},null]]`, `[null,[]]`, `[{"d":7,"x":2},[{"w":"b","x":null},{"w":"a","x":null}]]`, `[{"d":null,"x":null},null]`},
			old:  []string{"o", "l"}, late: true, dead: map[int]string{5: "required: field l[].w"},
		},
		{
			name: "a column that must be there", declared: col("must", "int8 not null"),
			before: []string{`{"n":1}`}, after: []string{`{"n":2}`, `{"n":3,"must":1}`},
			columns: []string{"n", "must"}, types: "int64 int8", rows: []string{`[1,null]`, `[3,1]`}, old: []string{"n"},
			dead: map[int]string{2: "required: field must: the table needs a value of int8"},
		},
		{
			name:   "integers beyond int64",
			before: []string{`{"a":9223372036854775808,"b":1}`}, after: []string{`{"a":18446744073709551615}`, `{"a":-1}`, `{"a":18446744073709551616}`, `{"c":18446744073709551616}`},
			columns: []string{"a", "b"}, types: "uint64 int64", rows: []string{`[9223372036854775808,1]`, `[18446744073709551615,null]`}, old: []string{"a", "b"},
			dead: map[int]string{3: "type: field a", 4: "type: field a", 5: "type: field c: integer out of range"},
		},
		{
			name:   "a field that was only null",
			before: []string{`{"n":1,"late":null,"l":[],"o":{}}`}, after: []string{`{"late":[{"x":1}],"l":["a"],"o":{"p":false}}`, `{"late":null,"l":[],"o":{}}`},
			columns: []string{"n", "late", "l", "o"}, types: "int64 list<item: struct<x: int64>> list<item: string> struct<p: bool>",
			rows: []string{`[1,null,null,null]`, `[null,[{"x":1}],["a"],{"p":false}]`, `[null,null,[],{"p":null}]`}, old: []string{"n"},
		},
		{
			name: "another length of a vector", before: []string{`{"embedding":[1,2.5]}`},
			after:   []string{`{"embedding":[1]}`, `{"embedding":[1,2,3]}`, `{"embedding":[]}`, `{"embedding":[3,4]}`, `{"embedding":null}`},
			columns: []string{"embedding"}, types: "fixed_size_list<item: float>[2]", rows: []string{`[[1,2.5]]`, `[[3,4]]`, `[null]`}, old: []string{"embedding"},
			dead: map[int]string{2: "type: field embedding: a vector of 1 values", 3: "type: field embedding", 4: "type: field embedding"},
		},
		{
			name: "vectors by their values", vectors: true,
			before: many(100, func(i int) string {
				return `{"v":` + wide(16, "1") + `,"whole":` + strings.ReplaceAll(wide(16, "1"), "0.5", "2") + `,"short":` + wide(8, "1") + `}`
			}),
			after:   []string{`{"v":` + wide(17, "1") + `}`, `{"v":null}`},
			columns: []string{"v", "whole", "short"}, types: "fixed_size_list<item: float>[16] list<item: int64> list<item: double>",
			old: []string{"v", "whole", "short"}, dead: map[int]string{101: "type: field v: longer vector"},
		},
		{
			name: "scalars, lists and objects for each other", before: []string{`{"n":1,"s":"x","l":[1],"o":{"a":1}}`},
			after:   []string{`{"n":[1]}`, `{"n":{"a":1}}`, `{"n":"1"}`, `{"s":1}`, `{"l":1}`, `{"o":[1]}`, `{"o":"x"}`, `{"n":true}`, `{"n":2}`},
			columns: []string{"n", "s", "l", "o"}, types: "int64 string list<item: int64> struct<a: int64>",
			rows: []string{`[1,"x",[1],{"a":1}]`, `[2,null,null,null]`}, old: []string{"n", "s", "l", "o"},
			dead: map[int]string{2: "type: field n: array", 3: "type: field n: object", 4: "type: field n: string", 5: "type: field s: number", 6: "type: field l: number", 7: "type: field o: array", 8: "type: field o: string", 9: "type: field n: bool"},
		},
		{
			name: "conflict: string", declared: []schema.Column{{Path: "any", Type: "utf8", Conflict: "string"}},
			before:  []string{`{"any":"text"}`, `{"any":1.50}`},
			after:   []string{`{"any":[1, {"a": null}]}`, `{"any":{"b":"é"}}`, `{"any":false}`, `{"any":null}`},
			columns: []string{"any"}, types: "string", old: []string{"any"},
			rows: []string{`["text"]`, `["1.50"]`, `["[1, {\"a\": null}]"]`, `["{\"b\":\"é\"}"]`, `["false"]`, `[null]`},
		},
		{
			name: "fields that nobody declared, kept", declared: col("n", "int64"), policy: schema.KeepJSON,
			before: []string{`{"n":1}`}, after: []string{`{"n":2,"x":{"y":[1.0]},"_extra":5}`},
			columns: []string{"n", "_extra"}, types: "int64 string", rows: []string{`[1,null]`, `[2,"{\"x\":{\"y\":[1.0]},\"_extra\":5}"]`}, old: []string{"n", "_extra"},
		},
		{
			name: "fields that nobody declared, dropped", declared: col("n", "int64"), policy: schema.Ignore,
			before: []string{`{"n":1,"x":1}`}, after: []string{`{"n":2,"x":"a"}`, `{"x":{"a":1,"a":2}}`},
			columns: []string{"n"}, types: "int64", rows: []string{`[1]`, `[2]`}, old: []string{"n"}, dead: map[int]string{3: "parse: a key occurs twice"},
		},
		{
			name: "fields that nobody declared, refused", declared: col("n", "int64"), policy: schema.Refuse,
			before: []string{`{"n":1}`}, after: []string{`{"n":2,"x":1}`, `{"n":3}`},
			columns: []string{"n"}, types: "int64", rows: []string{`[1]`, `[3]`}, old: []string{"n"}, dead: map[int]string{2: "undeclared: field x is not declared"},
		},
		{
			name: "names that differ in case only, with dots, empty, and of others", before: []string{`{"a":1}`},
			after:   []string{`{"A":2,"a.b":3,"a":{}}`, `{"A":2,"a.b":3,"_rowid":4,"s":{"x.y":1,"X.y":2}}`, `{"":1}`, `{"_nats_seq":1}`},
			columns: []string{"a", "A", "a_x2Eb", "_x5Frowid", "s"}, types: "int64 int64 int64 int64 struct<x.y: int64, X.y: int64>",
			rows: []string{`[1,null,null,null,null]`, `[null,2,3,4,{"X.y":2,"x.y":1}]`}, old: []string{"a"},
			dead: map[int]string{2: "type: field a: object", 4: "parse: field name of no characters", 5: "reserved: field _nats_seq"},
		},
		{
			name: "more new columns than a batch may have, and than a table", before: []string{manyColumns(0, 256)},
			after:   []string{manyColumns(1000, 257), manyColumns(256, 256), manyColumns(512, 256), manyColumns(768, 250), manyColumns(2000, 10), `{"c0":7}`},
			columns: []string{"c0", "c255", "c511", "c767", "c1017"}, types: "int64 int64 int64 int64 int64",
			rows: []string{`[0,255,null,null,null]`, `[null,null,255,null,null]`, `[null,null,null,255,null]`, `[null,null,null,null,249]`, `[7,null,null,null,null]`},
			old:  []string{"c0", "c255"}, dead: map[int]string{2: "limit: ", 6: "limit: "},
		},
	}
}

// Each change ends in a table that the reference reads: types, values and nulls of old
// and new rows, and the version before the change as it was.
func TestSchemaChanges(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			fields, err := schema.Declare(c.declared, nil)
			if err != nil {
				t.Fatal(err)
			}
			d := &schema.Declaration{Fields: fields, Undeclared: c.policy, AutoVectors: c.vectors}
			declare := func(cfg *bridge.Config) { cfg.Schemas = map[string]*schema.Declaration{"t": d} }
			r.send("t", c.before...)
			if c.old != nil && (len(c.old) < len(c.columns) || c.late) && c.declared != nil {
				r.writeAll() // the table is there before its declaration
			} else {
				r.writeAll(declare)
			}
			first, err := r.table("t").Info()
			if err != nil {
				t.Fatal(err)
			}
			r.send("t", c.after...)
			r.writeAll(declare)
			if c.rows != nil {
				want(t, r.rows("t", c.columns...), c.rows...)
			}
			r.python(`
ds.validate()
old = lance.dataset(args[0], version=int(args[2]))
old.to_table()
result = [" ".join(str(ds.schema.field(c).type) for c in args[1]), [c for c in args[1] if c in old.schema.names], old.count_rows()]
`, list(c.types, strings2any(c.old), float64(len(c.before))), c.columns, first.Version)
			if len(c.dead) == 0 {
				return
			}
			dead := r.deadLetters("t")
			if len(dead) != len(c.dead) {
				t.Errorf("%d dead letters, want %d", len(dead), len(c.dead))
			}
			for seq, want := range c.dead {
				msg := dead[fmt.Sprintf("persisting_dlq.t.0.%d", seq)]
				if msg == nil {
					t.Errorf("message %d is no dead letter", seq)
					continue
				}
				if got := msg.Header.Get("Pst-Error-Class") + ": " + msg.Header.Get("Pst-Error"); !strings.HasPrefix(got, want) {
					t.Errorf("message %d: %s, want %s", seq, got, want)
				}
			}
		})
	}
}

func strings2any(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// A vector that was found by its values is searched like any other.
func TestFoundVectorsAreSearched(t *testing.T) {
	r := newRig(t)
	r.send("t", many(120, func(i int) string { return fmt.Sprintf(`{"v":%s,"n":%d}`, wide(16, fmt.Sprintf("%d.25", i)), i) })...)
	r.writeAll(func(c *bridge.Config) {
		c.Schemas = map[string]*schema.Declaration{bridge.AnyTopic: {AutoVectors: true}}
	})
	query := make([]float32, 16)
	for i := range query {
		query[i] = 0.5
	}
	query[0] = 57.25
	found, err := lanceref.Start(t).Table(filepath.Join(r.storage, "t.lance")).Nearest(lanceref.Search{Column: "v", Query: query, K: 1, Columns: []string{"n"}})
	if err != nil {
		t.Fatal(err)
	}
	defer found.Release()
	if got := found.Column(0).Data().Chunk(0).ValueStr(0); got != "57" {
		t.Errorf("the nearest is row %s", got)
	}
}
