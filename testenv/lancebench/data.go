package main

import (
	"fmt"
	"math/rand/v2"
	"os"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
)

// batchRows is the size of the batches that both sides get.
const batchRows = 65_536

// dimensions of a vector.
const dimensions = 128

// rowSchema is the row workload; a compression, unless empty, is asked for in
// the metadata of every field, which both writers obey.
func rowSchema(compression string) *arrow.Schema {
	fs := []arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "score", Type: arrow.PrimitiveTypes.Float64},
		{Name: "city", Type: arrow.BinaryTypes.String},
		{Name: "text", Type: arrow.BinaryTypes.String},
		{Name: "ok", Type: arrow.FixedWidthTypes.Boolean},
		{Name: "at", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
	}
	if compression != "" {
		for i := range fs {
			fs[i].Metadata = arrow.NewMetadata([]string{encoding.KeyCompression}, []string{compression})
		}
	}
	return arrow.NewSchema(fs, nil)
}

// words are what texts are made of, frequent ones first.
func words(r *rand.Rand) []string {
	const letters = "etaoinshrdlucmfwypvbgk"
	w := make([]string, 4000)
	for i := range w {
		word := make([]byte, 2+r.IntN(9))
		for j := range word {
			word[j] = letters[min(r.IntN(len(letters)), r.IntN(len(letters)))]
		}
		w[i] = string(word)
	}
	return w
}

// rowBatches are random rows, the same for a seed.
func rowBatches(rows int) []arrow.Record {
	r := rand.New(rand.NewPCG(7, 7))
	vocabulary := words(r)
	common := rand.NewZipf(r, 1.2, 4, uint64(len(vocabulary)-1))
	at := int64(1_700_000_000_000_000)
	var out []arrow.Record
	var text []byte
	for made := 0; made < rows; {
		n := min(batchRows, rows-made)
		b := array.NewRecordBuilder(memory.DefaultAllocator, rowSchema(""))
		for range n {
			at += r.Int64N(2000)
			text = text[:0]
			for range 4 + r.IntN(12) {
				text = append(append(text, vocabulary[common.Uint64()]...), ' ')
			}
			b.Field(0).(*array.Int64Builder).Append(r.Int64N(1 << 40))
			b.Field(1).(*array.Float64Builder).Append(r.NormFloat64() * 100)
			b.Field(2).(*array.StringBuilder).Append(vocabulary[2000+r.IntN(300)])
			b.Field(3).(*array.StringBuilder).BinaryBuilder.Append(text)
			b.Field(4).(*array.BooleanBuilder).Append(r.IntN(4) == 0)
			b.Field(5).(*array.TimestampBuilder).Append(arrow.Timestamp(at))
		}
		out = append(out, b.NewRecord())
		b.Release()
		made += n
	}
	return out
}

// vectorBatches are random vectors.
func vectorBatches(rows int) []arrow.Record {
	r := rand.New(rand.NewPCG(8, 8))
	kind := arrow.FixedSizeListOfField(dimensions, arrow.Field{Name: "item", Type: arrow.PrimitiveTypes.Float32, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{{Name: "v", Type: kind}}, nil)
	var out []arrow.Record
	for made := 0; made < rows; {
		n := min(batchRows/4, rows-made)
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		list := b.Field(0).(*array.FixedSizeListBuilder)
		numbers := list.ValueBuilder().(*array.Float32Builder)
		for range n {
			list.Append(true)
			for range dimensions {
				numbers.Append(float32(r.NormFloat64()))
			}
		}
		out = append(out, b.NewRecord())
		b.Release()
		made += n
	}
	return out
}

// withSchema is the same batches under another schema of the same types.
func withSchema(recs []arrow.Record, s *arrow.Schema) []arrow.Record {
	out := make([]arrow.Record, len(recs))
	for i, rec := range recs {
		out[i] = array.NewRecord(s, rec.Columns(), rec.NumRows())
	}
	return out
}

// writeIPC writes batches for the reference to load.
func writeIPC(path string, recs []arrow.Record) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if c := f.Close(); err == nil {
			err = c
		}
	}()
	w, err := ipc.NewFileWriter(f, ipc.WithSchema(recs[0].Schema()))
	if err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return w.Close()
}
