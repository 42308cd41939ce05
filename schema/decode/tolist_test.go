package decode

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// loose is a column of vectors that may become lists.
func loose(name string, dim int32, elem arrow.DataType) arrow.Field {
	f := nullable(name, arrow.FixedSizeListOf(dim, elem))
	f.Metadata = arrow.NewMetadata([]string{schema.KeyVector}, []string{"to_list"})
	return f
}

// TestToList makes lists of vectors for one of another length, at the top, in a struct
// and in a list, and takes that back with the message.
func TestToList(t *testing.T) {
	p := arrow.PrimitiveTypes
	s := table(
		loose("v", 2, p.Float32), nullable("o", arrow.StructOf(loose("w", 2, p.Int8))), nullable("l", arrow.ListOfField(loose("item", 2, p.Float64))),
		nullable("fixed", arrow.FixedSizeListOf(2, p.Float32)),
	)
	var asked []string
	o := Options{Widen: func(w schema.Widening) error {
		asked = append(asked, w.String())
		return nil
	}}
	first := []string{`{"v":[0.1,2],"o":{"w":[1,2]},"l":[[1,2],null]}`, `{"v":null,"o":null}`, `{"o":{"w":null}}`}
	last := `{"v":[1,2,3],"o":{"w":[]},"l":[[3,4],[5],null]} {} {"v":[16777216],"o":{"w":[3,300]},"fixed":[1,2]} {"l":[[1,null,3]]}`
	for _, behind := range []string{`"fixed":[1]`, `"o":{"w":[1,2,300],"w":1}`, `"l":[[1,2,3],[1e999]]`, `"v":1`} {
		b, clean := NewBatch(s, o), NewBatch(s, o)
		push(t, b, first...)
		before := b.Bytes()
		class := ClassType
		if strings.Contains(behind, `"w":1`) || behind == `"v":1` {
			class = ClassParse
		}
		refuse(t, b, `{} {"v":[1,2,3],`+behind+`}`, class, "")
		refuse(t, b, `{} {"v":[],`+behind+`}`, class, "")
		if b.Bytes() != before {
			t.Errorf("%d bytes, %d before", b.Bytes(), before)
		}
		push(t, clean, first...)
		push(t, b, last)
		push(t, clean, last)
		if b.Bytes() != clean.Bytes() {
			t.Errorf("%s: %d bytes after a message that was undone, %d without it", behind, b.Bytes(), clean.Bytes())
		}
		columns, rows := show(t, b)
		wantColumns := "v list<item: float32, nullable>; o struct<w: list<item: int16, nullable>>; l list<item: list<item: float64, nullable>, nullable>; fixed fixed_size_list<item: float32, nullable>[2]"
		wantRows := strings.Join([]string{
			`{"fixed":null,"l":[[1,2],null],"o":{"w":[1,2]},"v":[0.1,2]}`, `{"fixed":null,"l":null,"o":null,"v":null}`, `{"fixed":null,"l":null,"o":{"w":null},"v":null}`,
			`{"fixed":null,"l":[[3,4],[5],null],"o":{"w":[]},"v":[1,2,3]}`, `{"fixed":null,"l":null,"o":null,"v":null}`,
			`{"fixed":[1,2],"l":null,"o":{"w":[3,300]},"v":[16777216]}`, `{"fixed":null,"l":[[1,null,3]],"o":null,"v":null}`,
		}, "\n")
		if columns != wantColumns || rows != wantRows {
			t.Errorf("got %s\n%s\nwant %s\n%s", columns, rows, wantColumns, wantRows)
		}
	}
	if asked[0] != "column v from fixed_size_list<item: float32, nullable>[2] to list<item: float32, nullable>" {
		t.Errorf("asked for %q", asked)
	}
}

// TestToListIsRefused leaves vectors as they are where nobody allows the change.
func TestToListIsRefused(t *testing.T) {
	s := table(loose("v", 2, arrow.PrimitiveTypes.Float32))
	refuse(t, NewBatch(s, Options{}), `{"v":[1]}`, ClassType, "a vector of 1 values does not fit")
	b := NewBatch(s, Options{Widen: func(schema.Widening) error { return errors.New("an index") }})
	refuse(t, b, `{"v":[1,2,3]}`, ClassType, "field v: a vector of 3 values does not fit fixed_size_list<item: float32, nullable>[2]: an index")
	refuse(t, b, `{"v":[]}`, ClassType, "a vector of 0 values does not fit fixed_size_list<item: float32, nullable>[2]: an index")
	refuse(t, NewBatch(s, Options{Widen: anyWider}), `{"v":["a"]}`, ClassType, "field v[]: string does not fit float32")
	refuse(t, NewBatch(s, Options{Widen: anyWider}), `{"v":["a",1]}`, ClassType, "field v: array of anything but numbers")
	refuse(t, NewBatch(s, Options{Widen: anyWider}), `{"v":["a",1,]}`, ClassType, "field v: array of anything but numbers")
}

// TestToListOtherFormats makes lists of vectors for lists of MessagePack and Arrow.
func TestToListOtherFormats(t *testing.T) {
	p := arrow.PrimitiveTypes
	s := table(loose("v", 2, p.Float64), loose("nested", 2, arrow.FixedSizeListOf(2, p.Int8)), loose("bits", 3, arrow.FixedWidthTypes.Boolean))
	b := NewBatch(s, Options{Widen: anyWider})
	same := arrow.NewSchema([]arrow.Field{
		nullable("v", arrow.FixedSizeListOf(2, p.Float64)), nullable("nested", arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(2, p.Int8))),
		nullable("bits", arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean)),
	}, nil)
	pushArrow(t, b, same, `{"v":[1,null],"nested":[[1,2],null],"bits":[true,null,false]},{"v":null,"nested":null,"bits":null}`)
	if _, err := headed(b, string(pack(nil, object{"v", []any{1.5}, "nested", []any{}})), "Content-Type: application/msgpack"); err != nil {
		t.Fatal(err)
	}
	other := arrow.NewSchema([]arrow.Field{nullable("v", arrow.ListOf(p.Float64)), nullable("bits", arrow.ListOf(arrow.FixedWidthTypes.Boolean))}, nil)
	refuseArrow(t, b, stream(t, table(nullable("v", arrow.ListOf(p.Float64)), nullable("bits", arrow.ListOf(p.Int8))), []arrow.Record{
		rowsOf(t, table(nullable("v", arrow.ListOf(p.Float64)), nullable("bits", arrow.ListOf(p.Int8))), `{"v":[1],"bits":[1]}`),
	}), ClassType, "bits")
	pushArrow(t, b, other, `{"v":[1,2,3],"bits":[true]},{"v":[1,2]},{"v":[],"bits":[null,true]}`)
	columns, rows := show(t, b)
	if want := "v list<item: float64, nullable>; nested list<item: fixed_size_list<item: int8, nullable>[2], nullable>; bits list<item: bool, nullable>"; columns != want {
		t.Errorf("columns are %s, want %s", columns, want)
	}
	want := strings.Join([]string{
		`{"bits":[true,null,false],"nested":[[1,2],null],"v":[1,null]}`, `{"bits":null,"nested":null,"v":null}`,
		`{"bits":null,"nested":[],"v":[1.5]}`,
		`{"bits":[true],"nested":null,"v":[1,2,3]}`, `{"bits":null,"nested":null,"v":[1,2]}`, `{"bits":[null,true],"nested":null,"v":[]}`,
	}, "\n")
	if rows != want {
		t.Errorf("got\n%s\nwant\n%s", rows, want)
	}
}
