package schema_test

import (
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

func yes(v bool) *bool { return &v }

// A vector that became a list, as it was declared to, is no contradiction.
func TestApplyToWhatAVectorBecame(t *testing.T) {
	table := parsed(t, "v: list<float>")
	got, err := declared(t, schema.Column{Path: "v", Type: "fixed_size_list<float>[4]", Vector: "to_list"}).Apply(table)
	if err != nil || shown(got.Fields()) != "v: list<float> pst.vector=to_list" {
		t.Errorf("got %v, %v", got, err)
	}
	got, err = declared(t, schema.Column{Path: "v", Type: "fixed_size_list<float>[4]", Vector: "to_list"}).Apply(parsed(t, "v: list<double>"))
	if err != nil || shown(got.Fields()) != "v: list<double> pst.vector=to_list" {
		t.Errorf("got %v, %v, where its values became wider too", got, err)
	}
	if _, err := declared(t, schema.Column{Path: "v", Type: "fixed_size_list<float>[4]"}).Apply(table); err == nil {
		t.Error("nobody allowed it")
	}
}

// shown lists fields with their settings.
func shown(fields []arrow.Field) string {
	var out []string
	for _, f := range fields {
		s := f.Name + ": " + schema.FormatType(f)
		if !f.Nullable {
			s += " not null"
		}
		for i, key := range f.Metadata.Keys() {
			if key != schema.KeyType {
				s += " " + key + "=" + f.Metadata.Values()[i]
			}
		}
		out = append(out, s)
		switch t := f.Type.(type) {
		case *arrow.StructType:
			if inside := shown(t.Fields()); strings.Contains(inside, "=") {
				out = append(out, "{"+inside+"}")
			}
		case *arrow.ListType:
			if inside := shown([]arrow.Field{t.ElemField()}); strings.Contains(inside, "=") {
				out = append(out, "["+inside+"]")
			}
		}
	}
	return strings.Join(out, "; ")
}

func TestDeclare(t *testing.T) {
	fields, err := schema.Declare([]schema.Column{
		{Path: "id", Type: "int64 not null", Settings: map[string]string{"lance-encoding:compression": "zstd"}},
		{Path: "price", Type: "decimal128(18, 4)", Nullable: yes(false), Default: `"0.0000"`},
		{Path: "pos", Type: "struct<x: double, y: double>"},
		{Path: "pos.x", Default: "0"},
		{Path: "address.city.name", Type: "utf8", Conflict: "string"},
		{Path: "address.zip", Type: "utf8"},
		{Path: "lines[].sku", Type: "utf8 not null"},
		{Path: "lines", Settings: map[string]string{"lance-encoding:compression": "lz4"}},
		{Path: "tags[]", Type: "utf8"},
		{Path: "v", Type: "fixed_size_list<float>[4]", Vector: "to_list"},
		{Path: "n", Type: "int32", Widen: "float"},
		{Path: "raw", Type: "json", Default: `{"a":1}`},
		{Path: `o.a\.b`, Type: "int8"},
	}, []string{"id"})
	if err != nil {
		t.Fatal(err)
	}
	const pk = "lance-schema:unenforced-primary-key"
	want := "id: int64 not null lance-encoding:compression=zstd " + pk + "=true " + pk + ":position=1; " +
		`price: decimal128(18, 4) not null pst.default="0.0000"; ` +
		"pos: struct<x: double, y: double>; {x: double pst.default=0; y: double}; " +
		"address: struct<city: struct<name: utf8>, zip: utf8>; {city: struct<name: utf8>; {name: utf8 pst.conflict=string}; zip: utf8}; " +
		"lines: list<struct<sku: utf8 not null>>; [item: struct<sku: utf8 not null>; {sku: utf8 not null lance-encoding:compression=lz4}]; " +
		"tags: list<utf8>; v: fixed_size_list<float>[4] pst.vector=to_list; n: int32 pst.widen=float; " +
		`raw: json pst.default={"a":1}; o: struct<a.b: int8>`
	if got := shown(fields); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDeclareRefuses(t *testing.T) {
	col := func(path, typ string) schema.Column { return schema.Column{Path: path, Type: typ} }
	for want, columns := range map[string][]schema.Column{
		"column a: it has a type already":                    {col("a", "int8"), col("a", "int8")},
		"column a: it has no type":                           {{Path: "a"}},
		`column a: type "in", column 1: there is no type`:    {col("a", "in")},
		"column a.b: a is no struct":                         {col("a", "int8"), col("a.b", "int8")},
		"column a[]: a is no list":                           {col("a", "int8"), col("a[]", "int8")},
		"column a.b: a is no struct; behind a list stands":   {col("a", "list<struct<c: int8>>"), col("a.b", "int8")},
		"column : the path":                                  {col("", "int8")},
		"column a..b: the path":                              {col("a..b", "int8")},
		"column a[]b: the path":                              {col("a[]b", "int8")},
		"column a[: the path":                                {col("a[", "int8")},
		"column a.: the path":                                {col("a.", "int8")},
		"are the bridge's own":                               {col("_nats_seq", "uint64")},
		"no reader opens a table with":                       {col("_rowid", "uint64")},
		"the key \"a.b\" becomes column a_x2Eb":              {col(`a\.b`, "int8")},
		"conflict is \"text\": the only choice":              {{Path: "a", Type: "utf8", Conflict: "text"}},
		"conflict: string is for columns of utf8":            {{Path: "a", Type: "json", Conflict: "string"}},
		"vector: to_list is for columns of fixed_size_list":  {{Path: "a", Type: "list<float>", Vector: "to_list"}},
		"widen: float is for columns of integers":            {{Path: "a", Type: "float", Widen: "float"}},
		"items of lists have no default":                     {{Path: "a[]", Type: "int8", Default: "1"}},
		"says not null, and nullable says":                   {{Path: "a", Type: "int8 not null", Nullable: yes(true)}},
		"primary key: column k has to be declared not null":  {col("k", "int8")},
		"primary key: column k is not declared, or is a str": {col("k", "struct<a: int8>")},
	} {
		var key []string
		if columns[0].Path == "k" {
			key = []string{"k"}
		}
		if _, err := schema.Declare(columns, key); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func declared(t *testing.T, columns ...schema.Column) *schema.Declaration {
	t.Helper()
	fields, err := schema.Declare(columns, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &schema.Declaration{Fields: fields}
}

func TestApply(t *testing.T) {
	d := declared(t,
		schema.Column{Path: "a", Type: "int32 not null", Default: "1"},
		schema.Column{Path: "s.x", Type: "utf8", Conflict: "string"},
		schema.Column{Path: "s.y", Type: "utf8 not null"},
		schema.Column{Path: "l[].p", Type: "int8", Default: "7"},
		schema.Column{Path: "new", Type: "int64 not null"},
	)
	d.Undeclared = schema.KeepJSON
	old := arrow.NewMetadata([]string{schema.KeyDefault, "theirs"}, []string{"5", "stays"})
	table := arrow.NewSchema([]arrow.Field{
		{Name: "other", Type: arrow.PrimitiveTypes.Int8, Metadata: old},
		{Name: "a", Type: arrow.PrimitiveTypes.Int32, Nullable: true, Metadata: old},
		{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.BinaryTypes.String, Nullable: true}), Nullable: true, Metadata: old},
		{Name: "l", Type: arrow.ListOf(arrow.StructOf(arrow.Field{Name: "q", Type: arrow.PrimitiveTypes.Int8, Nullable: true})), Nullable: true},
	}, nil)
	got, err := d.Apply(table)
	if err != nil {
		t.Fatal(err)
	}
	want := "other: int8 not null pst.default=5 theirs=stays; a: int32 theirs=stays pst.default=1 pst.required=true; " +
		"s: struct<x: utf8, y: utf8> theirs=stays; {x: utf8 pst.conflict=string; y: utf8 pst.required=true}; " +
		"l: list<struct<q: int8, p: int8>>; [item: struct<q: int8, p: int8>; {q: int8; p: int8 pst.default=7}]; " +
		"new: int64 pst.required=true; _extra: json"
	if s := shown(got.Fields()); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	again, err := d.Apply(got)
	if err != nil || shown(again.Fields()) != want {
		t.Errorf("applied twice: %s, %v", shown(again.Fields()), err)
	}
	fresh, err := d.Apply(nil)
	if err != nil || !strings.HasPrefix(shown(fresh.Fields()), "a: int32 not null pst.default=1; ") {
		t.Errorf("for a new table: %v, %v", fresh, err)
	}
	if none, err := (*schema.Declaration)(nil).Apply(table); none != table || err != nil {
		t.Errorf("nothing declared: %v, %v", none, err)
	}
}

func TestApplyContradicts(t *testing.T) {
	table := arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "s", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8}), Nullable: true},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true},
		{Name: "v", Type: arrow.FixedSizeListOfField(4, arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Float32}), Nullable: true},
	}, nil)
	for want, c := range map[string]schema.Column{
		"column a: the table holds utf8, and int64 is declared":                     {Path: "a", Type: "int64"},
		"column s.x: the table holds int8, and utf8 is declared":                    {Path: "s.x", Type: "utf8"},
		"column s: the table holds struct<x: int8 not null>, and int8 is declared":  {Path: "s", Type: "int8"},
		"column l[]: the table holds int8, and bool is declared":                    {Path: "l[]", Type: "bool"},
		"column l: the table holds list<int8>, and large_list<int8> is declared":    {Path: "l", Type: "large_list<int8>"},
		"column v: the table holds fixed_size_list<float not null>[4], and fixed_s": {Path: "v", Type: "fixed_size_list<float>[5]"},
		"": {Path: "v", Type: "fixed_size_list<float>[4]"},
		"column l: the table holds list<int8>, and fixed_size_list<int16>[2] is declared": {Path: "l", Type: "fixed_size_list<int16>[2]", Vector: "to_list"},
	} {
		_, err := declared(t, c).Apply(table)
		if want == "" && err == nil {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || want == "" {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
