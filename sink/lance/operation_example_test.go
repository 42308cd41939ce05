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

// A column is computed from another one, renamed and given a wider type; a row is
// deleted; a tag names the version, and an older one is brought back.
func Example_operations() {
	ctx := context.Background()
	store := memstore.New()
	schema := arrow.NewSchema([]arrow.Field{{Name: "celsius", Type: arrow.PrimitiveTypes.Int32}}, nil)
	rows, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(`[{"celsius":20},{"celsius":-40},{"celsius":100}]`))
	must(err)
	_, err = lance.Create(ctx, store, schema, records(rows), lance.Options{})
	must(err)
	table := lance.Open(store, lance.Options{})

	added := arrow.NewSchema([]arrow.Field{{Name: "fahrenheit", Type: arrow.PrimitiveTypes.Float32, Nullable: true}}, nil)
	_, err = table.AddColumnsFunc(ctx, added, []string{"celsius"}, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, added)
		defer b.Release()
		for _, c := range in.Column(0).(*array.Int32).Int32Values() {
			b.Field(0).(*array.Float32Builder).Append(float32(c)*9/5 + 32)
		}
		return b.NewRecord(), nil
	})
	must(err)
	_, err = table.RenameColumn(ctx, "celsius", "c")
	must(err)
	d, err := table.ChangeType(ctx, "c", arrow.PrimitiveTypes.Int64)
	must(err)
	d, err = d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(0, 1)})
	must(err)
	must(table.CreateTag(ctx, "warm", d.Version()))
	_, err = table.Restore(ctx, 1)
	must(err)

	tagged, err := table.Tag(ctx, "warm")
	must(err)
	for rec, err := range tagged.Scan(ctx, lance.ScanOptions{}) {
		must(err)
		for i := range int(rec.NumRows()) {
			fmt.Println(rec.Column(0).ValueStr(i), rec.Column(1).ValueStr(i))
		}
		rec.Release()
	}
	newest, err := table.Latest(ctx)
	must(err)
	fmt.Printf("version %d has %d rows of %d columns\n", newest.Version(), newest.LiveRows(), newest.Schema().NumFields())
	// Output:
	// 20 68
	// 100 212
	// version 6 has 3 rows of 1 columns
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
