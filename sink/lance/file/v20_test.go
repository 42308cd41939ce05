package file_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// writeV20 writes a data file of version 2.0 of the columns that the reference can
// write in that version: it panics over some.
const writeV20 = `
from lance.file import LanceFileWriter
table = load(args["in"])

def write(table):
    schema = pa.schema([f.with_metadata(args["meta"]) for f in table.schema])
    table = pa.table(table.columns, schema=schema)
    with LanceFileWriter(args["out"], schema, version="2.0", max_page_bytes=args["page"], data_cache_bytes=args["page"]) as w:
        for batch in table.to_batches(max_chunksize=700):
            w.write_batch(batch)

result = []
for name in table.column_names:
    try:
        write(table.select([name]))
        result.append(name)
    except BaseException:
        pass
write(table.select(result))
`

// hasStruct reports whether a type holds structs, which version 2.0 can not hold
// null.
func hasStruct(dt arrow.DataType) bool {
	if dt.ID() == arrow.STRUCT {
		return true
	}
	nested, ok := dt.(arrow.NestedType)
	if !ok {
		return false
	}
	for _, f := range nested.Fields() {
		if hasStruct(f.Type) {
			return true
		}
	}
	return false
}

// recordV20 is a record of what version 2.0 can hold.
func recordV20(t *testing.T, rng *rand.Rand, n nulls, rows int) arrow.Record {
	t.Helper()
	fs := sampleTypes()
	columns := make([]arrow.Array, len(fs))
	for i, f := range fs {
		s := sampler{Rand: rng, nulls: n, long: i%3 == 0}
		if hasStruct(f.Type) {
			s.nulls = noNulls
		}
		columns[i] = s.sample(t, f.Type, rows)
		defer columns[i].Release()
	}
	return newRecord(fs, columns, rows)
}

// referenceV20 has the reference write a record as version 2.0, in pages of at
// most so many bytes, and returns the file and the record of what it could write.
func referenceV20(t *testing.T, ref *lanceref.Reference, rec arrow.Record, meta map[string]string, page int) ([]byte, arrow.Record) {
	t.Helper()
	in, err := ref.SaveIPC(rec.Schema(), rec)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "x.lance")
	var names []string
	if err := ref.Eval(writeV20, map[string]any{"in": in, "out": out, "meta": meta, "page": page}, &names); err != nil {
		t.Fatal(err)
	}
	var fs []arrow.Field
	var columns []arrow.Array
	for _, name := range names {
		i := rec.Schema().FieldIndices(name)[0]
		fs, columns = append(fs, rec.Schema().Field(i)), append(columns, rec.Column(i))
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data, newRecord(fs, columns, int(rec.NumRows()))
}

// We read every type from files of version 2.0, however they are compressed and
// cut into pages.
func TestWeReadVersion20(t *testing.T) {
	ref := lanceref.Start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 20))
	for _, n := range []nulls{noNulls, someNulls, allNulls} {
		for _, compression := range []string{"", "zstd", "lz4", "fsst"} {
			for _, page := range []int{4 << 10, 8 << 20} {
				if compression == "lz4" && page > 4<<10 || compression == "fsst" && page <= 4<<10 {
					continue // to save time
				}
				t.Run(fmt.Sprintf("nulls %s/%s/%d", n, compression, page), func(t *testing.T) {
					rec := recordV20(t, rng, n, 1+rng.IntN(3000))
					defer rec.Release()
					meta := map[string]string{}
					if compression != "" {
						meta["lance-encoding:compression"] = compression
					}
					data, written := referenceV20(t, ref, rec, meta, page)
					if n := written.NumCols(); n < 25 {
						t.Errorf("only %d of %d columns", n, rec.NumCols())
					}
					got, err := decode(data, 1+rng.IntN(3000))
					if err != nil {
						t.Fatal(err)
					}
					expectRows(t, got, written)
					for _, g := range got {
						g.Release()
					}
				})
			}
		}
	}
}

