package file_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// writeForeign writes a table as a data file of version 2.1.
const writeForeign = `
from lance.file import LanceFileWriter
table = load(args["in"])
meta = args["meta"]
schema = pa.schema([f.with_metadata(meta) for f in table.schema])
table = pa.table(table.columns, schema=schema)
with LanceFileWriter(args["out"], schema, version="2.1") as w:
    w.write_batch(table)
`

// foreignRecord has columns that make the reference choose its other
// encodings: few distinct strings, strings with common parts, runs, floats.
func foreignRecord(t *testing.T, s *sampler) arrow.Record {
	t.Helper()
	fs := sampleTypes()
	plain := s.record(t, fs, 6000)
	b := bridgeColumns(s.Rand, 6000)
	defer plain.Release()
	defer b.Release()
	columns := append(append([]arrow.Array{}, plain.Columns()...), b.Columns()...)
	return newRecord(append(fs, b.Schema().Fields()...), columns, 6000)
}

// We read what the reference writes by default and under every setting of a
// field: dictionaries, run lengths, FSST, byte stream split and the rest.
func TestWeReadWhatTheReferenceWrites(t *testing.T) {
	ref := lanceref.Start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, n := range []nulls{noNulls, someNulls} {
		s := &sampler{Rand: rand.New(rand.NewPCG(seed, 2)), nulls: n}
		rec := foreignRecord(t, s)
		in, err := ref.SaveIPC(rec.Schema(), rec)
		if err != nil {
			t.Fatal(err)
		}
		for i, meta := range []map[string]string{
			{},
			{"lance-encoding:compression": "zstd", "lance-encoding:bss": "on"},
			{"lance-encoding:compression": "lz4"},
			{"lance-encoding:compression": "fsst"},
			{"lance-encoding:compression": "none"},
		} {
			out := filepath.Join(t.TempDir(), fmt.Sprintf("%d.lance", i))
			if err := ref.Eval(writeForeign, map[string]any{"in": in, "out": out, "meta": meta}, nil); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			got, err := decode(data, 1+s.IntN(3000))
			if err != nil {
				t.Errorf("nulls %s, settings %v: %v", n, meta, err)
				continue
			}
			expectRows(t, got, rec)
		}
		rec.Release()
	}
}
