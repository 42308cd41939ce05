package decode

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
)

// document writes a random row. Names are few, so fields meet again and types
// clash now and then.
func document(r *rand.Rand, depth int) string {
	var parts []string
	for _, k := range r.Perm(6)[:r.IntN(6)] {
		parts = append(parts, fmt.Sprintf(`"%s":%s`, []string{"a", "b", "c", "vector", "e.f", `q\"`}[k], anyValue(r, depth, k)))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// anyValue writes a value. Mostly the field decides on the type.
func anyValue(r *rand.Rand, depth, field int) string {
	if r.IntN(25) == 0 {
		field = r.IntN(6)
	}
	switch {
	case r.IntN(6) == 0:
		return "null"
	case field == 0:
		return []string{"0", "-7", "12", "9007199254740993", "1.5", "3.0", "-0", "1e2", "9223372036854775808"}[min(r.IntN(40), 8)]
	case field == 1 && depth > 0:
		return document(r, depth-1)
	case field == 2 && depth > 0:
		var items []string
		for range r.IntN(4) {
			items = append(items, anyValue(r, depth-1, r.IntN(2)))
		}
		return "[" + strings.Join(items, ",") + "]"
	case field == 3:
		return []string{"[1,2]", "[0.5,-1e-3]", "[1]", "[]"}[min(r.IntN(40), 3)]
	case field == 4:
		return []string{"true", "false"}[r.IntN(2)]
	default:
		return []string{`""`, `"plain"`, `"\u00e9\n"`, `"née"`, `"2024-01-02"`, `"2024-01-02T03:04:05Z"`}[r.IntN(6)]
	}
}

// spoil turns a payload into one that no batch can take.
func spoil(r *rand.Rand, p string) string {
	switch r.IntN(4) {
	case 0:
		return p + ` {"a":1,"new` + fmt.Sprint(r.IntN(5)) + `":{"x":[1.5]},"_nats_x":1}`
	case 1:
		return p + ` {"b":{"a":2.5,"zz":[{}]},"c":[[1]],"a":"x","a":1}`
	case 2:
		return strings.TrimSuffix(p, "}") + `,"fresh":{"vector":[1,2,3]},"b":` + "\"\xff\"}"
	default:
		return p[:r.IntN(len(p))]
	}
}

func randomTable(r *rand.Rand) *arrow.Schema {
	i64, s := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	switch r.IntN(5) {
	case 4:
		w := words(arrow.PrimitiveTypes.Int8)
		return table(nullable("q\"", w), nullable("b", arrow.StructOf(nullable("q\"", w))), nullable("c", arrow.ListOf(arrow.StructOf(nullable("q\"", w)))))
	case 3:
		return table(
			nullable("b", arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Int16))), nullable("a", arrow.PrimitiveTypes.Uint8),
			nullable("c", arrow.ListOf(arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Float32)))), nullable("q\"", arrow.FixedWidthTypes.Date32),
		)
	case 0:
		return table(nullable("b", arrow.StructOf(nullable("a", i64), nullable("q\"", s))), nullable("vector", arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)), nullable("none", s))
	case 1:
		return table(nullable("c", arrow.ListOf(arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Float64)))), nullable("a", arrow.PrimitiveTypes.Int8))
	default:
		return nil
	}
}

// TestRejectLeavesNoTrace appends good messages to one batch, and the same with
// bad ones between them to another: the records must be the same.
// randomDeclaration declares columns that no random table has, and a policy.
func randomDeclaration(t *testing.T, r *rand.Rand) *schema.Declaration {
	t.Helper()
	d := *declare(t, schema.Undeclared(r.IntN(4)), withDefault("default", "struct<x: int8, y: utf8>", `{"y":"é"}`), col("e_x2Ef", "json")).Declared
	d.AutoVectors = r.IntN(2) == 0
	return &d
}

func TestRejectLeavesNoTrace(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	rejected, taken := 0, 0
	for run := range 800 {
		s := randomTable(r)
		o := Options{Seq: true, Subject: true, MaxNewColumns: 9, MaxMessageBytes: 400}
		if r.IntN(2) == 0 {
			o.Widen = anyWider
		}
		if r.IntN(2) == 0 {
			o.Declared = randomDeclaration(t, r)
		}
		clean, tried := NewBatch(s, o), NewBatch(s, o)
		for range 2 { // the second time after Reset
			var kept []string
			for seq := range 1 + r.IntN(30) {
				p := document(r, 3)
				if r.IntN(4) == 0 {
					p += "\n" + document(r, 3)
				}
				if r.IntN(2) == 0 {
					p = spoil(r, p)
				}
				planned := r.IntN(10) == 0
				if planned {
					n := r.IntN(3)
					tried.failpoint = func() {
						if n--; n < 0 {
							panic("planned")
						}
					}
				}
				m := Meta{Seq: uint64(seq), Subject: "s"}
				rows, size := tried.Rows(), tried.Bytes()
				_, err := tried.Append(m, []byte(p))
				tried.failpoint = nil
				if err == nil {
					taken++
					kept = append(kept, p)
					if _, err := clean.Append(m, []byte(p)); err != nil {
						t.Fatalf("seed %d run %d: %q is good only after a bad message: %v", seed, run, p, err)
					}
				} else {
					rejected++
					if again := verdict(s, o, kept, p); !planned && again != err.Error() {
						t.Fatalf("seed %d run %d: %q: %v, but without the bad messages before it %s", seed, run, p, err, again)
					}
					if tried.Rows() != rows || tried.Bytes() != size {
						t.Fatalf("seed %d run %d: %q: rows %d -> %d, bytes %d -> %d", seed, run, p, rows, tried.Rows(), size, tried.Bytes())
					}
				}
			}
			a, b := record(t, clean), record(t, tried)
			if !a.Schema().Equal(b.Schema()) || !array.RecordEqual(a, b) {
				t.Fatalf("seed %d run %d: without bad messages\n%v\nwith them\n%v", seed, run, a, b)
			}
			clean.Reset(s)
			tried.Reset(s)
		}
	}
	if rejected < 2000 || taken < 2000 {
		t.Errorf("%d messages taken and %d rejected: the test shows little", taken, rejected)
	}
}

