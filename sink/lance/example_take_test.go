package lance_test

import (
	"context"
	"fmt"
	"log"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// Rows by their place, without reading the columns whole; then a window of a scan.
func ExampleDataset_Take() {
	ctx := context.Background()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range 1000 {
		b.Field(0).(*array.Int64Builder).Append(int64(i * i))
	}
	rec := b.NewRecord()
	defer rec.Release()
	store := memstore.New()
	d, err := lance.Create(ctx, store, schema, func(yield func(arrow.Record, error) bool) { yield(rec, nil) }, lance.Options{})
	if err != nil {
		log.Fatal(err)
	}
	taken, err := d.Take(ctx, []uint64{999, 3, 3}, "n")
	if err != nil {
		log.Fatal(err)
	}
	defer taken.Release()
	fmt.Println(taken.Column(0))
	for part, err := range d.Scan(ctx, lance.ScanOptions{Offset: 10, Limit: 2, RowAddresses: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(part.Column(0), part.Column(1))
		part.Release()
	}
	// Output:
	// [998001 9 9]
	// [100 121] [10 11]
}
