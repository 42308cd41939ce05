package file_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// bridgeRecord is a batch as the bridge makes them: a sequence, a time, and of
// the payload two integers, a float, a bool and two strings.
func bridgeRecord(b *testing.B, rows int, withNulls bool) arrow.Record {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	fs := []arrow.Field{
		{Name: "seq", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "time", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean, Nullable: true},
		{Name: "user", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "text", Type: arrow.BinaryTypes.String, Nullable: true},
	}
	r := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fs, nil))
	defer r.Release()
	for i := range rows {
		r.Field(0).(*array.Uint64Builder).Append(uint64(5_000_000 + i))
		r.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + i*37))
		if withNulls && rng.IntN(10) == 0 {
			for c := 2; c < len(fs); c++ {
				r.Field(c).AppendNull()
			}
			continue
		}
		r.Field(2).(*array.Int64Builder).Append(rng.Int64N(1 << 32))
		r.Field(3).(*array.Float64Builder).Append(float64(rng.IntN(100_000)) / 100)
		r.Field(4).(*array.BooleanBuilder).Append(rng.IntN(3) == 0)
		r.Field(5).(*array.StringBuilder).Append(fmt.Sprintf("user-%d", rng.IntN(1000)))
		r.Field(6).(*array.StringBuilder).Append(fmt.Sprintf("order %d shipped from warehouse %d to region %d", rng.IntN(1<<20), rng.IntN(20), rng.IntN(9)))
	}
	return r.NewRecord()
}

func BenchmarkWrite(b *testing.B) {
	const rows = 10_000
	for _, withNulls := range []bool{false, true} {
		rec := bridgeRecord(b, rows, withNulls)
		s, err := fields.FromArrow(rec.Schema())
		if err != nil {
			b.Fatal(err)
		}
		for _, c := range compressions() {
			b.Run(fmt.Sprintf("%s/nulls=%t", c, withNulls), func(b *testing.B) {
				pool := &file.Pool{}
				size := uint64(0)
				b.ReportAllocs()
				for b.Loop() {
					w, err := file.NewWriter(io.Discard, s, file.WriterOptions{Compression: c, Pool: pool})
					if err != nil {
						b.Fatal(err)
					}
					if err := w.Write(rec); err != nil {
						b.Fatal(err)
					}
					summary, err := w.Finish()
					if err != nil {
						b.Fatal(err)
					}
					size = summary.Size
				}
				b.SetBytes(int64(size))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
				b.ReportMetric(float64(size)/rows, "B/row")
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	const rows = 10_000
	rec := bridgeRecord(b, rows, true)
	for _, c := range compressions() {
		data, _ := encode(b, file.WriterOptions{Compression: c}, rec)
		b.Run(c.String(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				recs, err := decode(data, 0)
				if err != nil {
					b.Fatal(err)
				}
				for _, r := range recs {
					r.Release()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}

func BenchmarkWriteShapes(b *testing.B) {
	const rows = 10_000
	for _, f := range sampleTypes() {
		b.Run(f.Name, func(b *testing.B) {
			s := &sampler{Rand: rand.New(rand.NewPCG(1, 1)), nulls: someNulls}
			columns := []arrow.Array{}
			builder := array.NewBuilder(memory.DefaultAllocator, f.Type)
			for range rows {
				s.add(builder)
			}
			columns = append(columns, builder.NewArray())
			rec := array.NewRecord(arrow.NewSchema([]arrow.Field{f}, nil), columns, rows)
			schema, err := fields.FromArrow(rec.Schema())
			if err != nil {
				b.Fatal(err)
			}
			pool := &file.Pool{}
			var out bytes.Buffer
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				w, err := file.NewWriter(&out, schema, file.WriterOptions{Pool: pool})
				if err != nil {
					b.Fatal(err)
				}
				if err := w.Write(rec); err != nil {
					b.Fatal(err)
				}
				if _, err := w.Finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(out.Len()))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
		})
	}
}