// verdict is what a new batch that took only the messages kept says about p.
func verdict(s *arrow.Schema, o Options, kept []string, p string) string {
	b := NewBatch(s, o)
	for _, k := range kept {
		if _, err := b.Append(Meta{Subject: "s"}, []byte(k)); err != nil {
			return "a message that was taken before: " + err.Error()
		}
	}
	if _, err := b.Append(Meta{Subject: "s"}, []byte(p)); err != nil {
		return err.Error()
	}
	return "taken"
}

// TestPanicIsARejection makes the decoder panic in each row of a message.
func TestPanicIsARejection(t *testing.T) {
	b := NewBatch(nil, Options{Seq: true})
	push(t, b, `{"a":1}`)
	b.failpoint = func() { panic("\x00payload") }
	refuse(t, b, `{"a":2.5,"b":[{"c":[1]}]}`, ClassPanic, "the decoder failed")
	var none []int
	b.failpoint = func() { _ = none[b.Rows()] }
	refuse(t, b, `{"a":2.5,"b":"x"}`, ClassPanic, "index out of range")
	b.failpoint = nil
	push(t, b, `{"a":3}`)
	if columns, rows := show(t, b); columns != "_nats_seq uint64 not null; a int64" || !strings.HasSuffix(rows, `"a":3}`) {
		t.Errorf("got %s\n%s", columns, rows)
	}
}

func TestSpent(t *testing.T) {
	b := NewBatch(nil, Options{})
	push(t, b, `{"a":1}`)
	record(t, b)
	if _, err := b.Record(); !errors.Is(err, errSpent) {
		t.Errorf("second Record: %v", err)
	}
	if _, err := b.Append(Meta{}, []byte(`{}`)); !errors.Is(err, errSpent) {
		t.Errorf("Append after Record: %v", err)
	}
}

// TestResetKeepsRecords reuses a batch and looks at the older records again.
func TestResetKeepsRecords(t *testing.T) {
	b := NewBatch(nil, Options{})
	var recs []arrow.Record
	var want []string
	for i := range 5 {
		push(t, b, fmt.Sprintf(`{"a":%d,"s":"row %d","l":[%d],"b":true,"vector":[%d]}`, i, i, i, i), `{}`)
		rec := record(t, b)
		_, rows := render(t, rec)
		recs, want = append(recs, rec), append(want, rows)
		b.Reset(rec.Schema())
		push(t, b, `{"a":99,"s":"dropped","l":[1,2,3],"b":false,"vector":[9]}`)
		b.Reset(rec.Schema()) // never handed over: its memory is used again
		if b.Rows() != 0 || b.Bytes() != 0 {
			t.Fatalf("%d rows and %d bytes after Reset", b.Rows(), b.Bytes())
		}
	}
	for i, rec := range recs {
		if _, rows := render(t, rec); rows != want[i] {
			t.Errorf("record %d changed: got %s, want %s", i, rows, want[i])
		}
	}
}

func TestKeysThatNoTableMayHave(t *testing.T) {
	b := NewBatch(nil, Options{})
	for _, row := range []string{`{"a.b":1,"_rowid":2,"s":{"a.b":3}}`, `{"a.b":4,"a_x2Eb":5,"_rowid":6}`, `{"a_x2Eb":7,"a.b":8}`} {
		if _, err := b.Append(Meta{}, []byte(row)); err != nil {
			t.Fatal(err)
		}
	}
	rec, err := b.Record()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range rec.Schema().Fields() {
		names = append(names, f.Name)
	}
	if got, want := strings.Join(names, " "), "a_x2Eb _x5Frowid s a_x5Fx2Eb"; got != want {
		t.Fatalf("columns %s, want %s", got, want)
	}
	if got := fmt.Sprint(rec.Column(0), rec.Column(3)); got != "[1 4 8] [(null) 5 7]" {
		t.Errorf("values %s", got)
	}
}
