package decode

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

func table(fields ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fields, nil) }

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func timestamps(u arrow.TimeUnit) arrow.DataType {
	return &arrow.TimestampType{Unit: u, TimeZone: "UTC"}
}

// TestTableTypes gives a column of each type values that fit and values that do
// not.
func TestTableTypes(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, tc := range []struct {
		typ  arrow.DataType
		good string // values separated by blanks
		want string // the same as the record shows them; empty: as written
		bad  string
	}{
		{arrow.FixedWidthTypes.Boolean, `true false`, ``, `0 "true" []`},
		{p.Int8, `127 -128 0 3.0 1e2 -0`, `127 -128 0 3 100 0`, `128 -129 1.5 "1" true 1e3`},
		{p.Int16, `32767 -32768`, ``, `32768 -32769`},
		{p.Int32, `2147483647 -2147483648`, ``, `2147483648 -2147483649`},
		{
			p.Int64, `9223372036854775807 -9223372036854775808 9.223372036854775807e18 -92233720368547758080e-1 10.00000000000000000000000 0e5 0.0e-9`,
			`9223372036854775807 -9223372036854775808 9223372036854775807 -9223372036854775808 10 0 0`,
			`9223372036854775808 -9223372036854775809 1e19 1e400 1e-1 1.00000000000000000000001`,
		},
		{p.Uint8, `255 0 -0`, `255 0 0`, `256 -1`},
		{p.Uint16, `65535`, ``, `65536 -1`},
		{p.Uint32, `4294967295`, ``, `4294967296 -1`},
		{p.Uint64, `18446744073709551615 1844674407370955161.5e1`, `18446744073709551615 18446744073709551615`, `18446744073709551616 -1 1e20 0.5`},
		{p.Float32, `1.5 16777216 0.1 -0 3.4028234663852886e38 1e-60`, `1.5 16777216 0.1 -0 3.4028235e+38 0`, `16777217 3.5e38 1e400 "x" 100000000000000000000`},
		{
			p.Float64, `0.1 9007199254740992 -0 1e-400 18014398509481984 100000000000000000000 18446744073709551616`,
			`0.1 9007199254740992 -0 0 18014398509481984 100000000000000000000 18446744073709552000`,
			`9007199254740993 -9007199254740993 1e400 18446744073709551615 100000000000000000001`,
		},
		{arrow.BinaryTypes.String, `"" "x"`, ``, `1 {}`},
		{arrow.BinaryTypes.LargeString, `"" "x"`, ``, `1 []`},
		{arrow.BinaryTypes.Binary, `"" "AAH/"`, ``, `"AAH" "A-==" "QQ" "QR==" "QUI=\n" 1`},
		{arrow.BinaryTypes.LargeBinary, `"QQ=="`, ``, `"*"`},
		{arrow.FixedWidthTypes.Date32, `"1970-01-02" "1969-12-31" "0000-01-01" "2024-02-29"`, ``, `"2023-02-29" "2024-1-01" "2024-01-01T00:00:00Z" "x" 5`},
		{timestamps(arrow.Second), `"2024-01-01T00:00:00Z" "1969-12-31T23:59:59Z" 1`, `"2024-01-01 00:00:00Z" "1969-12-31 23:59:59Z" "1970-01-01 00:00:01Z"`, `"2024-01-01T00:00:00.5Z" 1.5 true`},
		{timestamps(arrow.Millisecond), `"2024-01-01T02:00:00.123+02:00"`, `"2024-01-01 00:00:00.123Z"`, `"2024-01-01T00:00:00.1234Z"`},
		{
			timestamps(arrow.Microsecond), `"2024-01-01T00:00:00.123456Z" "0001-01-01T00:00:00Z" 1700000000000000 "2024-01-02"`,
			`"2024-01-01 00:00:00.123456Z" "0001-01-01 00:00:00Z" "2023-11-14 22:13:20Z" "2024-01-02 00:00:00Z"`,
			`"2024-01-01T00:00:00.1234567Z" "2024-1-1" "2024-02-30" "2024-01-01T00:00:00" "2024-13-01T00:00:00Z" "2024-01-01T00:00:00.00000000000001Z" 9223372036854775808`,
		},
		{
			timestamps(arrow.Nanosecond), `"2262-04-11T23:47:16.854775807Z" "1677-09-21T00:12:43.145224192Z"`, `"2262-04-11 23:47:16.854775807Z" "1677-09-21 00:12:43.145224192Z"`,
			`"2262-04-11T23:47:16.854775808Z" "1677-09-21T00:12:43.145224191Z" "9999-01-01T00:00:00Z"`,
		},
		{arrow.FixedSizeListOf(2, p.Float32), `[1,16777217] [0.1,-1e-3]`, `[1,16777216] [0.1,-0.001]`, `[1] [] [1,2,3] [1,null] ["a","b"] 1 [1,1e39]`},
		{arrow.FixedSizeListOf(1, p.Float64), `[0.1]`, ``, `[1e400]`},
		{arrow.FixedSizeListOf(2, p.Int16), `[1,-2]`, ``, `[1,40000] [1,1.5]`},
		{arrow.ListOf(p.Int32), `[] [1,null,2]`, ``, `[2147483648] 1`},
		{arrow.LargeListOf(arrow.BinaryTypes.String), `[] ["a",null]`, ``, `[1]`},
		{arrow.ListOf(arrow.FixedSizeListOf(1, p.Float32)), `[[1],null,[2]]`, ``, `[[1,2]]`},
		{
			&arrow.Decimal128Type{Precision: 10, Scale: 2}, `1 -1.5 "0.25" "-1e3" 99999999.99 -0 0.00000 12.340000 "1.5E1" 1e7`,
			`"1" "-1.5" "0.25" "-1000" "99999999.99" "0" "0" "12.34" "15" "10000000"`,
			`0.001 1e8 100000000 99999999.999 "1.505" "" "+1" "1\u0020" "0x1" "NaN" true {} 1e1000000 1e-1000000`,
		},
		{
			&arrow.Decimal128Type{Precision: 38, Scale: 0}, `99999999999999999999999999999999999999 -99999999999999999999999999999999999999 18446744073709551616 -1`,
			`"99999999999999999999999999999999999999" "-99999999999999999999999999999999999999" "18446744073709551616" "-1"`, `1e38 100000000000000000000000000000000000000 0.5`,
		},
		{&arrow.Decimal128Type{Precision: 5, Scale: -2}, `12300 1e6`, `"12300" "1e+06"`, `1234 1e7 10000000`},
		{
			&arrow.Decimal256Type{Precision: 76, Scale: 2}, `-12345678901234567890123456789012345678901234567890.25 1`,
			`"-12345678901234567890123456789012345678901234567890.25" "1"`, `0.125 1e74`,
		},
		{arrow.ListOf(&arrow.Decimal128Type{Precision: 10, Scale: 2}), `[] [1.5,null]`, `[] ["1.5",null]`, `[0.001] [true]`},
		{arrow.FixedWidthTypes.Float16, `1.5 -0.1 65504 2048 65519.9 -0 1e-9 0.333`, `1.5 -0.099975586 65504 2048 65504 -0 0 0.3330078`, `2049 65520.0 1e400 "1" true`},
		{arrow.FixedSizeListOf(2, arrow.FixedWidthTypes.Float16), `[0.5,2049] null [0,0]`, `[0.5,2048] null [0,0]`, `[1,70000] [1] ["a","b"]`},
		{arrow.FixedWidthTypes.Time32s, `"00:00:00" "23:59:59" 3600`, `"00:00:00" "23:59:59" "01:00:00"`, `"24:00:00" "12:00" "12:00:60" "12:00:00.5" "x" 86400 -1 1.5`},
		{arrow.FixedWidthTypes.Time32ms, `"01:02:03.004" 1`, `"01:02:03.004" "00:00:00.001"`, `"01:02:03.0004" 86400000`},
		{arrow.FixedWidthTypes.Time64us, `"01:02:03.000004" "01:02:03.5"`, `"01:02:03.000004" "01:02:03.5"`, `"01:02:03.0000004" "01:02:03." "1:02:03" "01:02:03,5"`},
		{arrow.FixedWidthTypes.Time64ns, `"01:02:03.000000004"`, ``, `"01:02:03.0000000004" "01:02:03.0000000000" 86400000000000`},
		{arrow.FixedWidthTypes.Duration_ms, `-5 9223372036854775807 1e3`, `"-5ms" "9223372036854775807ms" "1000ms"`, `1.5 "5ms" 9223372036854775808`},
		{arrow.FixedWidthTypes.Date64, `"1970-01-02" 86400000 "1969-12-31"`, `"1970-01-02" "1970-01-02" "1969-12-31"`, `1 "1970-1-1" "x" 1.5`},
		{&arrow.FixedSizeBinaryType{ByteWidth: 2}, `"AAE=" "//8="`, ``, `"AA==" "AAEC" "AAE" 1 ""`},
		{&arrow.FixedSizeBinaryType{ByteWidth: 8}, `"AAECAwQFBgc="`, ``, `"AAECAwQFBgcI"`},
		{arrow.MapOf(arrow.BinaryTypes.String, p.Int64), `null`, ``, `{} {"a":1}`},
	} {
		t.Run(tc.typ.String(), func(t *testing.T) {
			s := table(nullable("id", p.Int64), nullable("c", tc.typ))
			b := NewBatch(s, Options{})
			var want []string
			good := strings.Fields(tc.good)
			for i, v := range good {
				push(t, b, `{"id":0,"c":`+v+`}`)
				if tc.want != "" {
					v = expected(tc.want, i)
				}
				want = append(want, `{"c":`+v+`,"id":0}`)
			}
			for v := range strings.FieldsSeq(tc.bad) {
				refuse(t, b, `{"id":0,"c":`+v+`}`, ClassType, "does not fit ")
			}
			push(t, b, `{"id":1}`)
			want = append(want, `{"c":null,"id":1}`)
			rec := record(t, b)
			if tc.good == "null" {
				if rec.NumCols() != 1 {
					t.Fatalf("got %v, want the column left out", rec.Schema())
				}
				return
			}
			if !rec.Schema().Equal(s) {
				t.Errorf("schema: got %v, want %v", rec.Schema(), s)
			}
			if _, rows := render(t, rec); rows != strings.Join(want, "\n") {
				t.Errorf("rows\n got %s\nwant %s", rows, strings.Join(want, "\n"))
			}
		})
	}
}

