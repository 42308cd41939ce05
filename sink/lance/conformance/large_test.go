package conformance_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestLargePages writes pages of the default size: many chunks each, and far
// more levels than one chunk can count where lists are mostly empty.
func TestLargePages(t *testing.T) {
	var (
		ints = arrow.PrimitiveTypes.Int64
		text = arrow.BinaryTypes.String
	)
	columns := []column{
		{ints, noNulls, sorted},
		{ints, someNulls, wild},
		{text, someNulls, wild},
		{arrow.FixedWidthTypes.Boolean, someNulls, wild},
		{arrow.ListOf(ints), mostlyEmpty, wild},
		{arrow.ListOf(text), noNulls, few},
		{arrow.ListOf(structOf(arrow.ListOf(ints), text)), mostlyEmpty, wild},
		{arrow.ListOf(arrow.ListOf(ints)), allNulls, wild},
		{structOf(arrow.ListOf(ints)), mostlyEmpty, wild},
	}
	r := newRand(t)
	rec := recordOf(r, columns, 250_000)
	defer rec.Release()
	for _, o := range []file.WriterOptions{{}, {Compression: file.Zstd}, {Version: file.V2_2}, {Version: file.V2_2, Compression: file.LZ4}} {
		t.Run(o.Version.String()+" "+o.Compression.String(), func(t *testing.T) {
			ref := lanceref.Start(t)
			path := filepath.Join(t.TempDir(), "x.lance")
			writeFile(t, path, o, rec)
			if err := ref.CompareDataFile(path, rec.Schema(), rec); err != nil {
				t.Error(err)
			}
			requireReads(t, r, path, rec)
			takeFromFile(t, ref, r, path, rec)
		})
	}
}

// TestHugeValues writes single rows that fill many chunks.
func TestHugeValues(t *testing.T) {
	kind := structOf(arrow.BinaryTypes.String, arrow.ListOf(arrow.PrimitiveTypes.Int64), arrow.ListOf(arrow.BinaryTypes.String))
	b := array.NewStructBuilder(memory.DefaultAllocator, kind.(*arrow.StructType))
	defer b.Release()
	for row := range 20 {
		b.Append(true)
		huge := row%7 == 3
		b.FieldBuilder(0).(*array.StringBuilder).Append(strings.Repeat("x", row+3_000_000*(row/19)))
		ints, texts := b.FieldBuilder(1).(*array.ListBuilder), b.FieldBuilder(2).(*array.ListBuilder)
		ints.Append(row%3 > 0 || huge)
		texts.Append(row%3 > 0 || huge)
		for i := range row % 4 * map[bool]int{false: 1, true: 100_000}[huge] {
			ints.ValueBuilder().(*array.Int64Builder).Append(int64(i * row))
			texts.ValueBuilder().(*array.StringBuilder).Append(strings.Repeat("y", i%50))
		}
	}
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: kind, Nullable: true}}, nil)
	rec := array.NewRecord(schema, []arrow.Array{b.NewArray()}, 20)
	for _, c := range compressions {
		t.Run(c.String(), func(t *testing.T) {
			ref := lanceref.Start(t)
			path := filepath.Join(t.TempDir(), "x.lance")
			writeFile(t, path, file.WriterOptions{Compression: c}, rec)
			if err := ref.CompareDataFile(path, schema, rec); err != nil {
				t.Error(err)
			}
			r := newRand(t)
			requireReads(t, r, path, rec)
			takeFromFile(t, ref, r, path, rec)
		})
	}
}
