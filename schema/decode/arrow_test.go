package decode

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/schema"
)

const arrowType = "Content-Type: application/vnd.apache.arrow.stream"

// stream writes records as the library writes them.
func stream(t testing.TB, s *arrow.Schema, recs []arrow.Record, o ...arrowipc.Option) []byte {
	t.Helper()
	var out bytes.Buffer
	w := arrowipc.NewWriter(&out, append(o, arrowipc.WithSchema(s))...)
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// rowsOf is a record of rows given as JSON.
func rowsOf(t testing.TB, s *arrow.Schema, rows string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader("["+rows+"]"))
	if err != nil {
		t.Fatalf("%s: %v", rows, err)
	}
	return rec
}

func pushArrow(t testing.TB, b *Batch, s *arrow.Schema, rows string) {
	t.Helper()
	if _, err := headed(b, string(stream(t, s, []arrow.Record{rowsOf(t, s, rows)})), arrowType); err != nil {
		t.Fatalf("append %s: %v", rows, err)
	}
}

func refuseArrow(t testing.TB, b *Batch, payload []byte, class, reason string) {
	t.Helper()
	rows, size := b.Rows(), b.Bytes()
	n, err := headed(b, string(payload), arrowType)
	var rej *Reject
	if !errors.As(err, &rej) || class != "" && rej.Class != class || rej.Class == ClassPanic || !strings.Contains(rej.Reason, reason) {
		t.Errorf("got %d rows and %v, want class %s and %q", n, err, class, reason)
	}
	if n != 0 || b.Rows() != rows || b.Bytes() != size {
		t.Errorf("rows %d -> %d, bytes %d -> %d", rows, b.Rows(), size, b.Bytes())
	}
}

// allTypes are columns of all types that Arrow payloads bring, with some rows of each.
func allTypes(t testing.TB) arrow.Record {
	p, w := arrow.PrimitiveTypes, arrow.FixedWidthTypes
	b, s := arrow.BinaryTypes, arrow.BinaryTypes.String
	fields := []arrow.Field{
		nullable("bool", w.Boolean), nullable("i8", p.Int8), nullable("i16", p.Int16), nullable("i32", p.Int32), nullable("i64", p.Int64),
		nullable("u8", p.Uint8), nullable("u16", p.Uint16), nullable("u32", p.Uint32), nullable("u64", p.Uint64),
		nullable("f16", w.Float16), nullable("f32", p.Float32), nullable("f64", p.Float64),
		nullable("d32", w.Date32), nullable("d64", w.Date64), nullable("t32", w.Time32ms), nullable("t64", w.Time64ns), nullable("dur", w.Duration_us),
		nullable("ts", &arrow.TimestampType{Unit: arrow.Nanosecond, TimeZone: "Europe/Berlin"}), nullable("naive", &arrow.TimestampType{Unit: arrow.Second}),
		nullable("dec", &arrow.Decimal128Type{Precision: 18, Scale: 4}), nullable("dec256", &arrow.Decimal256Type{Precision: 50, Scale: 2}),
		nullable("fsb", &arrow.FixedSizeBinaryType{ByteWidth: 3}),
		nullable("s", s), nullable("ls", b.LargeString), nullable("b", b.Binary), nullable("lb", b.LargeBinary),
		nullable("dict", words(p.Int8)), nullable("dict64", words(p.Uint64)),
		nullable("vec", arrow.FixedSizeListOf(3, p.Float32)), nullable("vec16", arrow.FixedSizeListOf(2, w.Float16)), nullable("flags", arrow.FixedSizeListOf(3, w.Boolean)),
		nullable("deep", arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(2, p.Int16))),
		nullable("list", arrow.ListOf(s)), nullable("large", arrow.LargeListOf(p.Int32)), nullable("ll", arrow.ListOf(arrow.ListOf(w.Boolean))),
		nullable("st", arrow.StructOf(nullable("a", p.Int32), nullable("b", arrow.StructOf(nullable("c", s))))),
		nullable("ls2", arrow.ListOf(arrow.StructOf(nullable("x", words(p.Int32)), nullable("v", arrow.FixedSizeListOf(2, p.Float64))))),
	}
	fields[0].Metadata = arrow.NewMetadata([]string{"ARROW:extension:metadata", "ARROW:extension:name", "mine"}, []string{"m", "people.flag", "yes"})
	full := `{"bool":true,"i8":-128,"i16":-32768,"i32":-5,"i64":-9007199254740993,"u8":255,"u16":65535,"u32":4294967295,"u64":18446744073709551615,` +
		`"f16":1.5,"f32":0.1,"f64":0.1,"d32":"2024-02-29","d64":"1969-12-31","t32":"23:59:59.999","t64":"00:00:00.000000001","dur":"-5us",` +
		`"ts":"2024-01-01 00:00:00.123456789","naive":"1969-01-01 00:00:00","dec":"-12345678901234.5678","dec256":"123456789012345678901234567890.12","fsb":"AAEC",` +
		`"s":"née","ls":"","b":"/wA=","lb":"AA==","dict":"one","dict64":"x","vec":[1,2.5,-3],"vec16":[1,0.5],"flags":[true,false,true],"deep":[[1,2],[3,4]],` +
		`"list":["a",null,"é"],"large":[1,2,3],"ll":[[true],null,[]],"st":{"a":1,"b":{"c":"x"}},"ls2":[{"x":"k","v":[1,2]},null,{"x":null,"v":[3,4]}]}`
	other := strings.NewReplacer(`"bool":true`, `"bool":false`, `"née"`, `"more text"`, `"dict":"one"`, `"dict":"two"`, `"list":["a",null,"é"]`, `"list":[]`,
		`"b":{"c":"x"}`, `"b":null`, `"x":"k"`, `"x":"l"`).Replace(full)
	return rowsOf(t, arrow.NewSchema(fields, nil), full+",{},"+other+","+full+",{}")
}

