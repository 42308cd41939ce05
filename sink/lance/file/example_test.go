package file_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// exampleFile is a small data file.
func exampleFile() []byte {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "name", Type: arrow.BinaryTypes.String},
		{Name: "people", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
	}, nil)
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema,
		strings.NewReader(`[{"name":"Bern","people":134794},{"name":"Atlantis"}]`))
	if err != nil {
		panic(err)
	}
	defer rec.Release()
	s, err := fields.FromArrow(schema)
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	w, err := file.NewWriter(&b, s, file.WriterOptions{})
	if err != nil {
		panic(err)
	}
	if err := w.Write(rec); err != nil {
		panic(err)
	}
	if _, err := w.Finish(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// The layout of a file tells where each buffer lies and how it is encoded,
// without reading a page.
func ExampleReadLayout() {
	l, err := file.ReadLayout(toObject(exampleFile()), "data/cities.lance")
	if err != nil {
		panic(err)
	}
	fmt.Printf("version %s, %d rows\n", l.Version, l.Rows)
	for _, c := range l.Columns {
		for _, p := range c.Pages {
			fmt.Printf("%s: %s\n", c.Field, p.Encoding.Name)
			for _, b := range p.Buffers {
				fmt.Printf("  %d bytes at %d: %s\n", b.Length, b.Offset, b.Role)
			}
		}
	}
	// Output:
	// version 2.1, 2 rows
	// name: mini_block
	//   2 bytes at 0: chunk sizes
	//   32 bytes at 64: chunks
	// people: mini_block
	//   2 bytes at 128: chunk sizes
	//   32 bytes at 192: chunks
}

// A cache fetches what a read of some rows of some columns will ask for.
func ExampleLayout_Ranges() {
	l, err := file.ReadLayout(toObject(exampleFile()), "data/cities.lance")
	if err != nil {
		panic(err)
	}
	people := []int{1}
	for _, r := range l.Ranges(people, 0, 2, 64) {
		fmt.Printf("bytes %d to %d\n", r.Offset, r.End())
	}
	// Output:
	// bytes 128 to 224
}