// expected returns the i-th of several values that are separated by blanks;
// blanks inside strings do not count.
func expected(values string, i int) string {
	inside := false
	parts := strings.FieldsFunc(values, func(r rune) bool {
		if r == '"' {
			inside = !inside
		}
		return r == ' ' && !inside
	})
	return parts[i]
}

func TestTableGrows(t *testing.T) {
	s := table(
		arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64, Metadata: arrow.NewMetadata([]string{"k"}, []string{"v"})},
		nullable("unused", arrow.BinaryTypes.String),
		nullable("o", arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Int8), nullable("d", &arrow.Decimal128Type{Precision: 5}), nullable("z", arrow.BinaryTypes.String))),
		nullable("l", arrow.ListOfField(arrow.Field{Name: "element", Type: arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int64})})),
	)
	b := NewBatch(s, Options{})
	push(t, b, `{"new":1.5,"id":1}`, `{"id":2,"o":{"more":true,"a":1},"l":[{"x":1,"y":[1]}]}`, `{"id":3}`)
	refuse(t, b, `{"o":{}}`, ClassRequired, "field id: the table needs a value of int64")
	refuse(t, b, `{"id":null}`, ClassRequired, "field id")
	refuse(t, b, `{"id":1,"l":[{"x":1},{}]}`, ClassRequired, "field l[].x")
	refuse(t, b, `{"id":1,"l":[null,{"x":1}]}`, ClassRequired, "field l[]")
	refuse(t, b, `{"id":1,"o":{"d":0.5}}`, ClassType, "field o.d: number with more digits behind the point does not fit decimal(5, 0)")
	rec := record(t, b)
	columns, rows := render(t, rec)
	wantColumns := "id int64 not null; o struct<a: int8, d: decimal(5, 0), z: utf8, more: bool>; l list<element: struct<x: int64, y: list<item: int64, nullable>>>; new float64"
	wantRows := `{"id":1,"l":null,"new":1.5,"o":null}
{"id":2,"l":[{"x":1,"y":[1]}],"new":null,"o":{"a":1,"d":null,"more":true,"z":null}}
{"id":3,"l":null,"new":null,"o":null}`
	if columns != wantColumns || rows != wantRows {
		t.Errorf("got\n%s\n%s\nwant\n%s\n%s", columns, rows, wantColumns, wantRows)
	}
	if v, _ := rec.Schema().Field(0).Metadata.GetValue("k"); v != "v" {
		t.Error("the metadata of the table's field is lost")
	}
	if x := rec.Schema().Field(2).Type.(*arrow.ListType).Elem().(*arrow.StructType).Field(0); x.Nullable {
		t.Error("x became nullable")
	}
}

