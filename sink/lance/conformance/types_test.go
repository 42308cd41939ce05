package conformance_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

var (
	compressions = []file.Compression{file.None, file.Zstd, file.LZ4}
	versions     = []file.Version{file.V2_1, file.V2_2}
)

// flat are the types without structs and lists.
func flat() []arrow.DataType {
	return []arrow.DataType{
		arrow.FixedWidthTypes.Boolean,
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
		arrow.BinaryTypes.String, arrow.BinaryTypes.LargeString, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
		arrow.FixedWidthTypes.Date32,
		&arrow.TimestampType{Unit: arrow.Second}, &arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "Europe/Berlin"},
		&arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}, &arrow.TimestampType{Unit: arrow.Nanosecond},
		arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Float32), arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float64),
		arrow.FixedSizeListOf(5, arrow.PrimitiveTypes.Int8), arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Uint64),
		arrow.FixedSizeListOf(100, arrow.PrimitiveTypes.Float32),
	}
}

// nested are shapes of structs and lists over some types.
func nested() []arrow.DataType {
	var (
		ints    = arrow.PrimitiveTypes.Int64
		text    = arrow.BinaryTypes.String
		vector  = arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Float32)
		point   = structOf(ints, text)
		numbers = arrow.ListOf(ints)
	)
	return []arrow.DataType{
		point,
		structOf(point, arrow.FixedWidthTypes.Boolean),
		structOf(structOf(structOf(ints))),
		numbers,
		arrow.ListOf(text),
		arrow.ListOf(arrow.FixedWidthTypes.Boolean),
		arrow.ListOf(vector),
		arrow.LargeListOf(arrow.PrimitiveTypes.Float64),
		arrow.ListOf(point),
		structOf(numbers, ints, arrow.ListOf(text)),
		arrow.ListOf(numbers),
		arrow.ListOf(arrow.ListOf(arrow.ListOf(text))),
		arrow.ListOf(structOf(numbers, text)),
		structOf(structOf(arrow.ListOf(structOf(ints, arrow.ListOf(point))))),
		arrow.LargeListOf(arrow.ListOf(structOf(vector))),
	}
}

// structOf is a struct of nullable members a, b, ...
func structOf(kinds ...arrow.DataType) arrow.DataType {
	members := make([]arrow.Field, len(kinds))
	for i, kind := range kinds {
		members[i] = arrow.Field{Name: string(rune('a' + i)), Type: kind, Nullable: true}
	}
	return arrow.StructOf(members...)
}

// matrix crosses types with nulls and flavours.
func matrix(kinds []arrow.DataType, flavours ...flavour) []column {
	var columns []column
	for _, kind := range kinds {
		for _, n := range []nullness{noNulls, someNulls, allNulls, mostlyEmpty} {
			for _, f := range flavours {
				if kind.ID() == arrow.NULL && n != allNulls || n == mostlyEmpty && !isNested(kind) || n == allNulls && f != flavours[0] {
					continue
				}
				columns = append(columns, column{kind, n, f})
			}
		}
	}
	return columns
}

func isNested(kind arrow.DataType) bool {
	id := kind.ID()
	return id == arrow.STRUCT || id == arrow.LIST || id == arrow.LARGE_LIST || id == arrow.MAP
}

// group is columns that share a file, and how many rows it takes to give each
// several pages.
type group struct {
	name    string
	columns func(*rand.Rand) []column
	rows    int
	since   file.Version // the first that has the types
}

func groups() []group {
	return []group{
		{"flat", func(*rand.Rand) []column { return matrix(flat(), wild, sorted, few, same) }, 3000, file.V2_1},
		{"nested", func(*rand.Rand) []column { return matrix(nested(), wild, few) }, 2000, file.V2_1},
		{"random", randomColumns, 500, file.V2_1},
		{"rare", func(*rand.Rand) []column { return matrix(rare(), wild, few) }, 400, file.V2_1},
		{"holes", func(*rand.Rand) []column { return matrix(vectors(), holes, wild) }, 400, file.V2_1},
		{"wide", func(*rand.Rand) []column { return matrix(wide(), wild, long) }, 60, file.V2_1},
		{"dictionaries", func(*rand.Rand) []column { return matrix(dictionaries(), wild, few, same) }, 3000, file.V2_1},
		{"maps", func(*rand.Rand) []column { return matrix(mapTypes(), wild, same) }, 400, file.V2_2},
	}
}

