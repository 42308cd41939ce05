package nullarray_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/nullarray"
)

// Arrays of nulls are those that a builder makes.
func TestNew(t *testing.T) {
	member := func(kind arrow.DataType) arrow.DataType {
		return arrow.StructOf(arrow.Field{Name: "a", Type: kind, Nullable: true}, arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int16})
	}
	for _, kind := range []arrow.DataType{
		arrow.Null, arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.LargeString, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32),
		member(arrow.Null), arrow.ListOf(arrow.Null), arrow.LargeListOf(member(arrow.Null)), arrow.ListOf(arrow.LargeListOf(arrow.BinaryTypes.String)),
		arrow.MapOf(arrow.BinaryTypes.String, member(arrow.Null)), member(arrow.MapOf(arrow.BinaryTypes.String, arrow.Null)),
	} {
		for _, n := range []int{0, 1, 9, 1000} {
			b := array.NewBuilder(memory.DefaultAllocator, kind)
			for range n {
				b.AppendNull()
			}
			want, got := b.NewArray(), nullarray.New(kind, n)
			if !array.Equal(want, got) || got.NullN() != n || !arrow.TypeEqual(got.DataType(), kind) {
				t.Errorf("%d of %s: %s", n, kind, got)
			}
			want.Release()
			got.Release()
			b.Release()
		}
	}
}