// A large_list of the table takes no new members at any depth: the table could not
// have them, and the message would come again without end.
func TestLargeListStaysAsItIs(t *testing.T) {
	a := nullable("a", arrow.PrimitiveTypes.Int64)
	b := NewBatch(table(
		nullable("l", arrow.LargeListOf(arrow.StructOf(a, nullable("s", arrow.StructOf(a))))),
		nullable("p", arrow.ListOf(arrow.StructOf(a))),
	), Options{})
	push(t, b, `{"l":[{"a":1,"x":null}]}`, `{"l":[],"p":[{"x":1}],"x":[{"y":1}]}`)
	refuse(t, b, `{"l":[{"a":1},{"x":2}]}`, ClassType, "field l[].x: l, a large_list, takes no new members")
	refuse(t, b, `{"l":[{"s":{"a":1,"x":[{"y":2}]}}]}`, ClassType, "field l[].s.x: l, a large_list, takes no new members")
	push(t, b, `{"l":[{"s":{"a":1}}]}`)
	columns, rows := show(t, b)
	if !strings.Contains(columns, "p list<") || !strings.Contains(rows, `"x":[{"y":1}]`) {
		t.Errorf("%s\n%s", columns, rows)
	}
}

// TestTypesWithoutJSON: columns that no value fits stay null, and their values are
// refused with the type's name.
func TestTypesWithoutJSON(t *testing.T) {
	stored := nullable("j", arrow.BinaryTypes.LargeBinary)
	stored.Metadata = arrow.NewMetadata([]string{"ARROW:extension:name"}, []string{"lance.json"})
	word := arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int64)
	b := NewBatch(table(nullable("x", arrow.PrimitiveTypes.Int64), nullable("word", word), stored), Options{})
	push(t, b, `{"x":1}`, `{"x":2,"word":null,"j":null}`)
	refuse(t, b, `{"x":3,"word":{}}`, ClassType, "field word: object does not fit map<")
	refuse(t, b, `{"x":4,"j":"e30="}`, ClassType, "field j: string does not fit large_binary")
	if columns, rows := render(t, record(t, b)); columns != "x int64" || rows != "{\"x\":1}\n{\"x\":2}" {
		t.Errorf("got %s\n%s", columns, rows)
	}
	if err := Check(table(arrow.Field{Name: "word", Type: word}), Options{}); err == nil || !strings.Contains(err.Error(), "column word: the table needs a value of map<") {
		t.Errorf("got %v", err)
	}
}

