package decode

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// anyWider allows everything.
func anyWider(schema.Widening) error { return nil }

// TestWiden gives a column of each type values one after the other, some of which it
// can only hold in a wider type, and some that no type it may take holds.
func TestWiden(t *testing.T) {
	p := arrow.PrimitiveTypes
	for _, tc := range []struct {
		from   arrow.DataType
		values string // those behind ! are rejected
		to     arrow.DataType
		want   string // empty: as written
	}{
		{p.Int8, `127 -128 128 -129`, p.Int16, ``},
		{p.Int8, `1 null -2147483649`, p.Int64, ``},
		{p.Int8, `-1 2147483647 3`, p.Int32, ``},
		{p.Int16, `-5 70000 !"x" !true !9223372036854775808 !99999999999999999999`, p.Int32, ``},
		{p.Int8, `-1 2e3 5`, p.Int16, `-1 2000 5`},
		{p.Int8, `-1 0.5 3`, p.Float64, `-1 0.5 3`},
		{p.Int64, `-9007199254740992 1e300 !9007199254740993 !9223372036854775809`, p.Float64, `-9007199254740992 1e+300`},
		{p.Int64, `9007199254740993 !0.5 -9007199254740993`, p.Int64, ``},
		{p.Int64, `-9223372036854775808 9007199254740994 0.5`, p.Float64, `-9223372036854776000 9007199254740994 0.5`},
		{p.Uint8, `255 256 !-1`, p.Uint16, ``},
		{p.Uint16, `1 18446744073709551615 !18446744073709551616`, p.Uint64, ``},
		{p.Uint64, `18446744073709549568 0.5 !18446744073709551615`, p.Float64, `18446744073709550000 0.5`},
		{p.Uint32, `4294967295 -0.5 -7`, p.Float64, ``},
		{p.Float32, `0.5 16777216 16777217 1e39 !1e400 !9007199254740993`, p.Float64, `0.5 16777216 16777217 1e+39`},
		{p.Float32, `0.1 !9007199254740993 2`, p.Float32, ``},
		{p.Date32, `"1969-12-31" !"x" "2024-02-29T23:59:59.5+01:00" "2024-03-01" !"2024-01-01T00:00:00.0000001Z"`, schema.Instant, `"1969-12-31 00:00:00Z" "2024-02-29 22:59:59.5Z" "2024-03-01 00:00:00Z"`},
		{arrow.FixedWidthTypes.Boolean, `true !1 !"x"`, arrow.FixedWidthTypes.Boolean, ``},
		{arrow.BinaryTypes.String, `"x" !1 !{}`, arrow.BinaryTypes.String, ``},
	} {
		for _, o := range []Options{{Widen: anyWider}, {}} {
			b := NewBatch(table(nullable("id", p.Int64), nullable("c", tc.from)), o)
			var want []string
			for v := range strings.FieldsSeq(tc.values) {
				bad := v[0] == '!'
				v = strings.TrimPrefix(v, "!")
				payload := `{"id":0,"c":` + v + `}`
				switch {
				case o.Widen != nil && bad, o.Widen == nil && !fits(t, tc.from, payload):
					refuse(t, b, payload, ClassType, "field c: ")
				default:
					push(t, b, payload)
					if tc.want != "" {
						v = expected(tc.want, len(want))
					}
					want = append(want, `{"c":`+v+`,"id":0}`)
				}
			}
			if o.Widen == nil {
				show(t, b)
				continue
			}
			columns, rows := show(t, b)
			if expect := "id int64; c " + tc.to.String(); columns != expect || rows != strings.Join(want, "\n") {
				t.Errorf("%s, %s: got %s\n%s\nwant %s\n%s", tc.from, tc.values, columns, rows, expect, strings.Join(want, "\n"))
			}
		}
	}
}

func fits(t *testing.T, typ arrow.DataType, payload string) bool {
	t.Helper()
	_, err := NewBatch(table(nullable("id", arrow.PrimitiveTypes.Int64), nullable("c", typ)), Options{}).Append(Meta{}, []byte(payload))
	return err == nil
}

// TestWidenInside widens members of structs, of lists and of structs in lists, beside
// nulls above them.
func TestWidenInside(t *testing.T) {
	p := arrow.PrimitiveTypes
	var asked []string
	o := Options{Widen: func(w schema.Widening) error {
		asked = append(asked, w.String())
		return nil
	}}
	member := arrow.StructOf(nullable("x", p.Int8), arrow.Field{Name: "must", Type: p.Uint8})
	s := table(nullable("o", member), nullable("l", arrow.ListOfField(arrow.Field{Name: "element", Type: p.Int8, Nullable: true})), nullable("ls", arrow.LargeListOf(member)))
	b := NewBatch(s, o)
	push(t, b, `{"o":{"x":1,"must":1},"l":[1,null],"ls":[{"must":2},null]}`, `{"o":null,"ls":[]}`, `{}`)
	refuse(t, b, `{"o":{"x":300,"must":300},"l":[0.5],"ls":[{"must":300}],"o":1}`, ClassParse, "twice")
	last := `{"o":{"x":300,"must":1},"l":[0.5],"ls":[{"x":1,"must":70000}]} {"o":{"must":256}}`
	push(t, b, last)
	clean := NewBatch(s, o)
	push(t, clean, `{"o":{"x":1,"must":1},"l":[1,null],"ls":[{"must":2},null]}`, `{"o":null,"ls":[]}`, `{}`, last)
	if b.Bytes() != clean.Bytes() {
		t.Errorf("%d bytes after a message that was undone, %d without it", b.Bytes(), clean.Bytes())
	}
	columns, rows := show(t, b)
	wantColumns := "o struct<x: int16, must: uint16>; l list<element: float64, nullable>; ls large_list<item: struct<x: int8, must: uint32>, nullable>"
	wantRows := strings.Join([]string{
		`{"l":[1,null],"ls":[{"must":2,"x":null},null],"o":{"must":1,"x":1}}`,
		`{"l":null,"ls":[],"o":null}`, `{"l":null,"ls":null,"o":null}`,
		`{"l":[0.5],"ls":[{"must":70000,"x":1}],"o":{"must":1,"x":300}}`,
		`{"l":null,"ls":null,"o":{"must":256,"x":null}}`,
	}, "\n")
	if strings.ReplaceAll(columns, ", nullable", "") != strings.ReplaceAll(wantColumns, ", nullable", "") || rows != wantRows {
		t.Errorf("got %s\n%s\nwant %s\n%s", columns, rows, wantColumns, wantRows)
	}
	if want := "column o.x from int8 to int16"; asked[0] != want || asked[len(asked)-1] != "column o.must from uint8 to uint16" {
		t.Errorf("asked for %q", asked)
	}
}

