package lance_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// A table is created with rows, appended to, given a column, and read.
func Example() {
	ctx := context.Background()
	store := memstore.New() // or localfs.Create("cities.lance")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "people", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	rows := func(json string) arrow.Record {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(json))
		if err != nil {
			panic(err)
		}
		return rec
	}
	if _, err := lance.Create(ctx, store, schema, records(rows(`[{"name":"Bern","people":134794}]`)), lance.Options{}); err != nil {
		panic(err)
	}
	table := lance.Open(store, lance.Options{})
	if _, err := table.Append(ctx, records(rows(`[{"name":"Atlantis"}]`))); err != nil {
		panic(err)
	}
	more := arrow.NewSchema([]arrow.Field{{Name: "river", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	d, err := table.AddColumns(ctx, more)
	if err != nil {
		panic(err)
	}
	fmt.Printf("version %d, %d rows\n", d.Version(), d.LiveRows())
	for rec, err := range d.Scan(ctx, lance.ScanOptions{Columns: []string{"name", "river"}}) {
		if err != nil {
			panic(err)
		}
		for i := range int(rec.NumRows()) {
			fmt.Println(rec.Column(0).ValueStr(i), rec.Column(1).ValueStr(i))
		}
		rec.Release()
	}
	// Output:
	// version 3, 2 rows
	// Bern (null)
	// Atlantis (null)
}