// TestNeededUnderNull: a field that is not nullable has a value, if a
// meaningless one, and no bitmap where its struct is null.
func TestNeededUnderNull(t *testing.T) {
	need := func(name string, typ arrow.DataType) arrow.Field { return arrow.Field{Name: name, Type: typ} }
	s := table(nullable("o", arrow.StructOf(
		need("i", arrow.PrimitiveTypes.Int16), need("s", arrow.BinaryTypes.String), need("v", arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)),
		need("l", arrow.ListOf(arrow.FixedWidthTypes.Boolean)), need("p", arrow.StructOf(need("b", arrow.FixedWidthTypes.Boolean))),
	)))
	b := NewBatch(s, Options{})
	push(t, b, `{}`, `{"o":{"i":1,"s":"x","v":[1,2],"l":[true],"p":{"b":true}}}`, `{"o":null}`)
	refuse(t, b, `{"o":{}}`, ClassRequired, "field o.i")
	refuse(t, b, `{"o":{"i":1,"s":"x","v":[1,2],"l":[true],"p":{}}}`, ClassRequired, "field o.p.b")
	rec := record(t, b)
	if _, rows := render(t, rec); !rec.Schema().Equal(s) || rows != `{"o":null}
{"o":{"i":1,"l":[true],"p":{"b":true},"s":"x","v":[1,2]}}
{"o":null}` {
		t.Errorf("got %v\n%s", rec.Schema(), rows)
	}
}

// TestReservedWhereExpected: that the column is the next of the table must not
// open a way around the check.
func TestReservedWhereExpected(t *testing.T) {
	seq, _ := schema.MetaField(schema.Seq)
	b := NewBatch(table(seq, nullable("x", arrow.PrimitiveTypes.Int64), nullable(schema.Subject, arrow.BinaryTypes.String)), Options{Seq: true})
	for range 2 {
		refuse(t, b, `{"_nats_seq":7}`, ClassReserved, "field _nats_seq")
		refuse(t, b, `{"x":1,"_nats_subject":"s"}`, ClassReserved, "field _nats_subject")
		push(t, b, `{"x":1}`)
		b.Reset(record(t, b).Schema())
	}
}