// sameRows compares the columns of a record from one row on with those of another, by name.
func sameRows(got arrow.Record, first int64, want arrow.Record) error {
	part := got.NewSlice(first, first+want.NumRows())
	for i, f := range want.Schema().Fields() {
		at := part.Schema().FieldIndices(schema.ColumnName(f.Name))
		if len(at) != 1 {
			if want.Column(i).NullN() == int(want.NumRows()) {
				continue
			}
			return fmt.Errorf("column %s is not there", f.Name)
		}
		g, w := part.Column(at[0]), want.Column(i)
		if renamed(w.DataType()) {
			continue
		}
		if g.DataType().ID() != w.DataType().ID() {
			return fmt.Errorf("column %s: %s, want %s", f.Name, g.DataType(), w.DataType())
		}
		for r := range int(want.NumRows()) {
			if g.IsNull(r) != w.IsNull(r) {
				return fmt.Errorf("column %s, row %d: null %t, want %t", f.Name, r, g.IsNull(r), w.IsNull(r))
			}
			wanted, ok := textOf(w, r)
			if got, _ := textOf(g, r); ok && got != wanted {
				return fmt.Errorf("column %s, row %d: %s, want %s", f.Name, r, got, wanted)
			}
		}
	}
	return nil
}

// renamed tells whether members of a type get other names in a table.
func renamed(t arrow.DataType) bool {
	nested, ok := t.(arrow.NestedType)
	return ok && slices.ContainsFunc(nested.Fields(), func(f arrow.Field) bool {
		return schema.MemberName(f.Name) != f.Name || renamed(f.Type)
	})
}

// textOf is a value as text; the library panics on zones and numbers of entries that are none.
func textOf(a arrow.Array, i int) (s string, ok bool) {
	defer func() {
		if recover() != nil {
			s, ok = "", false
		}
	}()
	return a.ValueStr(i), true
}

// TestArrowTypes brings columns of all types into a new table, and again into that
// table, in one message and many, compressed and not.
func TestArrowTypes(t *testing.T) {
	want := allTypes(t)
	for name, o := range map[string][]arrowipc.Option{
		"plain": nil, "lz4": {arrowipc.WithLZ4()}, "zstd": {arrowipc.WithZstd()},
	} {
		t.Run(name, func(t *testing.T) {
			payload := stream(t, want.Schema(), []arrow.Record{want.NewSlice(0, 2), want.NewSlice(2, 5)}, o...)
			b := NewBatch(nil, Options{Seq: true})
			for range 3 { // new, new again, and of the table
				for _, header := range []string{arrowType, "Content-Type: application/octet-stream"} { // found out by how it begins
					if n, err := headed(b, string(payload), header); err != nil || n != 5 {
						t.Fatalf("%d rows, %v", n, err)
					}
				}
				rec := record(t, b)
				for _, first := range []int64{0, 5} {
					if err := sameRows(rec, first, want); err != nil {
						t.Error(err)
					}
				}
				for i, f := range want.Schema().Fields() {
					if g := rec.Schema().Field(i + 1); !arrow.TypeEqual(g.Type, f.Type) || !g.Nullable || !g.Metadata.Equal(f.Metadata) {
						t.Errorf("got %v, want %v", g, f)
					}
				}
				b.Reset(rec.Schema())
			}
		})
	}
}

