package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// longValues are strings from nothing to 40 MiB, and lists that are empty but
// for a few long strings eight levels down.
func longValues(r *rand.Rand) arrow.Record {
	text := func(size int) string {
		part := fmt.Sprintf("%x ", r.Uint64())
		return strings.Repeat(part, size/len(part)+1)[:size]
	}
	long := array.NewStringBuilder(memory.DefaultAllocator)
	defer long.Release()
	for _, size := range []int{3, 64<<10 - 1, 64<<10 + 1, -1, 0, 3 << 19, 40 << 20, 200, 1<<20 + 5, -1, 64 << 10} {
		if size < 0 {
			long.AppendNull()
		} else {
			long.Append(text(size))
		}
	}
	rows := long.Len()
	deep := array.NewBuilder(memory.DefaultAllocator, eight())
	defer deep.Release()
	for i := range rows {
		appendDeep(deep, func(b *array.LargeStringBuilder) {
			if i%4 == 1 {
				b.Append(text(i * 100_000))
			} else {
				b.AppendNull()
			}
		}, i%3)
	}
	columns := []arrow.Array{long.NewArray(), deep.NewArray()}
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "long", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "deep", Type: eight(), Nullable: true},
	}, nil)
	return array.NewRecord(schema, columns, int64(rows))
}

// appendDeep appends an entry whose lists have the given number of items.
func appendDeep(b array.Builder, leaf func(*array.LargeStringBuilder), items int) {
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		appendDeep(b.FieldBuilder(0), leaf, items)
	case *array.ListBuilder:
		b.Append(true)
		for range items {
			appendDeep(b.ValueBuilder(), leaf, items)
		}
	case *array.LargeStringBuilder:
		leaf(b)
	}
}

// TestLongValues writes and reads values that pass every size of a page, a chunk
// and a buffer, by us and by the reference.
func TestLongValues(t *testing.T) {
	r := newRand(t)
	rec := longValues(r)
	defer rec.Release()
	ref := lanceref.Start(t)
	in := must(ref.SaveIPC(rec.Schema(), rec))(t)
	for _, version := range versions {
		for _, c := range []file.Compression{file.None, file.Zstd} {
			t.Run("written by us/"+version.String()+"/"+c.String(), func(t *testing.T) {
				requireFile(t, r, rec, file.WriterOptions{Version: version, Compression: c})
			})
		}
		t.Run("written by the reference/"+version.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.lance")
			args := map[string]any{"ipc": in, "path": path, "version": version.String(), "page": 8 << 20}
			if err := ref.Eval(writeByReference, args, nil); err != nil {
				t.Fatal(err)
			}
			requireReads(t, r, path, rec)
		})
	}
}

// TestMostlyEmptyLists reads pages of the reference with far more levels than
// items; TestLargePages writes such.
func TestMostlyEmptyLists(t *testing.T) {
	r := newRand(t)
	ints := arrow.PrimitiveTypes.Int64
	columns := []column{
		{arrow.ListOf(ints), mostlyEmpty, wild},
		{arrow.ListOf(structOf(arrow.ListOf(ints), arrow.BinaryTypes.String)), mostlyEmpty, wild},
	}
	rec := recordOf(r, columns, 100_000)
	defer rec.Release()
	ref := lanceref.Start(t)
	in := must(ref.SaveIPC(rec.Schema(), rec))(t)
	for _, version := range versions {
		t.Run(version.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.lance")
			args := map[string]any{"ipc": in, "path": path, "version": version.String(), "page": 8 << 20}
			if err := ref.Eval(writeByReference, args, nil); err != nil {
				t.Fatal(err)
			}
			requireReads(t, r, path, rec)
		})
	}
}