func TestMeta(t *testing.T) {
	all := Options{Seq: true, Time: true, Subject: true, Headers: true}
	m := Meta{Seq: 1<<63 + 5, Time: time.Unix(1, 2_003_999), Subject: "s.\u00e9", Header: map[string][]string{"b": {"1", "2"}, "a": nil}}
	add := func(b *Batch) {
		t.Helper()
		if n, err := b.Append(m, []byte(`{"x":1} {"x":2}`)); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := b.Append(Meta{Seq: 2, Time: time.Unix(2, 0), Subject: "t"}, []byte(`{}`)); err != nil {
			t.Fatal(err)
		}
	}
	const row = `"_nats_headers":"{\"a\":[],\"b\":[\"1\",\"2\"]}","_nats_seq":9223372036854775813,"_nats_subject":"s.é","_nats_time":"1970-01-01 00:00:01.002003Z","x":`
	const wantRows = "{" + row + "1}\n{" + row + "2}\n" + `{"_nats_headers":null,"_nats_seq":2,"_nats_subject":"t","_nats_time":"1970-01-01 00:00:02Z","x":null}`
	const types = "_nats_seq uint64 not null; _nats_time timestamp[us, tz=UTC] not null; _nats_subject utf8 not null; _nats_headers utf8; x int64"
	b := NewBatch(nil, all)
	add(b)
	if columns, rows := show(t, b); columns != types || rows != wantRows {
		t.Errorf("new table: got\n%s\n%s\nwant\n%s\n%s", columns, rows, types, wantRows)
	}
	b.Reset(table(nullable("x", arrow.PrimitiveTypes.Int64)))
	add(b)
	if columns, _ := show(t, b); columns != "x int64; _nats_seq uint64; _nats_time timestamp[us, tz=UTC]; _nats_subject utf8; _nats_headers utf8" {
		t.Errorf("old table: got %s", columns)
	}
	seq, _ := schema.MetaField(schema.Seq)
	b = NewBatch(table(seq, nullable(schema.Time, timestamps(arrow.Nanosecond))), Options{})
	add(b)
	if columns, _ := show(t, b); columns != "_nats_seq uint64 not null; x int64" {
		t.Errorf("switched off: got %s", columns)
	}
	for name, bad := range map[string]Meta{"subject": {Subject: "\xff"}, "headers": {Header: map[string][]string{"k": {"\xff"}}}} {
		b := NewBatch(nil, all)
		var rej *Reject
		if _, err := b.Append(bad, []byte(`{}`)); !errors.As(err, &rej) || rej.Class != ClassType || b.Rows() != 0 {
			t.Errorf("%s that is not UTF-8: got %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	all := Options{Seq: true, Time: true, Subject: true, Headers: true}
	seq, _ := schema.MetaField(schema.Seq)
	for want, s := range map[string]*arrow.Schema{
		"":                         table(seq, nullable("d", &arrow.Decimal128Type{Precision: 5})),
		"field _nats_seq":          table(nullable(schema.Seq, arrow.BinaryTypes.String)),
		"field _nats_time":         table(nullable(schema.Time, arrow.PrimitiveTypes.Int64)),
		"field _nats_subject":      table(nullable(schema.Subject, arrow.BinaryTypes.Binary)),
		"field _nats_headers":      table(nullable(schema.Headers, arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String))),
		"column d: the table":      table(arrow.Field{Name: "d", Type: arrow.MapOf(arrow.BinaryTypes.String, arrow.BinaryTypes.String)}),
		"column _nats_x: the tabl": table(arrow.Field{Name: "_nats_x", Type: arrow.PrimitiveTypes.Int64}),
	} {
		err := Check(s, all)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := Check(nil, all); err != nil {
		t.Error(err)
	}
}

// TestCount: the sink counts the columns of a table as the decoder does, or it would
// decode batches again that come out as wide.
func TestCount(t *testing.T) {
	member := nullable("m", arrow.PrimitiveTypes.Int64)
	inside := arrow.StructOf(member, nullable("l", arrow.ListOf(arrow.StructOf(member, nullable("n", arrow.BinaryTypes.String)))))
	s := table(
		nullable("a", arrow.PrimitiveTypes.Int64), nullable("s", inside), nullable("big", arrow.LargeListOf(inside)),
		nullable("ll", arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.String))), nullable("v", arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32)),
		nullable("map", arrow.MapOf(arrow.BinaryTypes.String, inside)),
	)
	const want = 1 + 5 + 5 + 1 + 1 + 1
	if got := schema.Count(s.Fields()); got != want {
		t.Errorf("counted %d columns, want %d", got, want)
	}
	if b := NewBatch(s, Options{}); b.named != want {
		t.Errorf("the decoder counted %d columns, want %d", b.named, want)
	}
}