// rare are the less common types, flat and in lists and structs.
func rare() []arrow.DataType {
	temporal := arrow.FixedWidthTypes
	kinds := []arrow.DataType{
		arrow.Null, temporal.Float16,
		&arrow.Decimal128Type{Precision: 38, Scale: 3}, &arrow.Decimal256Type{Precision: 76, Scale: 20},
		&arrow.FixedSizeBinaryType{ByteWidth: 3}, &arrow.FixedSizeBinaryType{ByteWidth: 16}, &arrow.FixedSizeBinaryType{ByteWidth: 300},
		temporal.Date64, temporal.Time32s, temporal.Time32ms, temporal.Time64us, temporal.Time64ns,
		temporal.Duration_s, temporal.Duration_ms, temporal.Duration_us, temporal.Duration_ns,
		arrow.FixedSizeListOf(3, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)),
	}
	return append(kinds,
		arrow.ListOf(arrow.Null), structOf(arrow.Null, temporal.Float16), arrow.ListOf(structOf(kinds[2], kinds[4])),
		arrow.LargeListOf(kinds[3]), arrow.ListOf(arrow.LargeListOf(temporal.Duration_ns)), structOf(arrow.LargeListOf(kinds[5]), temporal.Time32s),
		eight(),
	)
}

// mapTypes are maps, also in and around other nested types.
func mapTypes() []arrow.DataType {
	text, ints := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int32
	plain := arrow.MapOf(text, ints)
	return []arrow.DataType{
		plain, arrow.MapOf(ints, arrow.ListOf(text)), arrow.MapOf(text, structOf(ints, text)), arrow.MapOf(text, plain),
		arrow.ListOf(plain), structOf(plain, ints), arrow.MapOf(indexedBy(ints, text), indexedBy(arrow.PrimitiveTypes.Uint16, text)),
	}
}

// dictionaries are dictionary types of every key and of every value, and inside
// structs and lists. Float16 is missing: pyarrow joins dictionaries of it wrongly.
func dictionaries() []arrow.DataType {
	number, text := arrow.PrimitiveTypes, arrow.BinaryTypes
	keys := []arrow.DataType{number.Int8, number.Uint8, number.Int16, number.Uint16, number.Int32, number.Uint32, number.Int64, number.Uint64}
	values := []arrow.DataType{
		text.String, text.LargeString, text.Binary, text.LargeBinary, arrow.FixedWidthTypes.Boolean,
		number.Float32, number.Float64, number.Int8, number.Uint16, number.Int32, number.Uint64,
	}
	var kinds []arrow.DataType
	for _, key := range keys {
		kinds = append(kinds, indexedBy(key, text.String))
	}
	for i, value := range values[1:] {
		kinds = append(kinds, indexedBy(keys[2+i%6], value))
	}
	return append(kinds,
		arrow.ListOf(kinds[4]), structOf(kinds[0], kinds[2]), arrow.LargeListOf(structOf(kinds[5], text.String, arrow.ListOf(kinds[6]))),
		structOf(structOf(arrow.ListOf(kinds[9]))),
	)
}

func indexedBy(key, value arrow.DataType) arrow.DataType {
	return &arrow.DictionaryType{IndexType: key, ValueType: value}
}

// eight is a type nested eight deep.
func eight() arrow.DataType {
	kind := arrow.DataType(arrow.BinaryTypes.LargeString)
	for range 4 {
		kind = structOf(arrow.ListOf(kind))
	}
	return kind
}

// vectors are fixed-size lists, whose items may be null.
func vectors() []arrow.DataType {
	temporal := arrow.FixedWidthTypes
	return []arrow.DataType{
		arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Float32), arrow.FixedSizeListOf(9, arrow.PrimitiveTypes.Int8),
		arrow.FixedSizeListOf(100, arrow.PrimitiveTypes.Float64), arrow.FixedSizeListOf(2, temporal.Float16),
		arrow.FixedSizeListOf(3, &arrow.Decimal128Type{Precision: 38, Scale: 3}), arrow.FixedSizeListOf(5, &arrow.FixedSizeBinaryType{ByteWidth: 3}),
		arrow.FixedSizeListOf(2, temporal.Timestamp_us),
		arrow.FixedSizeListOf(3, temporal.Boolean), arrow.FixedSizeListOf(8, temporal.Boolean), arrow.FixedSizeListOf(500, temporal.Boolean),
		arrow.FixedSizeListOf(3, arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)),
		arrow.FixedSizeListOf(30, arrow.FixedSizeListOf(9, arrow.PrimitiveTypes.Int8)),
		arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(5, temporal.Boolean))),
		arrow.ListOf(arrow.FixedSizeListOf(3, temporal.Boolean)), structOf(arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(2, temporal.Date32))),
		arrow.ListOf(arrow.FixedSizeListOf(4, arrow.PrimitiveTypes.Int32)), structOf(arrow.FixedSizeListOf(70, arrow.PrimitiveTypes.Float32)),
		structOf(arrow.ListOf(arrow.FixedSizeListOf(70, arrow.PrimitiveTypes.Float32))),
	}
}