// Some rows of a file of version 2.0 are those of the whole.
func TestSomeRowsOfVersion20(t *testing.T) {
	ref := lanceref.Start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 21))
	rec := recordV20(t, rng, someNulls, 2500)
	t.Cleanup(rec.Release)
	data, rec := referenceV20(t, ref, rec, map[string]string{}, 2<<10)
	r, err := file.Open(toObject(data), "data/x.lance")
	if err != nil {
		t.Fatal(err)
	}
	if r.Version() != file.V2_0 || r.Version().String() != "2.0" {
		t.Errorf("version %s", r.Version())
	}
	s, err := r.Schema()
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var spans []file.Span
		var parts []arrow.Record
		for at := rng.IntN(400); at < 2500; at += 1 + rng.IntN(900) {
			to := min(at+1+rng.IntN(300), 2500)
			spans = append(spans, file.Span{From: at, To: to})
			parts = append(parts, rec.NewSlice(int64(at), int64(to)))
			at = to
		}
		var got []arrow.Record
		for g, err := range r.Select(context.Background(), s, r.ColumnsOf(s), file.Selection{Rows: spans, BatchRows: 1 + rng.IntN(500)}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, g)
		}
		expectRows(t, got, join(t, parts))
	}
}

// join puts records one after the other.
func join(t *testing.T, recs []arrow.Record) arrow.Record {
	t.Helper()
	columns := make([]arrow.Array, recs[0].NumCols())
	rows := 0
	for _, r := range recs {
		rows += int(r.NumRows())
	}
	for i := range columns {
		var parts []arrow.Array
		for _, r := range recs {
			parts = append(parts, r.Column(i))
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			t.Fatal(err)
		}
	}
	return newRecord(recs[0].Schema().Fields(), columns, rows)
}

// Packed structs and vectors of bits are read.
func TestOddColumnsOfVersion20(t *testing.T) {
	ref := lanceref.Start(t)
	packed := arrow.StructOf(
		arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int32, Nullable: true},
		arrow.Field{Name: "v", Type: arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Float32), Nullable: true})
	s := sampler{Rand: rand.New(rand.NewPCG(1, 1)), nulls: noNulls}
	fs := []arrow.Field{{Name: "packed", Type: packed, Nullable: true}}
	rec := s.record(t, fs, 900)
	defer rec.Release()
	data, written := referenceV20(t, ref, rec, map[string]string{"packed": "true"}, 2<<10)
	if written.NumCols() != 1 {
		t.Fatal("the reference does not write packed structs")
	}
	got, err := decode(data, 400)
	if err != nil {
		t.Fatal(err)
	}
	expectRows(t, got, rec)

	bits := s.record(t, []arrow.Field{{Name: "bits", Type: arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean), Nullable: true}}, 9)
	defer bits.Release()
	data, _ = referenceV20(t, ref, bits, map[string]string{}, 2<<10)
	if got, err = decode(data, 4); err != nil {
		t.Fatal(err)
	}
	expectRows(t, got, bits)
}

// Files of version 2.0 are not written.
func TestVersion20IsNotWritten(t *testing.T) {
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{{Name: "a", Type: arrow.PrimitiveTypes.Int8}}, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.NewWriter(nil, s, file.WriterOptions{Version: file.V2_0}); !errors.Is(err, fields.ErrUnsupported) {
		t.Error(err)
	}
}

// Damage in a file of version 2.0 is located, and nothing panics.
func TestDamagedVersion20(t *testing.T) {
	ref := lanceref.Start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 22))
	rec := recordV20(t, rng, someNulls, 60)
	defer rec.Release()
	data, _ := referenceV20(t, ref, rec, map[string]string{"lance-encoding:compression": "zstd"}, 1<<10)
	seen := 0
	for range 500 {
		bad := append([]byte{}, data...)
		for range 1 + rng.IntN(3) {
			bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
		}
		recs, err := decode(bad, 1+rng.IntN(50))
		for _, r := range recs {
			r.Release()
		}
		if err != nil {
			expectLocated(t, "damage", err)
			seen++
		}
	}
	if seen < 20 {
		t.Errorf("only %d of 500 were seen", seen)
	}
}