// TestArrowCasts holds what goes into a column of another type, exactly or not at all.
func TestArrowCasts(t *testing.T) {
	p, w := arrow.PrimitiveTypes, arrow.FixedWidthTypes
	utc := func(u arrow.TimeUnit) arrow.DataType { return &arrow.TimestampType{Unit: u, TimeZone: "UTC"} }
	json, anything := nullable("c", arrow.BinaryTypes.String), nullable("c", arrow.BinaryTypes.String)
	json.Metadata = arrow.NewMetadata([]string{schema.KeyType}, []string{schema.TypeJSON})
	anything.Metadata = arrow.NewMetadata([]string{schema.KeyConflict}, []string{"string"})
	for _, tc := range []struct {
		to        arrow.Field
		from      arrow.DataType
		good, bad string // values
		want      string
	}{
		{nullable("c", p.Int64), p.Int32, `-5 null 7`, ``, `[-5 (null) 7]`},
		{nullable("c", p.Float64), p.Int32, `-5 7 -20000000`, ``, `[-5 7 -2e+07]`},
		{nullable("c", p.Float64), p.Int64, `9007199254740992`, `"9007199254740993"`, ``},
		{nullable("c", p.Float32), p.Int32, `16777216`, `16777217`, ``},
		{nullable("c", p.Int8), p.Uint64, `127`, `128 18446744073709551615`, ``},
		{nullable("c", p.Uint64), p.Int8, `0 127`, `-1`, ``},
		{nullable("c", p.Int64), p.Float64, `3 -0.5e1`, `0.5 1e19`, `[3 -5]`},
		{nullable("c", p.Float64), p.Float32, `0.1 0.5`, ``, `[0.10000000149011612 0.5]`},
		{nullable("c", p.Float64), w.Float16, `0.5`, ``, `[0.5]`},
		{nullable("c", p.Float32), p.Float64, `0.5`, `0.1 1e300`, `[0.5]`},
		{nullable("c", w.Float16), p.Float64, `0.5`, `0.1 1e300 2049`, ``},
		{nullable("c", w.Float16), p.Float32, `-0.25`, `0.1 70000`, ``},
		{nullable("c", arrow.BinaryTypes.LargeString), arrow.BinaryTypes.String, `"x" "é"`, ``, `["x" "é"]`},
		{nullable("c", arrow.BinaryTypes.String), arrow.BinaryTypes.LargeString, `"x"`, ``, `["x"]`},
		{nullable("c", arrow.BinaryTypes.String), words(p.Int8), `"x" "y" null "x"`, ``, `["x" "y" (null) "x"]`},
		{nullable("c", words(p.Int16)), arrow.BinaryTypes.LargeString, `"x" "y" "x"`, ``, ``},
		{nullable("c", words(p.Uint8)), words(p.Int64), `"x" null "x"`, ``, ``},
		{nullable("c", arrow.BinaryTypes.String), arrow.BinaryTypes.Binary, `null`, `"eA=="`, ``},
		{nullable("c", arrow.BinaryTypes.Binary), arrow.BinaryTypes.String, `null`, `"eA=="`, ``},
		{nullable("c", arrow.BinaryTypes.Binary), &arrow.FixedSizeBinaryType{ByteWidth: 1}, `"eA=="`, ``, `["x"]`},
		{nullable("c", &arrow.FixedSizeBinaryType{ByteWidth: 2}), arrow.BinaryTypes.LargeBinary, `"eHk="`, `"eA=="`, `["xy"]`},
		{nullable("c", utc(arrow.Millisecond)), utc(arrow.Microsecond), `1001000 -1000`, `1001001 -1`, `[1001 -1]`},
		{nullable("c", utc(arrow.Nanosecond)), utc(arrow.Second), `-5`, `9223372037`, `[-5000000000]`},
		{nullable("c", utc(arrow.Second)), &arrow.TimestampType{Unit: arrow.Second}, `null`, `1`, ``},
		{nullable("c", p.Int64), utc(arrow.Second), `null`, `1`, ``},
		{nullable("c", w.Boolean), p.Int8, `null`, `1`, ``},
		{nullable("c", &arrow.Decimal128Type{Precision: 5, Scale: 2}), &arrow.Decimal128Type{Precision: 5, Scale: 1}, `null`, `"1.5"`, ``},
		{nullable("c", arrow.FixedSizeListOf(2, p.Float32)), arrow.FixedSizeListOf(2, p.Float64), `[1,0.5] null [2,3]`, `[1,0.1] [1,null]`, `[[1 0.5] (null) [2 3]]`},
		{nullable("c", arrow.FixedSizeListOf(2, p.Float32)), arrow.ListOf(p.Float32), `[1,0.1] null`, `[1] [] [1,2,3]`, `[[1 0.1] (null)]`},
		{nullable("c", arrow.FixedSizeListOf(2, p.Int8)), arrow.LargeListOf(p.Int32), `[1,-2]`, `[1,300]`, `[[1 -2]]`},
		{nullable("c", arrow.FixedSizeListOf(2, p.Float32)), arrow.FixedSizeListOf(3, p.Float32), `null`, `[1,2,3]`, ``},
		{nullable("c", arrow.FixedSizeListOf(2, p.Float32)), arrow.FixedSizeListOf(2, p.Float32), `[1,null] null [3,4]`, ``, `[[1 (null)] (null) [3 4]]`},
		{nullable("c", arrow.ListOf(p.Int64)), arrow.FixedSizeListOf(2, p.Int32), `[1,null] null [3,4]`, ``, `[[1 (null)] (null) [3 4]]`},
		{nullable("c", arrow.ListOf(p.Int64)), arrow.LargeListOf(p.Uint64), `[1,null] null []`, `[18446744073709551615]`, `[[1 (null)] (null) []]`},
		{nullable("c", arrow.StructOf(nullable("x", p.Int64))), arrow.StructOf(nullable("x", p.Int8), nullable("new", w.Boolean)), `{"x":1} null {"new":true}`, ``, ``},
		{nullable("c", arrow.MapOf(arrow.BinaryTypes.String, p.Int64)), p.Int8, `null`, `1`, ``},
		{json, arrow.BinaryTypes.String, `"{\"a\":[1]}" null "1"`, `"x" "" "1,2"`, `["{\"a\":[1]}" (null) "1"]`},
		{json, p.Int8, `null`, `1`, ``},
		{anything, arrow.BinaryTypes.String, `"x"`, ``, `["x"]`},
	} {
		t.Run(tc.to.Type.String()+" from "+tc.from.String(), func(t *testing.T) {
			s, from := table(nullable("id", p.Int64), tc.to), table(nullable("c", tc.from))
			b := NewBatch(s, Options{})
			values := strings.Fields(tc.good)
			var rows []string
			for _, v := range values {
				rows = append(rows, `{"c":`+v+`}`)
			}
			pushArrow(t, b, from, strings.Join(rows, ","))
			for _, row := range rows { // and one by one
				pushArrow(t, b, from, row)
			}
			for v := range strings.FieldsSeq(tc.bad) {
				refuseArrow(t, b, stream(t, from, []arrow.Record{rowsOf(t, from, `{"c":`+values[0]+`},{"c":`+v+`}`)}), ClassType, "field c")
			}
			rec := record(t, b)
			if at := rec.Schema().FieldIndices("c"); len(at) == 1 && tc.want != "" {
				c := rec.Column(at[0])
				half := c.Len() / 2
				for _, part := range []arrow.Array{array.NewSlice(c, 0, int64(half)), array.NewSlice(c, int64(half), int64(c.Len()))} {
					if got := part.String(); got != tc.want {
						t.Errorf("got %s, want %s", got, tc.want)
					}
				}
			}
		})
	}
}

