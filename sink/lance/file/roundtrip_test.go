package file_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

func compressions() []file.Compression {
	return []file.Compression{file.None, file.Zstd, file.LZ4}
}

// expectRows compares records, cut in whatever way, with one record.
func expectRows(t *testing.T, got []arrow.Record, want arrow.Record) {
	t.Helper()
	at := int64(0)
	for _, rec := range got {
		part := want.NewSlice(at, min(at+rec.NumRows(), want.NumRows()))
		if rec.NumRows() != part.NumRows() {
			t.Fatalf("more than the %d rows written", want.NumRows())
		}
		for i, c := range rec.Columns() {
			if !array.Equal(c, part.Column(i)) {
				t.Fatalf("column %s, rows from %d on:\n got %.400v\nwant %.400v", rec.ColumnName(i), at, c, part.Column(i))
			}
		}
		at += rec.NumRows()
		part.Release()
	}
	if at != want.NumRows() {
		t.Fatalf("%d rows instead of %d", at, want.NumRows())
	}
}

func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, f := range sampleTypes() {
		t.Run(f.Name, func(t *testing.T) {
			for _, n := range []nulls{noNulls, someNulls, allNulls} {
				for _, rows := range []int{0, 1, 1500} {
					s := &sampler{Rand: rand.New(rand.NewPCG(seed, 0)), nulls: n, long: rows == 1 || seed%3 == 0}
					f.Nullable = n != noNulls
					rec := s.record(t, []arrow.Field{f}, rows)
					roundTrip(t, rec, s.Rand)
					rec.Release()
				}
			}
		})
	}
}

// roundTrip writes and reads a record with every compression, as one page and
// as many, as one record and as several.
func roundTrip(t *testing.T, rec arrow.Record, rng *rand.Rand) {
	t.Helper()
	for _, c := range compressions() {
		for _, pageBytes := range []int{0, 2500} {
			recs := []arrow.Record{rec}
			if rows := rec.NumRows(); pageBytes > 0 && rows > 2 {
				cut := 1 + rng.Int64N(rows-1)
				recs = []arrow.Record{rec.NewSlice(0, cut), rec.NewSlice(cut, rows)}
			}
			data, summary := encode(t, file.WriterOptions{Compression: c, PageBytes: pageBytes}, recs...)
			if summary.Rows != uint64(rec.NumRows()) {
				t.Fatalf("the summary tells %d rows of %d", summary.Rows, rec.NumRows())
			}
			got, err := decode(data, 1+rng.IntN(2000))
			if err != nil {
				t.Fatalf("%s, pages of %d bytes: %v", c, pageBytes, err)
			}
			expectRows(t, got, rec)
			for _, r := range got {
				r.Release()
			}
		}
	}
}

func TestPagesAreCut(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(1, 1)), nulls: noNulls}
	rec := s.record(t, []arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "l", Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)},
	}, 5000)
	defer rec.Release()
	data, _ := encode(t, file.WriterOptions{PageBytes: 8000}, rec)
	r, err := file.Open(toObject(data), "x")
	if err != nil {
		t.Fatal(err)
	}
	for column := range r.Columns() {
		pages, err := r.Pages(column)
		if err != nil {
			t.Fatal(err)
		}
		first := uint64(0)
		for i, p := range pages {
			if p.FirstRow != first || p.Rows == 0 {
				t.Errorf("column %d: page %d has rows %d+%d instead of those from %d on", column, i, p.FirstRow, p.Rows, first)
			}
			first += p.Rows
		}
		if len(pages) < 5 || first != 5000 {
			t.Errorf("column %d: %d pages of %d rows", column, len(pages), first)
		}
		if column == 0 && pages[0].Rows != 1000 {
			t.Errorf("8,000 bytes of int64 are %d rows", pages[0].Rows)
		}
	}
}

func TestSummaryNamesColumnsByField(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(1, 1)), nulls: noNulls}
	rec := s.record(t, []arrow.Field{
		{Name: "a", Type: arrow.PrimitiveTypes.Int64},
		{Name: "s", Type: arrow.StructOf(
			arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8},
			arrow.Field{Name: "y", Type: arrow.ListOf(arrow.BinaryTypes.String)})},
		{Name: "b", Type: arrow.FixedWidthTypes.Boolean},
	}, 3)
	defer rec.Release()
	_, summary := encode(t, file.WriterOptions{}, rec)
	if got := fmt.Sprint(summary.Fields, summary.Columns, summary.Major, summary.Minor); got != "[0 2 4 5] [0 1 2 3] 2 1" {
		t.Errorf("fields, columns and version are %s", got)
	}
}
