package file

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// The priority of a page is the number of its first row, also where one
// gathering becomes several pages. No reader here depends on it.
func TestPriorityIsTheFirstRow(t *testing.T) {
	b := array.NewListBuilder(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64)
	for i := range 100_000 {
		b.Append(true)
		if i%20_000 == 0 {
			b.ValueBuilder().(*array.Int64Builder).Append(int64(i))
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64), Nullable: true}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{b.NewArray()}, 100_000)
	s, err := fields.FromArrow(schema)
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWriter(&bytes.Buffer{}, s, WriterOptions{PageBytes: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	first := uint64(0)
	for i, p := range w.meta[0].GetPages() {
		if p.GetPriority() != first {
			t.Errorf("page %d has the priority %d, its first row is %d", i, p.GetPriority(), first)
		}
		first += p.GetLength()
	}
	if n := len(w.meta[0].GetPages()); n < 4 || first != 100_000 {
		t.Errorf("%d pages of %d rows", n, first)
	}
}
