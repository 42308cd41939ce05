package decode

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
)

func manyFields(prefix string, n int, value string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = fmt.Sprintf(`"%s%d":%s`, prefix, i, value)
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// TestHostilePayloads feeds payloads made to hurt between good ones. Each must
// be answered within bounds of time and memory, and leave its neighbours alone.
func TestHostilePayloads(t *testing.T) {
	const million = 1_000_000
	deep := strings.Repeat
	digits := strings.Repeat("7", million)
	for _, tc := range []struct {
		name    string
		payload string
		class   string
		reason  string
	}{
		{"a million arrays inside each other", `{"a":` + deep("[", million), ClassLimit, "more than 60 objects and arrays"},
		{"a million objects inside each other", deep(`{"a":`, million), ClassLimit, "more than 60 objects and arrays"},
		{"61 levels", `{"a":` + deep("[", 60) + deep("]", 60) + "}", ClassLimit, "more than 60"},
		{"number of a million digits", `{"a":` + digits + "}", ClassLimit, "number of 1000000 bytes"},
		{"fraction of a million digits", `{"a":0.` + digits + "}", ClassLimit, "number of 1000002 bytes"},
		{"exponent of a million digits", `{"a":1e` + digits + "}", ClassLimit, "number of 1000002 bytes"},
		{"vector with a long number", `{"vector":[0.` + digits + "]}", ClassLimit, "number of"},
		{"10,000 new columns", manyFields("k", 10_000, "1"), ClassLimit, "field k256: more than 256 new columns"},
		{"10,000 new columns inside", `{"o":` + manyFields("k", 10_000, `"x"`) + "}", ClassLimit, "field o.k255: more than 256 new columns"},
		{"10,000 fields of null", manyFields("k", 10_000, "null"), ClassLimit, "more than 1024 fields that are only null"},
		{"name of 64 KiB", `{"` + deep("n", 64<<10) + `":1}`, ClassLimit, "field name of 65536 bytes, the limit is 512"},
		{"a million keys of one name", "{" + deep(`"a":1,`, million/4) + `"a":1}`, ClassParse, "occurs twice"},
		{"many columns for many empty rows", manyFields("k", 256, "1") + deep("\n{}", 300_000), ClassLimit, "more than the 67108864 bytes"},
		{"empty rows, then many columns", deep("{}\n", 300_000) + manyFields("k", 256, "1"), ClassLimit, "more than the"},
		{"long vector for many empty rows", `{"vector":[` + deep("1,", 4095) + "1]}" + deep("\n{}", 300_000), ClassLimit, "more than the"},
		{"long vector for many empty items", `{"l":[{"vector":[` + deep("1,", 4095) + "1]}" + deep(",{}", 300_000) + "]}", ClassLimit, "more than the"},
		{"vector of 10 million commas", `{"vector":[1` + deep(",", 10*million) + "]}", ClassLimit, "field vector: a vector of 10000001 values, the limit is 32768"},
		{"long string without an end", `{"a":"` + deep("x", 10*million), ClassParse, "ends too early"},
		{"a million escapes and no end", `{"a":"` + deep(`\u0041`, million), ClassParse, "ends too early"},
		{"white space only", deep(" ", 10*million), ClassParse, "empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := NewBatch(nil, Options{Seq: true})
			before := allocated()
			start := time.Now()
			_, err := b.Append(Meta{}, []byte(tc.payload))
			took := time.Since(start)
			var rej *Reject
			if !errors.As(err, &rej) || rej.Class != tc.class || !strings.Contains(rej.Reason, tc.reason) {
				t.Fatalf("got %v, want %s and %q", err, tc.class, tc.reason)
			}
			if len(rej.Reason) > 300 {
				t.Errorf("a reason of %d bytes", len(rej.Reason))
			}
			if used := allocated() - before; used > 8*DefaultMaxMessageBytes+4*uint64(len(tc.payload)) {
				t.Errorf("%d MiB allocated for a payload of %d KiB", used>>20, len(tc.payload)>>10)
			}
			if took > 10*time.Second { // milliseconds, but for race detectors and loaded machines
				t.Errorf("took %v", took)
			}
			push(t, b, `{"a":1}`, `{"a":2}`)
			refuse(t, b, `{"a":"x"}`, ClassType, "")
			if columns, _ := show(t, b); columns != "_nats_seq uint64 not null; a int64" {
				t.Errorf("got %s", columns)
			}
		})
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestHarmlessOddities holds what looks hostile and is not.
func TestHarmlessOddities(t *testing.T) {
	b := NewBatch(nil, Options{})
	push(t, b,
		`{"../x":1,"a/b":"c","x y":true,"`+strings.Repeat("n", 512)+`":1}`,
		`{"caf\u00e9":1,"cafe\u0301":"decomposed"}`,
		`{"a":`+strings.Repeat("[", 59)+strings.Repeat("]", 59)+"}",
		`{"d":`+strings.Repeat(`{"d":`, 58)+"1"+strings.Repeat("}", 59),
		`{"vector":[`+strings.Repeat("1,", 32767)+"1]}",
		`{"z":0.`+strings.Repeat("3", 990)+"}",
		manyFields("n", 500, "null"), manyFields("n", 100, "[]"),
	)
	rec := record(t, b)
	if got := rec.NumRows(); got != 8 {
		t.Errorf("got %d rows", got)
	}
	if c := rec.Schema().FieldIndices("cafe\u0301"); len(c) != 1 || rec.Column(c[0]).IsNull(1) {
		t.Errorf("the decomposed name is lost: %v", rec.Schema())
	}
}

func TestColumnLimits(t *testing.T) {
	b := NewBatch(nil, Options{MaxColumns: 300})
	push(t, b, manyFields("a", 200, "1"))
	if _, err := b.Append(Meta{}, []byte(manyFields("b", 57, "1"))); !errors.Is(err, ErrFull) {
		t.Errorf("the 257th new column of a batch: %v", err)
	}
	push(t, b, manyFields("b", 56, "1"))
	b.Reset(record(t, b).Schema())
	push(t, b, manyFields("b", 57, "1"), manyFields("c", 43, "1"))
	refuse(t, b, `{"one":{"more":1}}`, ClassLimit, "field one: more than 300 columns")
	refuse(t, b, manyFields("d", 300, "1"), ClassLimit, "field d0: more than 300 columns")
}

// TestLateVectorNeedsItsOwnBatch has a first long vector behind many rows that
// lack it: good, but too dear for this batch.
func TestLateVectorNeedsItsOwnBatch(t *testing.T) {
	b := NewBatch(nil, Options{})
	push(t, b, strings.Repeat("{}\n", 10_000))
	late := `{"vector":[` + strings.Repeat("0,", 3071) + "0]}"
	if _, err := b.Append(Meta{}, []byte(late)); !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
	if rec := record(t, b); rec.NumCols() != 0 || rec.NumRows() != 10_000 {
		t.Errorf("got %v", rec)
	}
	b.Reset(nil)
	push(t, b, late, `{}`)
	if got := b.Bytes(); got < 2*4*3072 || got > 2*4*3072+100 {
		t.Errorf("%d bytes for two vectors of 3,072 float32", got)
	}
}

// TestUnsplit decodes the messages of such a batch together all the same, but
// not one that no batch could take.
func TestUnsplit(t *testing.T) {
	late := `{"vector":[` + strings.Repeat("0,", 255) + "0]}"
	for _, s := range []*arrow.Schema{nil, table(nullable("vector", arrow.FixedSizeListOf(256, arrow.PrimitiveTypes.Float32)))} {
		b := NewBatch(s, Options{Unsplit: true, MaxMessageBytes: 1 << 20})
		push(t, b, strings.Repeat("{}\n", 10_000), late, manyFields("a", 200, "1"), manyFields("b", 200, "1"))
		bomb := late + strings.Repeat("\n{}", 3000)
		refuse(t, b, bomb, ClassLimit, "more than the 1048576 bytes")
		refuse(t, b, manyFields("c", 257, "1"), ClassLimit, "more than 256 new columns")
		if rec := record(t, b); rec.NumCols() != 401 || rec.NumRows() != 10_003 {
			t.Errorf("got %d columns, %d rows", rec.NumCols(), rec.NumRows())
		}
	}
}

// TestHeadersCountPerRow: a message of many rows repeats its headers in each.
func TestHeadersCountPerRow(t *testing.T) {
	b := NewBatch(nil, Options{Headers: true})
	m := Meta{Header: map[string][]string{"k": {strings.Repeat("v", 4096)}}}
	_, err := b.Append(m, []byte(strings.Repeat("{}\n", 300_000)))
	var rej *Reject
	if !errors.As(err, &rej) || rej.Class != ClassLimit || b.Rows() != 0 || b.Bytes() != 0 {
		t.Errorf("got %v, %d rows, %d bytes", err, b.Rows(), b.Bytes())
	}
}

// TestTruncatedAnywhere cuts and damages a message at each byte.
func TestTruncatedAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	good := []byte(`{"a":[1,{"b":"\u00e9\ud83d\ude00\n"},-1.5e+10],"vector":[1,2e0],"t":true,"n":null,"s":"é"} {}`)
	for i := range good {
		b := NewBatch(nil, Options{})
		_, _ = b.Append(Meta{}, good[:i:i])
		for range 20 {
			bad := bytes.Clone(good)
			bad[i] = byte(r.Uint32())
			var rej *Reject
			if _, err := b.Append(Meta{}, bad); errors.As(err, &rej) && rej.Class == ClassPanic {
				t.Fatalf("%q: %v", bad, err)
			}
		}
		record(t, b)
	}
}

// TestReasonsHoldNoPayload: values must not reach logs.
func TestReasonsHoldNoPayload(t *testing.T) {
	const secret = "hunter2"
	s := table(nullable("d", arrow.FixedWidthTypes.Date32), nullable("t", timestamps(arrow.Second)), nullable("b", arrow.BinaryTypes.Binary), nullable("i", arrow.PrimitiveTypes.Int64))
	for _, p := range []string{
		`{"d":"hunter2"}`, `{"t":"hunter2"}`, `{"b":"hunter2"}`, `{"i":"hunter2"}`, `{"i":hunter2}`, `{"x":"hunter2`, `{"x":"hunter2` + "\xff", `{"x":["hunter2",1]}`,
	} {
		b := NewBatch(s, Options{})
		_, err := b.Append(Meta{}, []byte(p))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", p, err)
		}
	}
}

// TestSizeFollowsMemory compares Bytes with the buffers of the record.
func TestSizeFollowsMemory(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	b := NewBatch(nil, Options{Seq: true, Time: true})
	for range 5000 {
		_, _ = b.Append(Meta{}, []byte(document(r, 3)))
	}
	said := b.Bytes()
	rec := record(t, b)
	held := 0
	var sum func(d arrow.ArrayData)
	sum = func(d arrow.ArrayData) {
		for _, buf := range d.Buffers() {
			if buf != nil {
				held += buf.Len()
			}
		}
		for _, c := range d.Children() {
			sum(c)
		}
	}
	for _, c := range rec.Columns() {
		sum(c.Data())
	}
	if said < held || said > held+held/4 {
		t.Errorf("seed %d: Bytes says %d, the buffers hold %d", seed, said, held)
	}
}
