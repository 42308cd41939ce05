package dump_test

import (
	"context"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/dump"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// How large each column of a table is, and how well it is compressed.
func ExampleReadTable() {
	store, err := localfs.Open("testdata/pylance-14.0.2/v2_1.lance")
	if err != nil {
		panic(err)
	}
	defer store.Close()
	t, err := dump.ReadTable(context.Background(), store, dump.Options{Measure: true})
	if err != nil {
		panic(err)
	}
	for _, f := range t.Fields {
		fmt.Printf("%-5s %4d bytes in %d page(s), ratio %.2f\n", f.Name, f.Stored, f.Pages, f.Ratio)
	}
	// Output:
	// id    1042 bytes in 1 page(s), ratio 1.54
	// name  5324 bytes in 1 page(s), ratio 0.99
	// word   444 bytes in 1 page(s), ratio 2.57
	// tags   690 bytes in 1 page(s), ratio 2.55
	// score  810 bytes in 1 page(s), ratio 0.99
	// place 2060 bytes in 2 page(s), ratio 1.26
}
