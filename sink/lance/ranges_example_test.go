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

// A cache asks which bytes hold the wanted rows, fetches them, and the read that
// follows finds them there.
func ExampleDataset_Ranges() {
	ctx := context.Background()
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "people", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema,
		strings.NewReader(`[{"name":"Bern","people":134794},{"name":"Atlantis"}]`))
	if err != nil {
		panic(err)
	}
	d, err := lance.Create(ctx, memstore.New(), schema, records(rec), lance.Options{})
	if err != nil {
		panic(err)
	}
	for r, err := range d.Ranges(ctx, lance.RangeOptions{Columns: []string{"people"}, From: 0, To: 1, Gap: 64}) {
		if err != nil {
			panic(err)
		}
		fmt.Printf("fragment %d: %d range(s) of pages, and the metadata from byte %d on\n", r.Fragment, len(r.Pages), r.Metadata.Offset)
	}
	// Output:
	// fragment 0: 1 range(s) of pages, and the metadata from byte 256 on
}
