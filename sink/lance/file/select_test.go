package file_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// randomRows are some rows of a file, from single ones to whole pages.
func randomRows(rng *rand.Rand, rows int) []file.Span {
	var spans []file.Span
	most := 1 << rng.IntN(9)
	for at := rng.IntN(most); at < rows; {
		to := min(at+1+rng.IntN(most), rows)
		spans = append(spans, file.Span{From: at, To: to})
		at = to + 1 + rng.IntN(4*most)
	}
	return spans
}

// selectRows reads some rows of all columns.
func selectRows(t *testing.T, data []byte, o file.Selection) ([]arrow.Record, error) {
	t.Helper()
	r, err := file.Open(toObject(data), "x")
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var recs []arrow.Record
	for rec, err := range r.Select(t.Context(), s, r.ColumnsOf(s), o) {
		if err != nil {
			return recs, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

// pick is the given rows of a record.
func pick(t *testing.T, rec arrow.Record, rows []file.Span) arrow.Record {
	t.Helper()
	columns := make([]arrow.Array, rec.NumCols())
	n := 0
	for i := range columns {
		parts := []arrow.Array{array.NewSlice(rec.Column(i), 0, 0)}
		n = 0
		for _, s := range rows {
			parts = append(parts, array.NewSlice(rec.Column(i), int64(s.From), int64(s.To)))
			n += s.Len()
		}
		var err error
		if columns[i], err = array.Concatenate(parts, memory.DefaultAllocator); err != nil {
			t.Fatal(err)
		}
	}
	return array.NewRecord(rec.Schema(), columns, int64(n))
}

func TestSelect(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, f := range sampleTypes() {
		t.Run(f.Name, func(t *testing.T) {
			for _, n := range []nulls{noNulls, someNulls, allNulls} {
				s := &sampler{Rand: rand.New(rand.NewPCG(seed, 1)), nulls: n, long: seed%2 == 0}
				f.Nullable = n != noNulls
				rec := s.record(t, []arrow.Field{f}, 6000)
				for _, o := range []file.WriterOptions{{}, {PageBytes: 2500}, {Compression: file.Zstd, PageBytes: 60_000}} {
					data, _ := encode(t, o, rec)
					for range 2 {
						rows := randomRows(s.Rand, 6000)
						got, err := selectRows(t, data, file.Selection{Rows: rows, BatchRows: 1 + s.IntN(2000)})
						if err != nil {
							t.Fatalf("%+v: %v", o, err)
						}
						expectRows(t, got, pick(t, rec, rows))
					}
				}
			}
		})
	}
}

func TestSelectRefuses(t *testing.T) {
	data, rec := damagedFile(t, file.None)
	n := int(rec.NumRows())
	for _, rows := range [][]int{{0, n + 1}, {2, 2}, {3, 5, 5, 6}, {3, 5, 1, 2}, {-1, 2}} {
		var spans []file.Span
		for i := 0; i < len(rows); i += 2 {
			spans = append(spans, file.Span{From: rows[i], To: rows[i+1]})
		}
		if _, err := selectRows(t, data, file.Selection{Rows: spans}); err == nil {
			t.Errorf("rows %v were read", rows)
		}
	}
}

// TestSelectDamage flips bytes of a file: whatever is read is an error with a place,
// or rows.
func TestSelectDamage(t *testing.T) {
	for _, c := range compressions() {
		data, rec := damagedFile(t, c)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 2))
		for range 400 {
			bad := append([]byte(nil), data...)
			bad[rng.IntN(len(bad))] ^= byte(1 << rng.IntN(8))
			if r, err := file.Open(toObject(bad), "x"); err != nil || r.Rows() != uint64(rec.NumRows()) {
				continue
			} else if _, err := r.Schema(); err != nil {
				continue
			}
			_, err := selectRows(t, bad, file.Selection{Rows: randomRows(rng, int(rec.NumRows()))})
			var damage *corrupt.Error
			if err != nil && !errors.As(err, &damage) && !errors.Is(err, fields.ErrUnsupported) {
				expectLocated(t, "a flipped bit", err)
			}
		}
	}
}