// TestWidenRounds lets a column of integers become floats at the price of the low bits
// where it is declared so, and not where it is not.
func TestWidenRounds(t *testing.T) {
	f := nullable("c", arrow.PrimitiveTypes.Int64)
	b := NewBatch(table(f), Options{Widen: anyWider})
	push(t, b, `{"c":9007199254740993}`)
	refuse(t, b, `{"c":0.5}`, ClassType, "field c: fraction does not fit int64: integers before it would be rounded")
	f.Metadata = arrow.NewMetadata([]string{schema.KeyWiden}, []string{"float"})
	asked := 0
	b = NewBatch(table(f), Options{Widen: func(w schema.Widening) error {
		if w.Round {
			asked++
		}
		return nil
	}})
	push(t, b, `{"c":9007199254740993}`)
	refuse(t, b, `{"c":0.5} {"c":1,"c":1}`, ClassParse, "twice")
	push(t, b, `{"c":0.5}`, `{"c":9007199254740995}`)
	columns, rows := show(t, b)
	if want := `{"c":9007199254740992}` + "\n" + `{"c":0.5}` + "\n" + `{"c":9007199254740996}`; columns != "c float64" || rows != want {
		t.Errorf("got %s\n%s", columns, rows)
	}
	if asked != 2 {
		t.Errorf("asked %d times whether to round", asked)
	}
}

// TestWidenDenied has the reason of who denies it in the dead letter, and no value.
func TestWidenDenied(t *testing.T) {
	b := NewBatch(table(nullable("c", arrow.PrimitiveTypes.Int8)), Options{Widen: func(schema.Widening) error { return errors.New("an index") }})
	refuse(t, b, `{"c":1234}`, ClassType, "field c: integer out of range does not fit int8: an index")
}

// TestWidenTyped widens for values that have types themselves, and gives those of the
// old type to the wider column.
func TestWidenTyped(t *testing.T) {
	p := arrow.PrimitiveTypes
	wide := table(nullable("i", p.Int32), nullable("f", p.Float64), nullable("d", timestamps(arrow.Second)), nullable("v", arrow.FixedSizeListOf(1, p.Int16)))
	narrow := table(nullable("i", p.Int8), nullable("f", p.Float32), nullable("d", arrow.FixedWidthTypes.Date32), nullable("v", arrow.FixedSizeListOf(1, p.Int8)))
	b := NewBatch(narrow, Options{Widen: anyWider})
	pushArrow(t, b, narrow, `{"i":1,"f":0.5,"d":"1970-01-02","v":[1]}`)
	refuseArrow(t, b, stream(t, wide, []arrow.Record{rowsOf(t, wide, `{"i":70000,"f":0.1,"d":"1970-01-02 03:04:05","v":[300]}`)}), ClassType, "field v")
	pushArrow(t, b, wide, `{"i":70000,"f":0.1,"d":"1970-01-02 03:04:05","v":[3]}`)
	pushArrow(t, b, narrow, `{"i":2,"f":1.5,"d":"1970-01-03","v":[2]}`)
	columns, rows := show(t, b)
	want := `{"d":"1970-01-02 00:00:00Z","f":0.5,"i":1,"v":[1]}` + "\n" + `{"d":"1970-01-02 03:04:05Z","f":0.1,"i":70000,"v":[3]}` + "\n" + `{"d":"1970-01-03 00:00:00Z","f":1.5,"i":2,"v":[2]}`
	if columns != "i int32; f float64; d timestamp[us, tz=UTC]; v fixed_size_list<item: int8, nullable>[1]" || rows != want {
		t.Errorf("got %s\n%s", columns, rows)
	}
	b = NewBatch(narrow, Options{Widen: anyWider})
	pushPacked(t, b, object{"f", float32(0.1)}, object{"f", 0.5})
	if columns, _ := show(t, b); columns != "f float32" {
		t.Errorf("floats that fit made it %s", columns)
	}
	b.Reset(narrow)
	pushPacked(t, b, object{"f", 0.5}, object{"f", 0.1})
	if columns, rows := show(t, b); columns != "f float64" || rows != `{"f":0.5}`+"\n"+`{"f":0.1}` {
		t.Errorf("got %s\n%s", columns, rows)
	}
}
