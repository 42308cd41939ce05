package schema

import (
	"fmt"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
)

// Every pair of types of the table of changes, and every other pair.
func TestWidens(t *testing.T) {
	p := arrow.PrimitiveTypes
	types := []arrow.DataType{
		p.Int8, p.Int16, p.Int32, p.Int64, p.Uint8, p.Uint16, p.Uint32, p.Uint64, arrow.FixedWidthTypes.Float16, p.Float32, p.Float64,
		p.Date32, p.Date64, Instant, &arrow.TimestampType{Unit: arrow.Microsecond}, &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"},
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.FixedWidthTypes.Boolean,
	}
	want := map[string]string{
		"int8": "int16 int32 int64 float64", "int16": "int32 int64 float64", "int32": "int64 float64", "int64": "float64",
		"uint8": "uint16 uint32 uint64 float64", "uint16": "uint32 uint64 float64", "uint32": "uint64 float64", "uint64": "float64",
		"float32": "float64", "date32": "timestamp[us, tz=UTC]", "utf8": "large_utf8",
	}
	for _, from := range types {
		got := ""
		for _, to := range types {
			if Widens(from, to) {
				got += " " + to.String()
			}
		}
		if expect := want[from.String()]; got != "" && got[1:] != expect || got == "" && expect != "" {
			t.Errorf("%s widens to%s, want %s", from, got, expect)
		}
	}
}

func TestWidenings(t *testing.T) {
	p := arrow.PrimitiveTypes
	table := of(
		null("a", p.Int8), null("same", p.Int64), null("narrower", p.Int64), null("other", arrow.BinaryTypes.String),
		null("o", arrow.StructOf(null("x.y", p.Float32), null("l", arrow.ListOf(arrow.StructOf(null("d", p.Date32)))))),
		null("big", arrow.LargeListOf(p.Uint8)), null("v", arrow.FixedSizeListOf(2, p.Float32)), null("w", arrow.FixedSizeListOf(2, p.Int8)),
	)
	rounding := null("a", p.Float64)
	rounding.Metadata = arrow.NewMetadata([]string{KeyWiden}, []string{"float"})
	rec := of(
		null("new", p.Int8), null("narrower", p.Int8), null("other", p.Float64), null("same", p.Int64),
		null("o", arrow.StructOf(null("l", arrow.ListOf(arrow.StructOf(null("d", Instant)))), null("x.y", p.Float64))),
		null("big", arrow.LargeListOf(p.Uint64)), rounding, null("v", arrow.FixedSizeListOf(2, p.Float64)), null("w", arrow.ListOf(p.Int16)),
	)
	var got []string
	for _, w := range Widenings(table, rec) {
		got = append(got, fmt.Sprint(w, len(w.Path), w.Round))
	}
	want := []string{
		"column o.l.item.d from date32 to timestamp[us, tz=UTC] 4 false", `column o."x.y" from float32 to float64 2 false`,
		"column big.item from uint8 to uint64 2 false", "column a from int8 to float64 1 true",
		"column w from fixed_size_list<item: int8, nullable>[2] to list<item: int16, nullable> 1 false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if list := Widenings(nil, rec); list != nil {
		t.Errorf("without a table: %v", list)
	}
}
