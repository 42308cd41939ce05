package lance_test

import (
	"math/rand/v2"
	"os"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// BenchmarkTake reads 1,000 random rows of a table, whole: of the one that PST_TAKE
// names, or of 200,000 rows of a number and a text.
func BenchmarkTake(b *testing.B) {
	dir := os.Getenv("PST_TAKE")
	if dir == "" {
		dir = takeTable(b, 200_000)
	}
	store, err := localfs.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	d, err := lance.Open(store, lance.Options{}).Latest(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	rows := make([]uint64, 1000)
	b.ReportAllocs()
	for b.Loop() {
		for i := range rows {
			rows[i] = r.Uint64N(d.LiveRows())
		}
		rec, err := d.Take(b.Context(), rows)
		if err != nil {
			b.Fatal(err)
		}
		rec.Release()
	}
}

func takeTable(b *testing.B, rows int) string {
	b.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}, {Name: "s", Type: arrow.BinaryTypes.String}}, nil)
	rb := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rb.Release()
	for i := range rows {
		rb.Field(0).(*array.Int64Builder).Append(int64(i) * 7919)
		rb.Field(1).(*array.StringBuilder).Append("some text of a row, not always the same"[:i%39])
	}
	rec := rb.NewRecord()
	defer rec.Release()
	dir := b.TempDir() + "/t.lance"
	store, err := localfs.Create(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	if _, err := lance.Create(b.Context(), store, schema, func(yield func(arrow.Record, error) bool) { yield(rec, nil) }, lance.Options{}); err != nil {
		b.Fatal(err)
	}
	return dir
}
