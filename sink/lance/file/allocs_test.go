package file_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// benchRecords are records like those of the comparison with the reference: an
// integer, a float, a name of few, a text, a bool and a time.
func benchRecords(rows, batch int, nulls bool) []arrow.Record {
	rng := rand.New(rand.NewPCG(7, 7))
	s := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: nulls},
		{Name: "score", Type: arrow.PrimitiveTypes.Float64, Nullable: nulls},
		{Name: "city", Type: arrow.BinaryTypes.String, Nullable: nulls},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: nulls},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: nulls},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, Nullable: nulls},
	}, nil)
	var recs []arrow.Record
	for at := 0; at < rows; at += batch {
		b := array.NewRecordBuilder(memory.DefaultAllocator, s)
		for i := at; i < min(at+batch, rows); i++ {
			if nulls && i%7 == 0 {
				for _, f := range b.Fields() {
					f.AppendNull()
				}
				continue
			}
			b.Field(0).(*array.Int64Builder).Append(rng.Int64N(1 << 40))
			b.Field(1).(*array.Float64Builder).Append(rng.NormFloat64() * 100)
			b.Field(2).(*array.StringBuilder).Append(fmt.Sprint("city ", rng.IntN(300)))
			b.Field(3).(*array.StringBuilder).Append(fmt.Sprint(rng.IntN(1<<20), strings.Repeat(" some more words", rng.IntN(6))))
			b.Field(4).(*array.BooleanBuilder).Append(i%4 == 0)
			b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + 1000*i))
		}
		recs = append(recs, b.NewRecord())
		b.Release()
	}
	return recs
}

// write writes one file to nowhere.
func write(t testing.TB, recs []arrow.Record, o file.WriterOptions) {
	t.Helper()
	s, err := fields.FromArrow(recs[0].Schema())
	if err != nil {
		t.Fatal(err)
	}
	w, err := file.NewWriter(io.Discard, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

// Pages cost allocations, rows do not: pages of four times the rows take as many.
func TestAllocationsGrowWithPagesNotRows(t *testing.T) {
	const rows, batch, page = 20_000, 5_000, 64 << 10
	for _, c := range compressions() {
		for _, nulls := range []bool{false, true} {
			allocs := func(times int) float64 {
				recs := benchRecords(times*rows, times*batch, nulls)
				pool := &file.Pool{}
				o := file.WriterOptions{Compression: c, Pool: pool, PageBytes: times * page}
				write(t, recs, o) // memory that the pool keeps
				return testing.AllocsPerRun(2, func() { write(t, recs, o) })
			}
			few, many := allocs(1), allocs(4)
			if many > few*1.2 {
				t.Errorf("%s, nulls %t: %.0f allocations for %d rows, %.0f for %d in as many pages", c, nulls, few, rows, many, 4*rows)
			}
		}
	}
}

// BenchmarkWriteMillion writes what the comparison with the reference writes. Its
// allocations are those of two dozen pages.
func BenchmarkWriteMillion(b *testing.B) {
	const rows = 1_000_000
	recs := benchRecords(rows, 1<<16, false)
	for _, c := range compressions() {
		b.Run(c.String(), func(b *testing.B) {
			o := file.WriterOptions{Compression: c, Pool: &file.Pool{}}
			write(b, recs, o)
			b.ReportAllocs()
			for b.Loop() {
				write(b, recs, o)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
