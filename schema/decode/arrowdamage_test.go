package decode

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
)

// TestArrowDamage flips, cuts and overwrites bytes of a stream of all types: what is taken
// is sound, what is not leaves no trace, and nothing panics.
func TestArrowDamage(t *testing.T) {
	rec := allTypes(t)
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for _, o := range [][]arrowipc.Option{nil, {arrowipc.WithLZ4()}, {arrowipc.WithZstd()}} {
		payload := stream(t, rec.Schema(), []arrow.Record{rec}, o...)
		for n := 0; n < len(payload); n += 1 + r.IntN(40) {
			checkArrow(t, payload[:n])
		}
		for range 800 {
			hurt := bytes.Clone(payload)
			for range 1 + r.IntN(3) {
				at := r.IntN(len(hurt))
				switch r.IntN(3) {
				case 0:
					hurt[at] ^= 1 << r.IntN(8)
				case 1:
					hurt[at] = 0xff
				default:
					copy(hurt[at:], []byte{0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0}[r.IntN(5):])
				}
			}
			checkArrow(t, hurt)
		}
	}
}

// checkArrow appends a stream that may be damaged. Where the library reads the same
// stream, the rows are the same.
func checkArrow(t testing.TB, p []byte) (taken bool) {
	t.Helper()
	b := NewBatch(nil, Options{MaxMessageBytes: 4 << 20})
	push(t, b, `{"before":1,"other":["a"]}`)
	n, err := headed(b, string(p), arrowType)
	var rej *Reject
	switch {
	case err == nil:
		rec := record(t, b)
		if int(rec.NumRows()) != n+1 {
			t.Fatalf("%d rows of %d", rec.NumRows(), n)
		}
		first := int64(1)
		for _, want := range library(p, n) {
			if err := sameRows(rec, first, want); err != nil {
				t.Fatalf("%v\n%x", err, p)
			}
			first += want.NumRows()
		}
		return true
	case !errors.As(err, &rej) || rej.Class == ClassPanic:
		t.Fatalf("%v: %x", err, p)
	}
	push(t, b, `{"a":1}`)
	clean := NewBatch(nil, Options{})
	push(t, clean, `{"before":1,"other":["a"]}`, `{"a":1}`)
	if got, want := record(t, b), record(t, clean); !got.Schema().Equal(want.Schema()) || !array.RecordEqual(got, want) {
		t.Fatalf("%x left a trace: got %v, want %v", p, got, want)
	}
	return false
}

// library reads a stream with the library, nothing if it cannot.
func library(p []byte, rows int) (recs []arrow.Record) {
	defer func() {
		if recover() != nil {
			recs = nil // the library panics on some damage
		}
	}()
	r, err := arrowipc.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil
	}
	for r.Next() {
		rec := r.Record()
		if rec.NumRows() > int64(rows) {
			return nil
		}
		rec.Retain()
		recs = append(recs, rec)
	}
	if r.Err() != nil {
		return nil
	}
	return recs
}

func FuzzArrow(f *testing.F) {
	rec := allTypes(f)
	f.Add(stream(f, rec.Schema(), []arrow.Record{rec}))
	f.Add(stream(f, rec.Schema(), []arrow.Record{rec}, arrowipc.WithLZ4()))
	for i, field := range rec.Schema().Fields() {
		s := arrow.NewSchema([]arrow.Field{field}, nil)
		f.Add(stream(f, s, []arrow.Record{array.NewRecord(s, []arrow.Array{rec.Column(i)}, rec.NumRows())}))
	}
	f.Fuzz(func(t *testing.T, p []byte) { checkArrow(t, p) })
}