// TestArrowColumns holds names, new columns, what is missing and what must be there.
func TestArrowColumns(t *testing.T) {
	p := arrow.PrimitiveTypes
	need := func(name string, typ arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: typ} }
	s := table(need("id", p.Int64), nullable("o", arrow.StructOf(need("x", p.Int8), nullable("y", p.Int8))))
	b := NewBatch(s, Options{Seq: true})
	pushArrow(t, b, table(nullable("a.b", p.Int8), nullable("id", p.Int32), nullable("o", arrow.StructOf(nullable("x", p.Int8), nullable("z", p.Float32)))),
		`{"a.b":1,"id":1,"o":{"x":1,"z":0.5}},{"id":2,"o":null},{"id":3,"a.b":null}`)
	push(t, b, `{"id":4,"o":{"x":4,"y":4},"a.b":100}`)
	refuse(t, b, `{"id":4,"a.b":300}`, ClassType, "does not fit int8")
	for _, tc := range []struct {
		s             *arrow.Schema
		rows          string
		class, reason string
	}{
		{table(nullable("id", p.Int64)), `{"id":1},{"id":null}`, ClassRequired, "field id: the table needs a value of int64"},
		{table(nullable("y", p.Int64)), `{"y":1}`, ClassRequired, "field id"},
		{table(nullable("id", arrow.Null)), `{"id":null}`, ClassRequired, "field id"},
		{table(nullable("id", p.Int64), nullable("o", arrow.StructOf(nullable("x", p.Int8)))), `{"id":1,"o":{"x":null}}`, ClassRequired, "field o.x"},
		{table(nullable("id", p.Int64), nullable("o", arrow.StructOf(nullable("y", p.Int8)))), `{"id":1,"o":{"y":1}}`, ClassRequired, "field o.x"},
		{table(nullable("id", p.Int64), nullable("id", p.Int64)), ``, ClassParse, "field id: the key occurs twice"},
		{table(nullable("_nats_seq", p.Int64)), ``, ClassReserved, "field _nats_seq"},
		{table(nullable("", p.Int64)), ``, ClassParse, "no characters"},
		{table(nullable("o", p.Int64)), `{"o":1}`, ClassType, "field o: int64 does not fit struct<"},
	} {
		var nulls []arrow.Array
		for _, f := range tc.s.Fields() {
			nulls = append(nulls, array.MakeArrayOfNull(memory.DefaultAllocator, f.Type, 1))
		}
		rec := array.NewRecord(tc.s, nulls, 1)
		if tc.rows != "" {
			rec = rowsOf(t, tc.s, tc.rows)
		} else if tc.s.NumFields() > 1 {
			one := rowsOf(t, table(tc.s.Field(0)), `{"id":1}`).Column(0)
			rec = array.NewRecord(tc.s, []arrow.Array{one, one}, 1)
		}
		refuseArrow(t, b, stream(t, tc.s, []arrow.Record{rec}), tc.class, tc.reason)
	}
	columns, rows := show(t, b)
	const wantColumns = "id int64 not null; o struct<x: int8, y: int8, z: float32>; _nats_seq uint64; a_x2Eb int8"
	const wantRows = `{"_nats_seq":1,"a_x2Eb":1,"id":1,"o":{"x":1,"y":null,"z":0.5}}
{"_nats_seq":1,"a_x2Eb":null,"id":2,"o":null}
{"_nats_seq":1,"a_x2Eb":null,"id":3,"o":null}
{"_nats_seq":1,"a_x2Eb":100,"id":4,"o":{"x":4,"y":4,"z":null}}`
	if columns != wantColumns || rows != wantRows {
		t.Errorf("got\n%s\n%s\nwant\n%s\n%s", columns, rows, wantColumns, wantRows)
	}
}

