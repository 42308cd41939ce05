package decode

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

func declare(t testing.TB, policy schema.Undeclared, columns ...schema.Column) Options {
	t.Helper()
	fields, err := schema.Declare(columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := &schema.Declaration{Fields: fields, Undeclared: policy}
	if err := CheckDeclaration(d); err != nil {
		t.Fatal(err)
	}
	return Options{Declared: d}
}

func col(path, typ string) schema.Column { return schema.Column{Path: path, Type: typ} }

func withDefault(path, typ, text string) schema.Column {
	return schema.Column{Path: path, Type: typ, Default: text}
}

func showAs(t *testing.T, b *Batch, columns, rows string) {
	t.Helper()
	gotColumns, gotRows := show(t, b)
	gotRows = strings.ReplaceAll(gotRows, "\n", "|")
	if columns != "" && gotColumns != columns {
		t.Errorf("columns\n got %s\nwant %s", gotColumns, columns)
	}
	if gotRows != rows {
		t.Errorf("rows\n got %s\nwant %s", gotRows, rows)
	}
}

// A new table has all that is declared, an old one what rows need.
func TestDeclaredColumns(t *testing.T) {
	o := declare(t, schema.Evolve, col("a", "int32"), col("s.x", "utf8"), col("v", "fixed_size_list<float>[2]"), col("l[]", "int8"),
		col("m", "map<utf8, int8>"), col("d", "decimal256(40, 2)"))
	o.Seq = true
	b := NewBatch(nil, o)
	push(t, b, `{"a":5,"other":true}`)
	showAs(t, b, "_nats_seq uint64 not null; a int32; s struct<x: utf8>; v fixed_size_list<item: float32, nullable>[2]; "+
		"l list<item: int8, nullable>; m map<utf8, int8, items_nullable>; d decimal256(40, 2); other bool",
		`{"_nats_seq":1,"a":5,"d":null,"l":null,"m":null,"other":true,"s":null,"v":null}`)
	b.Reset(arrow.NewSchema([]arrow.Field{{Name: "z", Type: arrow.PrimitiveTypes.Int8, Nullable: true}}, nil))
	push(t, b, `{"z":1,"s":{}}`)
	showAs(t, b, "z int8; s struct<x: utf8>; _nats_seq uint64", `{"_nats_seq":1,"s":{"x":null},"z":1}`)
	b.Reset(nil) // no rows at all, and still every column
	rec, err := b.Record()
	if err != nil || rec.NumCols() != 7 || rec.NumRows() != 0 {
		t.Errorf("got %v, %v", rec, err)
	}
}

func TestDefaults(t *testing.T) {
	o := declare(t, schema.Evolve,
		withDefault("a", "int32", "7"), withDefault("b", "utf8 not null", `"none"`), withDefault("o.p", "double", "0.5"),
		withDefault("l[].q", "bool", "true"), withDefault("j", "json", `{"k": [1.0]}`), withDefault("s", "struct<x: int8>", `{"x":3}`))
	b := NewBatch(nil, o)
	push(t, b, `{}`, `{"a":null,"b":"x","o":{},"l":[{},{"q":null}],"j":"text"}`, `{"a":1,"o":{"p":2},"s":null}`)
	refuse(t, b, `{"b":null}`, ClassRequired, "field b: the table needs a value")
	refuse(t, b, `{"a":"x"}`, ClassType, "field a")
	push(t, b, `{"b":"last","j":null}`)
	showAs(t, b, "a int32; b utf8 not null; o struct<p: float64>; l list<item: struct<q: bool>, nullable>; j utf8; s struct<x: int8>",
		`{"a":7,"b":"none","j":"{\"k\": [1.0]}","l":null,"o":null,"s":{"x":3}}|`+
			`{"a":null,"b":"x","j":"\"text\"","l":[{"q":true},{"q":null}],"o":{"p":0.5},"s":{"x":3}}|`+
			`{"a":1,"b":"none","j":"{\"k\": [1.0]}","l":null,"o":{"p":2},"s":null}|`+
			`{"a":7,"b":"last","j":null,"l":null,"o":null,"s":{"x":3}}`)
	// The table carries the defaults, for workers that know no declaration.
	d := o.Declared.Fields
	plain := NewBatch(arrow.NewSchema(d, nil), Options{})
	push(t, plain, `{}`)
	showAs(t, plain, "", `{"a":7,"b":"none","j":"{\"k\": [1.0]}","s":{"x":3}}`)
}

// A column that came later than rows is nullable in the table, and rows still need it.
func TestRequiredLater(t *testing.T) {
	b := NewBatch(table(nullable("z", arrow.PrimitiveTypes.Int8)), declare(t, schema.Evolve, col("a", "int8 not null"), withDefault("b", "int8 not null", "2")))
	refuse(t, b, `{"z":1}`, ClassRequired, "field a: the table needs a value of int8")
	refuse(t, b, `{"z":1,"a":null}`, ClassRequired, "field a")
	push(t, b, `{"a":1}`)
	showAs(t, b, "a int8; b int8", `{"a":1,"b":2}`)
}

func TestUndeclaredPolicies(t *testing.T) {
	columns := []schema.Column{col("a", "int8"), col("s.x", "int8"), col("l[].q", "int8")}
	const stray = `{"a":1,"z":{"k":[1,"é\n"]},"s":{"x":2,"y":1e400},"l":[{"q":1},{"r":null,"q":2,"t":0.10}],"w" : false}`

	b := NewBatch(nil, declare(t, schema.Ignore, columns...))
	push(t, b, stray, `{"_extra":1,"a":2}`)
	showAs(t, b, "a int8; s struct<x: int8>; l list<item: struct<q: int8>, nullable>",
		`{"a":1,"l":[{"q":1},{"q":2}],"s":{"x":2}}|{"a":2,"l":null,"s":null}`)

	b = NewBatch(nil, declare(t, schema.KeepJSON, columns...))
	push(t, b, stray, `{"a":2}`, `{"_extra":1,"o\"":{}}`)
	refuse(t, b, `{"z":1,"a":999}`, ClassType, "field a")
	push(t, b, `{"last":[]}`)
	rec := record(t, b)
	extra := rec.Column(rec.Schema().FieldIndices(schema.Extra)[0])
	for i, want := range []string{
		`{"z":{"k":[1,"é\n"]},"s":{"y":1e400},"l":{"1":{"r":null,"t":0.10}},"w":false}`, "(null)", `{"_extra":1,"o\"":{}}`, `{"last":[]}`,
	} {
		if got := extra.ValueStr(i); got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}

	b = NewBatch(nil, declare(t, schema.Refuse, columns...))
	push(t, b, `{"a":1}`)
	refuse(t, b, `{"a":1,"z":null}`, ClassUndeclared, "field z is not declared")
	refuse(t, b, `{"l":[{"r":1}]}`, ClassUndeclared, "field l[].r is not declared")
	showAs(t, b, "", `{"a":1,"l":null,"s":null}`)
}

// What is dropped or kept as text is held to the same rules as all JSON.
func TestUndeclaredIsChecked(t *testing.T) {
	for _, policy := range []schema.Undeclared{schema.Ignore, schema.KeepJSON} {
		b := NewBatch(nil, declare(t, policy, col("a", "int8")))
		push(t, b, `{"a":1}`)
		deep := func(n int) string { return `{"z":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
		push(t, b, deep(127), `{"z":`+strings.Repeat(`{"o":`, 127)+"1"+strings.Repeat("}", 127)+"}")
		for payload, class := range map[string]string{
			`{"z":1,"z":2}`: ClassParse, `{"z":{"k":1,"\u006b":2}}`: ClassParse, `{"z":[{"k":1,"k":2}]}`: ClassParse,
			`{"z":"\ud800"}`: ClassParse, "{\"z\":\"\xff\"}": ClassParse, `{"z":NaN}`: ClassParse, `{"z":[1,]}`: ClassParse,
			`{"z":{"k" 1}}`: ClassParse, `{"z":{k:1}}`: ClassParse, `{"z":[1 2]}`: ClassParse, `{"z":01}`: ClassParse, `{"z":`: ClassParse,
			`{"":1}`: ClassParse, `{"_nats_x":1}`: ClassReserved, deep(128): ClassLimit, `{"z":` + strings.Repeat(`{"o":`, 128) + "1" + strings.Repeat("}", 128) + "}": ClassLimit,
			`{"` + strings.Repeat("n", 600) + `":1}`: ClassLimit, `{"z":` + strings.Repeat("9", 2000) + `}`: ClassLimit,
		} {
			refuse(t, b, payload, class, "")
		}
		// Any number of names is taken, and the memory for them is bounded.
		for i := range 3 * maxStrange {
			push(t, b, fmt.Sprintf(`{"z%d":1}`, i))
		}
		if n := b.root.strangers; n > maxStrange {
			t.Errorf("%d names are remembered", n)
		}
		// None is forgotten in the midst of an object.
		for i := 0; b.root.strangers < maxStrange; i++ {
			push(t, b, fmt.Sprintf(`{"y%d":1}`, i))
		}
		refuse(t, b, `{"y0":1,"x":2,"y0":3}`, ClassParse, "occurs twice")
		for range 2 {
			push(t, b, `{"y0":1,"x":2,"w":{"x":[{"w":3}]},"v":4}`)
			refuse(t, b, `{"y0":1,"x":2,"w":3,"x":4}`, ClassParse, "field x: the key occurs twice")
		}
		var many []string
		for i := range 3 * maxStrange {
			many = append(many, fmt.Sprintf(`"m%d":1`, i))
		}
		push(t, b, "{"+strings.Join(many, ",")+"}", "{"+strings.Join(many, ",")+"}")
		for _, i := range []int{0, maxStrange - 1, maxStrange, 2 * maxStrange, 3*maxStrange - 1} {
			refuse(t, b, "{"+strings.Join(many, ",")+","+many[i]+"}", ClassParse, "occurs twice")
		}
		if n := b.root.strangers; n > maxStrange {
			t.Errorf("%d names are remembered", n)
		}
	}
}

func TestTextOfAnyValue(t *testing.T) {
	b := NewBatch(nil, declare(t, schema.Evolve, col("j", "json"), schema.Column{Path: "c", Type: "utf8", Conflict: "string"}, col("l[]", "json")))
	push(t, b, `{"j":"s","c":"s"}`, `{"j":1.50,"c":1.50}`, `{"j":{ "a" : [true] },"c":{ "a" : [true] }}`, `{"j":false,"c":false}`, `{"j":null,"c":null}`,
		`{"j":18446744073709551616e9,"c":[],"l":[1,null,"x"]}`)
	refuse(t, b, `{"j":{"a":1,"a":2}}`, ClassParse, "a key occurs twice")
	refuse(t, b, `{"c":tru}`, ClassParse, "malformed")
	rec := record(t, b)
	for i, want := range []string{`"s" s`, `1.50 1.50`, `{ "a" : [true] } { "a" : [true] }`, `false false`, `(null) (null)`, `18446744073709551616e9 []`} {
		if got := rec.Column(0).ValueStr(i) + " " + rec.Column(1).ValueStr(i); got != want {
			t.Errorf("row %d: got %s, want %s", i, got, want)
		}
	}
	if got := rec.Column(2).ValueStr(5); got != `["1",null,"\"x\""]` {
		t.Errorf("the list is %s", got)
	}
}

func TestBeyondInt64(t *testing.T) {
	for rows, want := range map[string]string{
		`{"a":9223372036854775808}`:                                              "a uint64",
		`{"a":1} {"a":18446744073709551615} {"a":0}`:                             "a uint64",
		`{"a":[1,9223372036854775808,null,2]}`:                                   "a list<item: uint64, nullable>",
		`{"a":9223372036854775808} {"a":0.5}`:                                    "a float64",
		`{"a":1} {"a":9223372036854775808} {"a":0.5} {"a":36893488147419103232}`: "a float64",
		`{"a":-1} {"a":0.5} {"a":9223372036854775808}`:                           "a float64",
		`{"a":9223372036854775807} {"a":-9223372036854775808}`:                   "a int64",
		`{"a":-9223372036854775808} {"a":1.5}`:                                   "a float64",
		`{"a":-0} {"a":9223372036854775809}`:                                     "a uint64",
	} {
		b := NewBatch(nil, Options{})
		push(t, b, rows)
		rec := record(t, b)
		if columns, _ := render(t, rec); columns != want {
			t.Errorf("%s: got %s, want %s", rows, columns, want)
		}
		if err := compareRows(rec, 0, []byte(rows)); err != nil {
			t.Errorf("%s: %v", rows, err)
		}
	}
}

// A list of numbers is a vector by its values only where there are enough of them.
func TestVectorsByValue(t *testing.T) {
	row := func(n int, first string) string { return `{"v":[` + first + strings.Repeat(",0.25", n-1) + `]}` }
	for name, tc := range map[string]struct {
		rows []string
		want string
	}{
		"enough":        {[]string{row(16, "1")}, "v fixed_size_list<item: float32, nullable>[16]"},
		"nulls between": {[]string{row(16, "1"), `{}`, `{"v":null}`}, "v fixed_size_list<item: float32, nullable>[16]"},
		"too short":     {[]string{row(15, "1")}, "v list<item: float64, nullable>"},
		"two lengths":   {[]string{row(16, "1"), row(17, "1")}, "v list<item: float64, nullable>"},
		"an empty one":  {[]string{row(16, "1"), `{"v":[]}`}, "v list<item: float64, nullable>"},
		"a null in it":  {[]string{row(16, "null")}, "v list<item: float64, nullable>"},
		"too large":     {[]string{row(16, "1e39")}, "v list<item: float64, nullable>"},
		"all integral":  {[]string{`{"v":[1.0` + strings.Repeat(",2", 15) + `]}`}, "v list<item: float64, nullable>"},
		"integers":      {[]string{`{"v":[1` + strings.Repeat(",2", 15) + `]}`}, "v list<item: int64, nullable>"},
		"in a struct":   {[]string{`{"s":` + row(16, "1") + `}`}, "s struct<v: fixed_size_list<item: float32, nullable>[16]>"},
		"in a list":     {[]string{`{"l":[` + row(16, "1") + `]}`}, "l list<item: struct<v: list<item: float64, nullable>>, nullable>"},
	} {
		b := NewBatch(nil, Options{Declared: &schema.Declaration{AutoVectors: true}})
		for range minVectors {
			push(t, b, tc.rows...)
		}
		rec := record(t, b)
		if columns, _ := render(t, rec); columns != tc.want {
			t.Errorf("%s: got %s, want %s", name, columns, tc.want)
		}
		for i, p := range tc.rows {
			if err := compareRows(rec, i, []byte(p)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.Reset(nil)
		for range minVectors - 1 {
			push(t, b, row(16, "1"))
		}
		if columns, _ := show(t, b); columns != "v list<item: float64, nullable>" {
			t.Errorf("of 99 rows: %s", columns)
		}
	}
}

func TestCheckDeclaration(t *testing.T) {
	for want, c := range map[string]schema.Column{
		"the default of column a does not fit int8":                                                                     withDefault("a", "int8", "300"),
		"the default of column o.p does not fit utf8":                                                                   withDefault("o.p", "utf8", "1"),
		"the default of column l[].q does not fit int8":                                                                 withDefault("l[].q", "int8", "x"),
		"the default of column s does not fit struct<x: int8>: type: the default of field c: field c.y is not declared": withDefault("s", "struct<x: int8>", `{"y":1}`),
		"the default of column a does not fit int8: type: the default of field c: malformed JSON at byte 1":             withDefault("a", "int8", "1 2"),
		"the default of column n does not fit int8 not null":                                                            withDefault("n", "int8 not null", "null"),
		"column m: the table needs a value of map":                                                                      col("m", "map<utf8, int8> not null"),
	} {
		fields, err := schema.Declare([]schema.Column{c}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = CheckDeclaration(&schema.Declaration{Fields: fields})
		if err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(want, " not null")) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestExtraIsText(t *testing.T) {
	for typ, ok := range map[string]bool{"utf8": true, "json": true, "large_utf8": true, "int64": false, "binary": false, "dictionary<int8, utf8>": false, "struct<a: int8>": false} {
		fields, err := schema.Declare([]schema.Column{col(schema.Extra, typ)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		d := &schema.Declaration{Fields: fields, Undeclared: schema.KeepJSON}
		err = CheckDeclaration(d)
		if ok && err != nil || !ok && (err == nil || !strings.Contains(err.Error(), "column _extra: undeclared fields are kept in it as JSON")) {
			t.Errorf("%s: got %v", typ, err)
		}
		b := NewBatch(nil, Options{Declared: d})
		if _, err := b.Append(Meta{}, []byte(`{"x":1}`)); (err == nil) != ok {
			t.Errorf("%s: a row: got %v", typ, err)
		}
		d.Undeclared = schema.Evolve
		if err := CheckDeclaration(d); err != nil {
			t.Errorf("%s, evolve: got %v", typ, err)
		}
	}
}

func TestContradictionIsAnError(t *testing.T) {
	o := declare(t, schema.Evolve, col("a", "int8"))
	s := table(nullable("a", arrow.BinaryTypes.String))
	if err := Check(s, o); err == nil || !strings.Contains(err.Error(), "column a: the table holds utf8, and int8 is declared") {
		t.Errorf("got %v", err)
	}
	b := NewBatch(s, o)
	if _, err := b.Append(Meta{}, []byte(`{"a":1}`)); err == nil || !strings.Contains(err.Error(), "the table holds utf8") {
		t.Errorf("got %v", err)
	}
	b.Reset(nil)
	push(t, b, `{"a":1}`)
}
