package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// eachEncoding is one encoding of the format and data that makes a writer choose it.
type eachEncoding struct {
	name    string
	kind    arrow.DataType
	value   func(r *rand.Rand, i int) any // nil is null
	rows    int                           // 0 is 3,000
	setting map[string]string             // of the field
	want    string                        // parts of the page's encoding, as written by us
	theirs  string                        // as written by the reference; empty is the same
	since   file.Version
}

// constantly is a value that no row changes.
func constantly(v any) func(*rand.Rand, int) any {
	return func(*rand.Rand, int) any { return v }
}

// sometimes is null where the row says so.
func sometimes(null func(i int) bool, value func(r *rand.Rand, i int) any) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		if null(i) {
			return nil
		}
		return value(r, i)
	}
}

func everyOther(i int) bool { return i%2 == 0 }
func inBlocks(i int) bool   { return i/500%2 == 0 }
func always(int) bool       { return true }

func counting(_ *rand.Rand, i int) any  { return int64(i) }
func anyNumber(r *rand.Rand, _ int) any { return int64(r.Uint64()) }
func inRuns(_ *rand.Rand, i int) any    { return int64(i/97) * 0x1234567890ab }
func smooth(_ *rand.Rand, i int) any    { return 20 + float64(i)/8 }
func fewNames(r *rand.Rand, _ int) any {
	return fmt.Sprint("a place by the name of number ", r.IntN(40))
}

func sentence(r *rand.Rand, i int) any {
	return fmt.Sprintf("order %d shipped from warehouse %d, %x", i, r.IntN(20), r.Uint64())
}
func noise(r *rand.Rand, i int) any      { return fmt.Sprintf("%x%d", r.Uint64(), i) }
func longText(r *rand.Rand, i int) any   { return strings.Repeat(noise(r, i).(string)+" ", 30) }
func fewNumbers(r *rand.Rand, _ int) any { return int64(r.IntN(50)) * 0x123456789abcdef }

// listOf is a short list of values.
func listOf(value func(r *rand.Rand, i int) any) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		items := make([]any, i%4)
		for k := range items {
			items[k] = value(r, i)
		}
		return items
	}
}

// vector is n numbers, one of them null at times if holes is set.
func vector(n int, holes bool) func(*rand.Rand, int) any {
	return func(r *rand.Rand, i int) any {
		items := make([]any, n)
		for k := range items {
			if items[k] = r.Float32(); holes && i%7 == 0 && k == 1 {
				items[k] = nil
			}
		}
		return items
	}
}

// bitVectorOf is n bools.
func bitVectorOf(n int) func(*rand.Rand, int) any {
	return func(r *rand.Rand, _ int) any {
		items := make([]any, n)
		for k := range items {
			items[k] = r.IntN(2) == 0
		}
		return items
	}
}

// holesAtEveryDepth is two vectors of three, of which some are null.
func holesAtEveryDepth(_ *rand.Rand, i int) any {
	inner := []any{int16(i), nil, int16(-i)}
	if i%3 == 0 {
		return []any{nil, inner}
	}
	return []any{inner, []any{int16(1), int16(2), int16(3)}}
}

