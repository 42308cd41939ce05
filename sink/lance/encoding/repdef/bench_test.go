package repdef_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// BenchmarkShred and BenchmarkUnshred count bytes of a row as 8.
func BenchmarkShred(b *testing.B)   { benchmark(b, shredOnce) }
func BenchmarkUnshred(b *testing.B) { benchmark(b, unshredOnce) }

func benchmark(b *testing.B, op func(b *testing.B, f arrow.Field, arr arrow.Array)) {
	const rows = 100_000
	ints := arrow.PrimitiveTypes.Int64
	for _, c := range []struct {
		name string
		kind arrow.DataType
		make func(b array.Builder, row int)
	}{
		{"int64 no nulls", ints, func(b array.Builder, row int) { b.(*array.Int64Builder).Append(int64(row)) }},
		{"int64 10% nulls", ints, func(b array.Builder, row int) { appendSparse(b, row) }},
		{"struct 10% null members", arrow.StructOf(nullableInt, arrow.Field{Name: "b", Type: ints, Nullable: true}), func(b array.Builder, row int) {
			s := b.(*array.StructBuilder)
			s.Append(row%10 != 3)
			appendSparse(s.FieldBuilder(0), row)
			appendSparse(s.FieldBuilder(1), row)
		}},
		{"list of 0 to 6 int64", arrow.ListOf(ints), func(b array.Builder, row int) {
			l := b.(*array.ListBuilder)
			l.Append(row%10 != 3)
			for k := range row % 7 * min(1, (row%10)^3) {
				l.ValueBuilder().(*array.Int64Builder).Append(int64(k))
			}
		}},
	} {
		builder := array.NewBuilder(memory.DefaultAllocator, c.kind)
		for row := range rows {
			c.make(builder, row)
		}
		arr := builder.NewArray()
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(8 * rows)
			op(b, arrow.Field{Name: "c", Type: c.kind, Nullable: true}, arr)
		})
	}
}

func appendSparse(b array.Builder, row int) {
	if row%10 == 0 {
		b.AppendNull()
		return
	}
	b.(*array.Int64Builder).Append(int64(row))
}

func shredOnce(b *testing.B, _ arrow.Field, arr arrow.Array) {
	for b.Loop() {
		if _, err := repdef.Shred(arr, memory.DefaultAllocator); err != nil {
			b.Fatal(err)
		}
	}
}

func unshredOnce(b *testing.B, f arrow.Field, arr arrow.Array) {
	leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := repdef.Unshred(f, leaves, memory.DefaultAllocator); err != nil {
			b.Fatal(err)
		}
	}
}