// wide are types whose values may be too large for small chunks.
func wide() []arrow.DataType {
	vector := arrow.FixedSizeListOf(1536, arrow.PrimitiveTypes.Float32)
	text := arrow.BinaryTypes.String
	return []arrow.DataType{
		vector, arrow.FixedSizeListOf(700, arrow.PrimitiveTypes.Float64),
		text, arrow.BinaryTypes.LargeBinary,
		structOf(vector, text), arrow.ListOf(text), arrow.ListOf(arrow.FixedSizeListOf(80, arrow.PrimitiveTypes.Float32)),
		structOf(arrow.ListOf(text)), structOf(arrow.ListOf(arrow.FixedSizeListOf(80, arrow.PrimitiveTypes.Float32))),
		arrow.ListOf(structOf(text, arrow.PrimitiveTypes.Int32)), arrow.ListOf(arrow.ListOf(text)),
	}
}

// randomColumns draws types nested up to five deep, of any nullability.
func randomColumns(r *rand.Rand) []column {
	leaves := flat()[:20]
	var draw func(depth int) arrow.DataType
	field := func(name string, depth int) arrow.Field {
		return arrow.Field{Name: name, Type: draw(depth), Nullable: r.IntN(2) == 0}
	}
	draw = func(depth int) arrow.DataType {
		switch kind := r.IntN(8); {
		case depth == 0 || kind == 0:
			return leaves[r.IntN(len(leaves))]
		case kind < 4:
			return arrow.ListOfField(field("item", depth-1))
		default:
			members := make([]arrow.Field, 1+r.IntN(3))
			for i := range members {
				members[i] = field(string(rune('a'+i)), depth-1)
			}
			return arrow.StructOf(members...)
		}
	}
	columns := make([]column, 40)
	for i := range columns {
		columns[i] = column{draw(5), nullness(r.IntN(4)), flavour(r.IntN(4))}
	}
	return columns
}

// TestFiles writes every type with every kind of nulls in one and in several
// pages, and lets the reference and our reader read the files.
func TestFiles(t *testing.T) {
	for _, g := range groups() {
		for _, rows := range []int{0, 1, 50, g.rows / 2} {
			for _, o := range writerOptions(g.since) {
				t.Run(fmt.Sprintf("%s/%d rows/%s/%s", g.name, rows, o.Version, o.Compression), func(t *testing.T) {
					t.Parallel() // beside the reference
					r := newRand(t)
					rec := recordOf(r, g.columns(r), rows)
					defer rec.Release()
					ref := lanceref.Start(t)
					path := filepath.Join(t.TempDir(), "x.lance")
					o.PageBytes = 2 << 10
					writeFile(t, path, o, halves(rec)...)
					if err := ref.CompareDataFile(path, rec.Schema(), rec); err != nil {
						t.Error(err)
					}
					requireReads(t, r, path, rec)
					if rows > 2 {
						takeFromFile(t, ref, r, path, rec)
					}
				})
			}
		}
	}
}

// writerOptions are all versions from one on with all compressions.
func writerOptions(since file.Version) []file.WriterOptions {
	var all []file.WriterOptions
	for _, v := range versions[since:] {
		for _, c := range compressions {
			all = append(all, file.WriterOptions{Version: v, Compression: c})
		}
	}
	return all
}

// takeFromFile lets the reference read a run of rows and single rows of a file,
// which it finds without reading the pages from their start.
func takeFromFile(t *testing.T, ref *lanceref.Reference, r *rand.Rand, path string, want arrow.Record) {
	t.Helper()
	from := r.Int64N(want.NumRows())
	run := make([]uint64, 1+r.Int64N(want.NumRows()-from))
	for i := range run {
		run[i] = uint64(from) + uint64(i)
	}
	single := make([]uint64, 20)
	for i := range single {
		single[i] = r.Uint64N(uint64(want.NumRows()))
	}
	slices.Sort(single)
	single = slices.Compact(single)
	dir := t.TempDir()
	args := map[string]any{"path": path, "run": run, "rows": single, "out": dir}
	if err := ref.Eval(takeByReference, args, nil); err != nil {
		t.Errorf("rows %d and %d: %v", run, single, err)
		return
	}
	for name, rows := range map[string][]uint64{"run": run, "rows": single} {
		got, err := lanceref.LoadIPC(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer got.Release()
		requireRows(t, got, want, rows)
	}
}

// takeByReference is Python that reads a run of rows and single rows of a data file.
const takeByReference = `
from lance.file import LanceFileReader
r = LanceFileReader(args['path'])
save(r.read_range(args['run'][0], len(args['run'])).to_table(), args['out'] + '/run')
save(r.take_rows(args['rows']).to_table(), args['out'] + '/rows')
`

// writeFile writes a data file of records.
func writeFile(t *testing.T, path string, o file.WriterOptions, recs ...arrow.Record) {
	t.Helper()
	s, err := fields.FromArrow(recs[0].Schema())
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := file.NewWriter(f, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(); err != nil {
		t.Fatal(err)
	}
}

// halves cuts a record in two, the second with an offset into its arrays.
func halves(rec arrow.Record) []arrow.Record {
	middle := rec.NumRows() / 2
	return []arrow.Record{rec.NewSlice(0, middle), rec.NewSlice(middle, rec.NumRows())}
}
