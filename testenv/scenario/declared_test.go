package scenario

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// declared makes the declaration of topic t that a bridge is configured with.
func declared(t *testing.T, policy schema.Undeclared, columns ...schema.Column) func(*bridge.Config) {
	t.Helper()
	fields, err := schema.Declare(columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &schema.Declaration{Fields: fields, Undeclared: policy}
	return func(c *bridge.Config) { c.Schemas = map[string]*schema.Declaration{"t": d} }
}

func column(path, typ string) schema.Column { return schema.Column{Path: path, Type: typ} }

// python runs code that finds the path of topic t's table in args[0] and leaves its
// output in result, and compares what it prints.
func (r *rig) python(code string, wanted any, args ...any) {
	r.t.Helper()
	var got any
	args = append([]any{filepath.Join(r.storage, "t.lance")}, args...)
	if err := lanceref.Start(r.t).Eval("ds = lance.dataset(args[0])\n"+code, args, &got); err != nil {
		r.t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		r.t.Errorf("want -, got +:\n%s", diff)
	}
}

func list(values ...any) []any { return append([]any{}, values...) }

// A new table has all that is declared from its first version on, in the declared types,
// and the reference reads every value.
func TestDeclaredTypes(t *testing.T) {
	r := newRig(t)
	types := []struct{ typ, json, python string }{
		{"int8", `-5`, `-5`},
		{"uint64", `18446744073709551615`, `18446744073709551615`},
		{"halffloat", `0.5`, `0.5`},
		{"float", `0.1`, `0.10000000149011612`},
		{"double", `0.1`, `0.1`},
		{"utf8", `"é"`, `'é'`},
		{"large_utf8", `"x"`, `'x'`},
		{"json", `{"a": [1.50]}`, `'{"a": [1.50]}'`},
		{"binary", `"AAH/"`, `b'\x00\x01\xff'`},
		{"fixed_size_binary[3]", `"AAH/"`, `b'\x00\x01\xff'`},
		{"fixed_size_binary[8]", `"AAECAwQFBgc="`, `b'\x00\x01\x02\x03\x04\x05\x06\x07'`},
		{"date32", `"2024-02-29"`, `datetime.date(2024, 2, 29)`},
		{"date64", `"2024-02-29"`, `datetime.date(2024, 2, 29)`},
		{"time32[ms]", `"01:02:03.004"`, `datetime.time(1, 2, 3, 4000)`},
		{"time64[us]", `"23:59:59.999999"`, `datetime.time(23, 59, 59, 999999)`},
		{"timestamp[us, UTC]", `"2024-01-02T03:04:05.000006+01:00"`, `datetime.datetime(2024, 1, 2, 2, 4, 5, 6, tzinfo=datetime.timezone.utc)`},
		{"timestamp[ms]", `"2024-01-02"`, `datetime.datetime(2024, 1, 2)`},
		{"duration[ms]", `1500`, `datetime.timedelta(milliseconds=1500)`},
		{"decimal128(18, 4)", `-12.3400`, `decimal.Decimal('-12.3400')`},
		{"decimal128(38, 0)", `"-99999999999999999999999999999999999999"`, `decimal.Decimal('-99999999999999999999999999999999999999')`},
		{"decimal256(50, 10)", `1234567890123456789012345678901234567890.0123456789`, `decimal.Decimal('1234567890123456789012345678901234567890.0123456789')`},
		{"dictionary<int32, utf8>", `"red"`, `'red'`},
		{"fixed_size_list<float>[2]", `[0.5, 1]`, `[0.5, 1.0]`},
		{"fixed_size_list<halffloat>[2]", `[0.5, 1]`, `[0.5, 1.0]`},
		{"list<bool>", `[true, null]`, `[True, None]`},
		{"list<decimal128(5, 2)>", `[1.25]`, `[decimal.Decimal('1.25')]`},
		{"large_list<utf8>", `["a"]`, `['a']`},
		{"struct<a: int32, b: list<struct<c: json>>>", `{"a":1,"b":[{"c":[]}]}`, `{'a': 1, 'b': [{'c': '[]'}]}`},
	}
	var columns []schema.Column
	var members, values, names []string
	for i, c := range types {
		name := fmt.Sprintf("c%d", i)
		columns = append(columns, column(name, c.typ))
		members = append(members, fmt.Sprintf("%q:%s", name, c.json))
		values = append(values, c.python)
		names = append(names, name)
	}
	r.send("t", `{"other":1}`)
	r.writeAll(declared(t, schema.Evolve, columns...))
	r.send("t", "{"+strings.Join(members, ",")+"}", `{}`)
	r.writeAll(declared(t, schema.Evolve, columns...))
	r.python(`
import datetime, decimal
want = [`+strings.Join(values, ",")+`]
result = []
rows = ds.to_table(columns=args[1], filter="_nats_seq = 2").to_pylist()
for name, w in zip(args[1], want):
    if rows[0][name] != w or type(rows[0][name]) != type(w): result.append(f"{name}: {rows[0][name]!r}, not {w!r}")
first = lance.dataset(args[0], version=1)
if first.schema != ds.schema: result.append("the first version has other columns: " + str(first.schema))
for row in ds.to_table(columns=args[1], filter="_nats_seq != 2").to_pylist():
    result += [f"{k} is {v}, not null" for k, v in row.items() if v is not None]
ds.validate()
`, list(), names)
}

// Defaults, columns that must have values, and fields without a column.
func TestDeclaredRules(t *testing.T) {
	r := newRig(t)
	spec := declared(t, schema.KeepJSON,
		schema.Column{Path: "id", Type: "int64 not null"},
		schema.Column{Path: "n", Type: "int32 not null", Default: "7"},
		schema.Column{Path: "s.x", Type: "utf8", Default: `"none"`},
		schema.Column{Path: "text", Type: "utf8", Conflict: "string"})
	r.send("t", `{"id":1,"s":{},"text":[1, 2]}`, `{"n":2}`, `{"id":3,"n":null}`, `{"id":4,"n":4,"s":{"x":null,"y":0.10},"color":"red"}`)
	r.writeAll(spec)
	want(t, r.rows("t", "id", "n", "s", "text", "_extra"), `[1,7,{"x":"none"},"[1, 2]",null]`,
		`[4,4,{"x":null},null,"{\"s\":{\"y\":0.10},\"color\":\"red\"}"]`)
	dead := r.deadLetters("t")
	for seq, reason := range map[int]string{2: "field id: the table needs a value of int64", 3: "field n: the table needs a value of int32"} {
		msg := dead[fmt.Sprintf("persisting_dlq.t.0.%d", seq)]
		if msg == nil || msg.Header.Get("Pst-Error-Class") != "required" || !strings.Contains(msg.Header.Get("Pst-Error"), reason) {
			t.Errorf("dead letter %d: %+v", seq, msg)
		}
	}
	// A worker that knows no declaration goes by the table.
	r.send("t", `{"id":5,"s":{},"color":"blue"}`, `{"id":6,"text":true}`)
	r.writeAll()
	want(t, r.rows("t", "id", "n", "s", "text", "_extra", "color")[2:], `[5,7,{"x":"none"},null,null,"blue"]`, `[6,7,null,"true",null,null]`)
}

// What a changed file says of columns that are there is written into the table: workers
// without the file go by it, and the reference reads it. Rows that are there stay.
func TestChangedDeclarations(t *testing.T) {
	r := newRig(t)
	first := declared(t, schema.Evolve,
		column("n", "int64"), schema.Column{Path: "word", Type: "utf8", Default: `"a"`, Settings: map[string]string{"lance-encoding:compression-level": "3"}},
		column("o.x", "int8"), schema.Column{Path: "l[]", Type: "utf8"},
	)
	r.send("t", `{"n":1,"o":{},"l":["x"]}`, `{}`)
	r.writeAll(first)
	no := false
	second := declared(t, schema.Evolve,
		schema.Column{Path: "n", Type: "int64", Nullable: &no},
		schema.Column{Path: "word", Type: "utf8", Default: `"b"`, Settings: map[string]string{"lance-encoding:compression": "lz4"}},
		schema.Column{Path: "o.x", Type: "int8", Default: "5"}, schema.Column{Path: "l[]", Type: "utf8", Conflict: "string"},
	)
	before := r.versions("t")
	r.send("t", `{"n":3}`)
	r.writeAll(second)
	if n := r.versions("t"); n != before+2 {
		t.Errorf("%d versions after %d", n, before)
	}
	r.send("t", `{"n":4,"o":{},"l":[true]}`, `{"word":"own"}`)
	r.writeAll() // knows of no file
	want(t, r.rows("t", "n", "word", "o", "l"), `[1,"a",{"x":null},["x"]]`, `[null,"a",null,null]`, `[3,"b",null,null]`, `[4,"b",{"x":5},["true"]]`)
	if dead := r.deadLetters("t"); len(dead) != 1 {
		t.Errorf("dead letters %v", dead)
	}
	settings := func() any {
		return map[string]any{
			"n": map[string]any{"pst.required": "true"}, "x": map[string]any{"pst.default": "5"}, "item": map[string]any{"pst.conflict": "string"},
			"word": map[string]any{"pst.default": `"b"`, "lance-encoding:compression": "lz4", "lance-encoding:compression-level": "3"},
		}
	}
	const metadata = `
of = lambda f: {k.decode(): v.decode() for k, v in (f.metadata or {}).items() if not v == b"zstd"}
s = ds.schema
result = {"n": of(s.field("n")), "word": of(s.field("word")), "x": of(s.field("o").type.field("x")), "item": of(s.field("l").type.value_field)}
ds.validate()
`
	r.python(metadata, settings())
	now := r.versions("t")
	r.send("t", `{"n":6}`)
	r.writeAll(second)
	if n := r.versions("t"); n != now+1 {
		t.Errorf("%d versions after %d for what was known", n, now)
	}
	r.send("t", `{}`)
	r.writeAll(first) // what is not declared any more is taken back
	want(t, r.rows("t", "n", "word")[4:], `[6,"b"]`, `[null,"a"]`)
}

// A table that is there gets the declared columns that it lacks, and one that holds
// another type stops the topic.
func TestDeclaredOverATable(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	r.writeAll()
	late := schema.Column{Path: "late", Type: "decimal128(9, 2) not null"}
	r.send("t", `{"n":2}`, `{"n":3,"late":"1.50"}`)
	r.writeAll(declared(t, schema.Refuse, late))
	want(t, r.rows("t", "n", "late"), `[1,null]`, `[3,"1.5"]`)
	if len(r.deadLetters("t")) != 1 {
		t.Errorf("dead letters: %v", r.deadLetters("t"))
	}
	r.send("t", `{"n":4,"late":1,"x":1}`)
	x := r.bridge(declared(t, schema.Refuse, column("n", "utf8")), func(c *bridge.Config) { c.Topics = []string{"t"} })
	if state := x.awaitStop("t"); state.Reason != "schema_contradiction" || !strings.Contains(state.Err.Error(), "column n: the table holds int64, and utf8 is declared") {
		t.Errorf("stopped as %+v", state)
	}
	r.writeAll(declared(t, schema.Refuse, late)) // x is undeclared
	want(t, r.rows("t", "n"), `[1]`, `[3]`)
	r.python(`result = [lance.dataset(args[0], version=1).to_table(columns=["n"]).to_pydict(), str(ds.schema.field("late").type), ds.schema.field("late").metadata[b"pst.required"].decode()]`,
		list(map[string]any{"n": list(float64(1))}, "decimal128(9, 2)", "true"))
}

// The mark of a primary key, and settings of Lance, are what the reference goes by.
func TestDeclaredForReaders(t *testing.T) {
	r := newRig(t)
	fields, err := schema.Declare([]schema.Column{
		{Path: "id", Type: "int64 not null"},
		{Path: "v", Type: "utf8", Settings: map[string]string{"lance-encoding:compression": "zstd"}},
	}, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	r.send("t", `{"id":1,"v":"a"}`, `{"id":2,"v":"b"}`)
	r.writeAll(func(c *bridge.Config) {
		c.Schemas = map[string]*schema.Declaration{bridge.AnyTopic: {Fields: fields}}
		c.Columns.NoTime = true
	})
	r.python(`
rows = pa.table({"id": [2, 3], "v": ["B", "C"], "_nats_seq": pa.array([0, 0], pa.uint64())}, schema=ds.schema.field("id") and ds.schema)
done = ds.merge_insert().when_matched_update_all().when_not_matched_insert_all().execute(rows)
ds = lance.dataset(args[0])
result = [ds.lance_schema.fields()[1].name(), ds.lance_schema.field("id").is_unenforced_primary_key(), done["num_updated_rows"], done["num_inserted_rows"],
    ds.to_table(columns=["v"]).to_pydict()["v"], ds.schema.field("v").metadata[b"lance-encoding:compression"].decode()]
`, list("id", true, float64(1), float64(1), list("a", "B", "C"), "zstd"))
}