// TestArrowBesideJSON mixes formats in one batch, in each order.
func TestArrowBesideJSON(t *testing.T) {
	p := arrow.PrimitiveTypes
	s := table(nullable("i", p.Int32), nullable("f", p.Float32), nullable("l", arrow.ListOf(p.Int16)), nullable("v", arrow.FixedSizeListOf(2, p.Float32)), nullable("t", arrow.BinaryTypes.String))
	const rows = `{"i":1,"f":0.5,"l":[1,2],"v":[1,2],"t":"x"},{}`
	b := NewBatch(nil, Options{})
	push(t, b, `{"i":1,"f":2,"l":[],"t":"y"}`, `{"i":3000000000,"v":null}`)
	pushArrow(t, b, s, rows)
	pushPacked(t, b, object{"i", 5, "l", []any{700}})
	_, got := show(t, b)
	want := `{"f":2,"i":1,"l":[],"t":"y","v":null}
{"f":null,"i":3000000000,"l":null,"t":null,"v":null}
{"f":0.5,"i":1,"l":[1,2],"t":"x","v":[1,2]}
{"f":null,"i":null,"l":null,"t":null,"v":null}
{"f":null,"i":5,"l":[700],"t":null,"v":null}`
	if got != want {
		t.Errorf("got\n%s", got)
	}
	b.Reset(nil)
	pushArrow(t, b, s, rows)
	refuse(t, b, `{"i":3000000000}`, ClassType, "does not fit int32")
	push(t, b, `{"i":3,"f":1.25,"l":[3,null],"v":[0.1,3],"t":"z"}`)
	pushArrow(t, b, s, `{"v":[1,null]}`)
	push(t, b, `{"v":[5,6]}`)
	if _, got := show(t, b); !strings.HasSuffix(strings.ReplaceAll(got, "\n", ""), `"v":[0.1,3]}{"f":null,"i":null,"l":null,"t":null,"v":[1,null]}{"f":null,"i":null,"l":null,"t":null,"v":[5,6]}`) {
		t.Errorf("got %s", got)
	}
}