func eachEncodings() []eachEncoding {
	p, text, bytes := arrow.PrimitiveTypes, arrow.BinaryTypes.String, arrow.BinaryTypes.Binary
	compression := func(more ...string) map[string]string {
		keys := []string{encoding.KeyCompression, encoding.KeyLevel, encoding.KeySplit}
		md := map[string]string{}
		for i, value := range more {
			if value != "" {
				md[keys[i]] = value
			}
		}
		return md
	}
	const (
		flat16   = "flat(bits_per_value=16)"
		runs64   = "rle(values: flat(bits_per_value=64), run_lengths: flat(bits_per_value=8))"
		string32 = "variable(offsets: flat(bits_per_value=32))"
	)
	return []eachEncoding{
		{name: "flat", kind: p.Int64, value: anyNumber, want: "value_compression: flat(bits_per_value=64)"},
		{name: "flat bits", kind: arrow.FixedWidthTypes.Boolean, value: func(r *rand.Rand, _ int) any { return r.IntN(2) == 0 }, want: "value_compression: flat(bits_per_value=1)"},
		{name: "variable", kind: text, value: noise, setting: compression("none"), want: "value_compression: " + string32},
		{name: "variable 64", kind: arrow.BinaryTypes.LargeString, value: noise, setting: compression("none"), want: "variable(offsets: flat(bits_per_value=64))"},
		{name: "inline bit packing", kind: p.Int64, value: counting, want: "value_compression: inline_bitpacking(uncompressed_bits_per_value=64)"},
		{name: "rle", kind: p.Int64, value: inRuns, want: "value_compression: " + runs64, theirs: "value_compression: rle("},
		{name: "byte stream split, zstd", kind: p.Float64, value: smooth, setting: compression("zstd", "", "on"), want: "values: byte_stream_split(values: flat(bits_per_value=64))"},
		{name: "byte stream split, lz4", kind: p.Float64, value: smooth, setting: compression("lz4", "", "on"), want: "general(compression=lz4, values: byte_stream_split(", theirs: "values: byte_stream_split("},
		{name: "general zstd 19", kind: text, value: sentence, setting: compression("zstd", "19"), want: "general(compression=zstd:19, values: " + string32},
		{name: "general zstd 1", kind: text, value: sentence, setting: compression("zstd", "1"), want: "general(compression=zstd:1, values: " + string32},
		{name: "general lz4", kind: text, value: sentence, setting: compression("lz4"), want: "general(compression=lz4, values: " + string32, theirs: "values: " + string32},
		{name: "fsst", kind: text, value: sentence, setting: compression("fsst"), want: "value_compression: fsst(symbol_table=2312 bytes, values: " + string32},
		{name: "fsst of binary", kind: bytes, value: sentence, setting: compression("fsst"), want: "fsst(symbol_table=2312 bytes"},
		{name: "dictionary of strings", kind: text, value: fewNames, want: "dictionary: ", theirs: "num_dictionary_items=40"},
		{name: "dictionary of strings, plain", kind: text, value: fewNames, setting: map[string]string{encoding.KeyDictCompression: "none"}, want: "dictionary: " + string32},
		{name: "dictionary of strings, lz4", kind: text, value: fewNames, want: "dictionary: general(compression=lz4", since: file.V2_2},
		{name: "dictionary of strings, zstd", kind: text, value: fewNames, setting: map[string]string{encoding.KeyDictCompression: "zstd", encoding.KeyDictLevel: "5"}, want: "dictionary: general(compression=zstd:5", since: file.V2_2},
		{name: "dictionary of numbers", kind: p.Int64, value: fewNumbers, want: "num_dictionary_items=50", since: file.V2_2},
		{name: "levels, flat", kind: p.Int64, value: sometimes(everyOther, anyNumber), rows: 40, want: "def_compression: " + flat16},
		{name: "levels, inline bit packing", kind: p.Int64, value: sometimes(everyOther, anyNumber), rows: 900, want: "def_compression: inline_bitpacking(uncompressed_bits_per_value=16)"},
		{name: "levels, out of line bit packing", kind: p.Int64, value: sometimes(everyOther, anyNumber), want: "def_compression: out_of_line_bitpacking(uncompressed_bits_per_value=16, values: flat(bits_per_value=1))"},
		{name: "levels, rle", kind: p.Int64, value: sometimes(inBlocks, anyNumber), want: "def_compression: rle(values: " + flat16, since: file.V2_2},
		{name: "repetition index", kind: arrow.ListOf(p.Int64), value: listOf(anyNumber), want: "repetition_index_depth=1"},
		{name: "full-zip, variable", kind: text, value: longText, rows: 300, setting: compression("none"), want: "full_zip( ... value_compression: " + string32},
		{name: "full-zip, general", kind: text, value: longText, rows: 300, setting: compression("zstd"), want: "full_zip( ... general(compression=zstd"},
		{name: "full-zip, general lz4", kind: text, value: longText, rows: 300, setting: compression("lz4"), want: "full_zip( ... general(compression=lz4", theirs: "full_zip( ... general(compression=zstd"},
		{name: "full-zip, fsst", kind: text, value: longText, rows: 300, want: "full_zip(", theirs: "full_zip( ... value_compression: fsst("},
		{name: "full-zip, bits", kind: arrow.FixedWidthTypes.Boolean, value: func(_ *rand.Rand, i int) any { return i%3 == 0 }, setting: map[string]string{encoding.KeyStructural: "fullzip"}, want: "mini_block(", theirs: "full_zip(bits_per_value=8"},
		{name: "full-zip, lists", kind: arrow.ListOf(text), value: listOf(longText), rows: 300, setting: compression("none"), want: "full_zip(bits_rep=1"},
		{name: "full-zip, fixed", kind: p.Int64, value: counting, setting: map[string]string{encoding.KeyStructural: "fullzip"}, want: "full_zip(bits_per_value=64"},
		{name: "vectors", kind: arrow.FixedSizeListOf(4, p.Float32), value: vector(4, false), want: "fixed_size_list(items_per_value=4, values: flat(bits_per_value=32))", theirs: "fixed_size_list(items_per_value=4"},
		{name: "vectors with holes", kind: arrow.FixedSizeListOf(4, p.Float32), value: vector(4, true), want: "fixed_size_list(items_per_value=4, has_validity=true"},
		{name: "vectors of bits", kind: arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean), value: bitVectorOf(3), want: "fixed_size_list(items_per_value=3, values: flat(bits_per_value=1))"},
		{name: "vectors of bits, full-zip", kind: arrow.FixedSizeListOf(16, arrow.FixedWidthTypes.Boolean), value: bitVectorOf(16), setting: map[string]string{encoding.KeyStructural: "fullzip"}, want: "mini_block(", theirs: "full_zip(bits_per_value=16"},
		{name: "vectors of vectors with holes", kind: arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(3, p.Int16)), value: holesAtEveryDepth, want: "num_buffers=3 ... has_validity=true ... has_validity=true"},
		{name: "vectors of nothing but holes", kind: arrow.FixedSizeListOf(20, p.Float32), value: constantly(make([]any, 20)), want: "fixed_size_list(items_per_value=20, has_validity=true, values: flat", theirs: "full_zip( ... fixed_size_list(items_per_value=20, has_validity=true, values: constant)"},
		{name: "vectors of vectors of holes", kind: arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean)), value: constantly([]any{nil, make([]any, 3)}), want: "has_validity=true ... has_validity=true, values: flat", theirs: "full_zip( ... has_validity=true ... has_validity=true, values: constant)"},
		{name: "vectors, full-zip", kind: arrow.FixedSizeListOf(100, p.Float32), value: vector(100, false), rows: 300, want: "full_zip( ... fixed_size_list(items_per_value=100"},
		{name: "vectors with holes, full-zip", kind: arrow.FixedSizeListOf(100, p.Float32), value: vector(100, true), rows: 300, want: "full_zip( ... has_validity=true"},
		{name: "all null", kind: p.Int64, value: sometimes(always, counting), want: "constant(layers=[nullable_item])"},
		{name: "all null below lists", kind: arrow.ListOf(p.Int64), value: sometimes(everyOther, constantly([]any{})), want: "constant(layers=[all_valid_item null_and_empty_list]"},
		{name: "constant, inline", kind: p.Int64, value: constantly(int64(7)), want: "inline_value=0x0700000000000000", since: file.V2_2},
		{name: "constant, buffer", kind: text, value: constantly("the same"), want: "constant(layers=[all_valid_item])", since: file.V2_2},
		{name: "constant with nulls", kind: text, value: sometimes(everyOther, constantly("the same")), rows: 20, want: "constant(layers=[nullable_item])", since: file.V2_2},
	}
}