func TestArrowRefuses(t *testing.T) {
	good := stream(t, table(nullable("a", arrow.PrimitiveTypes.Int64)), []arrow.Record{rowsOf(t, table(nullable("a", arrow.PrimitiveTypes.Int64)), `{"a":1}`)})
	only := func(typ arrow.DataType) []byte {
		s := table(nullable("c", typ))
		return stream(t, s, []arrow.Record{array.NewRecord(s, []arrow.Array{array.MakeArrayOfNull(memory.DefaultAllocator, typ, 1)}, 1)})
	}
	for name, tc := range map[string]struct {
		payload       []byte
		class, reason string
	}{
		"nothing":      {nil, ClassParse, "the payload is empty"},
		"JSON":         {[]byte(`{"a":1}`), ClassParse, "not a sound Arrow IPC stream: the beginning of a message is damaged"},
		"no rows":      {stream(t, table(nullable("a", arrow.PrimitiveTypes.Int64)), nil), ClassParse, "the payload has no rows"},
		"cut":          {good[:len(good)-17], ClassParse, "is damaged"},
		"more behind":  {append(bytes.Clone(good), 0), ClassParse, "behind which there is more"},
		"twice":        {append(bytes.Clone(good), good...), ClassParse, "behind which there is more"},
		"map":          {only(arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8)), ClassType, "field c: map is not supported"},
		"interval":     {only(arrow.FixedWidthTypes.MonthInterval), ClassType, "field c: interval is not supported"},
		"list structs": {only(arrow.FixedSizeListOf(2, arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int8)))), ClassType, "field c: there are no columns of fixed_size_list"},
		"long vector":  {only(arrow.FixedSizeListOf(40000, arrow.PrimitiveTypes.Int8)), ClassLimit, "field c: a vector of 40000 values"},
		"wide values":  {only(&arrow.FixedSizeBinaryType{ByteWidth: 70 << 20}), ClassLimit, "field c: values of 73400320 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBatch(nil, Options{Seq: true})
			refuseArrow(t, b, tc.payload, tc.class, tc.reason)
			push(t, b, `{"a":"x"}`)
			refuseArrow(t, b, tc.payload, "", "")
			if columns, _ := show(t, b); columns != "_nats_seq uint64 not null; a utf8" {
				t.Errorf("left %s", columns)
			}
		})
	}
	b := NewBatch(nil, Options{Holds: func(f arrow.Field) error { return fmt.Errorf("no %s", f.Type) }})
	refuseArrow(t, b, good, ClassType, "field a: the table cannot hold it: no int64")
}

// TestArrowDictionaries unifies the dictionaries of messages, of batches in a stream,
// and deltas.
func TestArrowDictionaries(t *testing.T) {
	s := table(nullable("w", words(arrow.PrimitiveTypes.Int8)))
	b := NewBatch(nil, Options{})
	one := stream(t, s, []arrow.Record{rowsOf(t, s, `{"w":"a"},{"w":"b"},{"w":null}`), rowsOf(t, s, `{"w":"a"},{"w":"b"},{"w":"c"}`)}, arrowipc.WithDictionaryDeltas(true))
	two := stream(t, s, []arrow.Record{rowsOf(t, s, `{"w":"c"},{"w":"b"}`), rowsOf(t, s, `{"w":"x"},{"w":"c"}`)})
	for _, p := range [][]byte{one, two} {
		if _, err := headed(b, string(p), arrowType); err != nil {
			t.Fatal(err)
		}
	}
	got := record(t, b).Column(0).(*array.Dictionary)
	var values []string
	for i := range got.Len() {
		values = append(values, got.ValueStr(i))
	}
	if fmt.Sprint(values) != "[a b (null) a b c c b x c]" || got.Dictionary().String() != `["a" "b" "c" "x"]` {
		t.Errorf("got %v of %v", values, got.Dictionary())
	}
}

func flatRecord(rows int) arrow.Record {
	r := rand.New(rand.NewPCG(1, 2))
	s := table(
		nullable("id", arrow.PrimitiveTypes.Int64), nullable("device", arrow.BinaryTypes.String), nullable("value", arrow.PrimitiveTypes.Float64),
		nullable("ok", arrow.FixedWidthTypes.Boolean), nullable("count", arrow.PrimitiveTypes.Int32), nullable("at", timestamps(arrow.Microsecond)),
	)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	for range rows {
		b.Field(0).(*array.Int64Builder).Append(r.Int64N(1 << 40))
		if r.IntN(10) == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("sensor-%05d", r.IntN(100000)))
		}
		b.Field(2).(*array.Float64Builder).Append(r.Float64())
		b.Field(3).(*array.BooleanBuilder).Append(r.IntN(2) == 0)
		b.Field(4).(*array.Int32Builder).Append(r.Int32())
		b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(r.Int64N(1 << 50)))
	}
	return b.NewRecord()
}

// BenchmarkArrow is small flat rows, 1,000 in a message.
func BenchmarkArrow(b *testing.B) {
	rec := flatRecord(1000)
	benchmarkHeaded(b, stream(b, rec.Schema(), []arrow.Record{rec}), map[string][]string{"Content-Type": {"application/vnd.apache.arrow.stream"}})
}

func BenchmarkArrowDictionary(b *testing.B) {
	s := table(nullable("w", words(arrow.PrimitiveTypes.Int32)))
	bld := array.NewRecordBuilder(memory.DefaultAllocator, s)
	for i := range 1000 {
		_ = bld.Field(0).(*array.BinaryDictionaryBuilder).AppendString(fmt.Sprint("word", i%50))
	}
	benchmarkHeaded(b, stream(b, s, []arrow.Record{bld.NewRecord()}), map[string][]string{"Content-Type": {"application/vnd.apache.arrow.stream"}})
}

// TestArrowUndeclared holds what becomes of fields without a column: there is no JSON of
// them that could be kept.
func TestArrowUndeclared(t *testing.T) {
	p := arrow.PrimitiveTypes
	known := table(nullable("id", p.Int64), nullable("o", arrow.StructOf(nullable("x", p.Int8))))
	s := table(nullable("id", p.Int64), nullable("o", arrow.StructOf(nullable("x", p.Int8), nullable("y", p.Int8))), nullable("z", arrow.BinaryTypes.String))
	for policy, reason := range map[schema.Undeclared]string{
		schema.Evolve: "", schema.Ignore: "",
		schema.KeepJSON: "values of Arrow are not kept as JSON", schema.Refuse: "is not declared",
	} {
		b := NewBatch(known, Options{Declared: &schema.Declaration{Undeclared: policy}})
		for _, row := range []string{`{"id":1,"o":{"y":1}}`, `{"id":1,"z":"x"}`} {
			if payload := stream(t, s, []arrow.Record{rowsOf(t, s, row)}); reason != "" {
				refuseArrow(t, b, payload, ClassUndeclared, reason)
				continue
			}
			pushArrow(t, b, s, row)
		}
		if policy != schema.Refuse {
			pushArrow(t, b, s, `{"id":2,"o":{"x":1}}`) // nulls are no loss
		}
		columns, _ := show(t, b)
		if evolved := strings.Contains(columns, "z utf8"); evolved != (policy == schema.Evolve) {
			t.Errorf("%v: columns %s", policy, columns)
		}
	}
}