// record fills the column.
func (c eachEncoding) record(r *rand.Rand) arrow.Record {
	rows := c.rows
	if rows == 0 {
		rows = 3000
	}
	b := array.NewBuilder(memory.DefaultAllocator, c.kind)
	defer b.Release()
	for i := range rows {
		appendTo(b, c.value(r, i))
	}
	arr := b.NewArray()
	defer arr.Release()
	field := arrow.Field{Name: "x", Type: c.kind, Nullable: true, Metadata: arrow.MetadataFrom(c.setting)}
	return array.NewRecord(arrow.NewSchema([]arrow.Field{field}, nil), []arrow.Array{arr}, int64(rows))
}

// appendTo appends a value, a list of values, or nil.
func appendTo(b array.Builder, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case array.ListLikeBuilder:
		b.Append(true)
		for _, item := range v.([]any) {
			appendTo(b.ValueBuilder(), item)
		}
	default:
		if text, ok := v.(string); ok && b.Type().ID() == arrow.BINARY {
			v = []byte(text)
		}
		appendAny(b, v)
	}
}

// TestEachEncoding holds that every encoding of the format, under its name, is
// written by us and read by the reference, and the other way round.
func TestEachEncoding(t *testing.T) {
	for _, c := range eachEncodings() {
		for _, version := range versions[c.since:] {
			t.Run(c.name+"/"+version.String(), func(t *testing.T) {
				r := newRand(t)
				rec := c.record(r)
				defer rec.Release()
				ref := lanceref.Start(t)
				ours := filepath.Join(t.TempDir(), "x.lance")
				writeFile(t, ours, file.WriterOptions{Version: version}, rec)
				requireEncoding(t, "we", ours, c.want)
				if err := ref.CompareDataFile(ours, rec.Schema(), rec); err != nil {
					t.Error(err)
				}
				requireReads(t, r, ours, rec)
				takeFromFile(t, ref, r, ours, rec)

				theirs := filepath.Join(t.TempDir(), "x.lance")
				args := map[string]any{"ipc": must(ref.SaveIPC(rec.Schema(), rec))(t), "path": theirs, "version": version.String(), "page": 8 << 20}
				if err := ref.Eval(writeByReference, args, nil); err != nil {
					t.Fatal(err)
				}
				if c.theirs == "" {
					c.theirs = c.want
				}
				requireEncoding(t, "the reference", theirs, c.theirs)
				requireReads(t, r, theirs, rec)
			})
		}
	}
}

// requireEncoding wants a page whose encoding has all of the parts, in this order.
func requireEncoding(t *testing.T, who, path, parts string) {
	t.Helper()
	pages := encodingsOf(t, path)["x"]
	has := func(e string) bool {
		for part := range strings.SplitSeq(parts, " ... ") {
			_, rest, ok := strings.Cut(e, part)
			if !ok {
				return false
			}
			e = rest
		}
		return true
	}
	if !slices.ContainsFunc(pages, has) {
		t.Errorf("%s wrote %q, want %s", who, pages, parts)
	}
}
