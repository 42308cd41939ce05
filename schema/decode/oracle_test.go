package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
)

// oracle parses rows with encoding/json. The values it returns are those of the
// package, numbers as json.Number.
func oracle(payload []byte) ([]map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.UseNumber()
	var rows []map[string]any
	if first := bytes.TrimLeft(payload, " \t\r\n"); len(first) > 0 && first[0] == '[' {
		if err := dec.Decode(&rows); err != nil {
			return nil, err
		}
		if len(bytes.Trim(payload[dec.InputOffset():], " \t\r\n")) > 0 {
			return nil, errors.New("more behind the array")
		}
		return rows, nil
	}
	for {
		var row map[string]any
		if err := dec.Decode(&row); errors.Is(err, io.EOF) {
			return rows, nil
		} else if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}

// compareRows checks the rows of rec from first on against the payload.
func compareRows(rec arrow.Record, first int, payload []byte) error {
	rows, err := oracle(payload)
	if err != nil {
		return fmt.Errorf("encoding/json refuses it: %w", err)
	}
	for i, row := range rows {
		if err := compareFields(rec.Schema().Fields(), rec.Columns(), first+i, named(row, schema.ColumnName)); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func compareFields(fields []arrow.Field, columns []arrow.Array, i int, row map[string]any) error {
	known := map[string]bool{}
	for k, f := range fields {
		known[f.Name] = true
		if err := compare(columns[k], i, row[f.Name]); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	for name, v := range row {
		if !known[name] && !typeless(v) {
			return fmt.Errorf("field %q: %v is lost", name, v)
		}
	}
	return nil
}

// named has the members of row under the names that their columns have.
func named(row map[string]any, name func(string) string) map[string]any {
	out := make(map[string]any, len(row))
	for key, v := range row {
		out[name(key)] = v
	}
	return out
}

// typeless tells whether a value says nothing about the type of its column.
func typeless(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		for _, e := range v {
			if !typeless(e) {
				return false
			}
		}
		return true
	case map[string]any:
		for _, e := range v {
			if !typeless(e) {
				return false
			}
		}
		return true
	default:
		return false
	}
}

func compare(a arrow.Array, i int, want any) error {
	if want == nil || a.IsNull(i) {
		if a.IsNull(i) != (want == nil) {
			return fmt.Errorf("null %t, want %v", a.IsNull(i), want)
		}
		return nil
	}
	ok := false
	switch a := a.(type) {
	case *array.Boolean:
		ok = want == a.Value(i)
	case *array.String:
		ok = want == a.Value(i)
	case *array.Uint64:
		r, valid := new(big.Rat).SetString(string(want.(json.Number)))
		ok = valid && r.Cmp(new(big.Rat).SetInt(new(big.Int).SetUint64(a.Value(i)))) == 0
	case *array.Int64:
		lit := string(want.(json.Number))
		if _, exp, _ := strings.Cut(strings.ToLower(lit), "e"); len(strings.TrimLeft(exp, "+-0")) > 4 {
			ok = a.Value(i) == 0 // what else fits; package big would take minutes to say so
			break
		}
		r, valid := new(big.Rat).SetString(lit)
		ok = valid && r.Cmp(new(big.Rat).SetInt64(a.Value(i))) == 0
	case *array.Float64:
		lit := string(want.(json.Number))
		f, err := strconv.ParseFloat(lit, 64)
		ok = err == nil && f == a.Value(i)
		if !strings.ContainsAny(lit, ".eE") {
			r, valid := new(big.Rat).SetString(lit)
			ok = ok && valid && r.Cmp(new(big.Rat).SetFloat64(f)) == 0
		}
	case *array.Float32:
		f, err := strconv.ParseFloat(string(want.(json.Number)), 32)
		ok = err == nil && float32(f) == a.Value(i)
	case *array.Struct:
		columns := make([]arrow.Array, a.NumField())
		for k := range columns {
			columns[k] = a.Field(k)
		}
		return compareFields(a.DataType().(*arrow.StructType).Fields(), columns, i, named(want.(map[string]any), schema.MemberName))
	case array.ListLike:
		start, end := a.ValueOffsets(i)
		items := want.([]any)
		if int(end-start) != len(items) {
			return fmt.Errorf("%d items, want %d", end-start, len(items))
		}
		for k, v := range items {
			if err := compare(a.ListValues(), int(start)+k, v); err != nil {
				return fmt.Errorf("item %d: %w", k, err)
			}
		}
		return nil
	}
	if !ok {
		return fmt.Errorf("%v, want %v", a.ValueStr(i), want)
	}
	return nil
}

// TestAgainstEncodingJSON reads random rows, some of them spoiled in a byte, and
// compares all values of those accepted.
func TestAgainstEncodingJSON(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	taken, refused := 0, 0
	for range 8000 {
		p := []byte(document(r, 4))
		for r.IntN(3) == 0 {
			p = append(append(p, " \n\t\r"[r.IntN(4)]), document(r, 4)...)
		}
		if r.IntN(4) == 0 {
			p = []byte("[" + strings.Join(slices.Repeat([]string{document(r, 3)}, r.IntN(4)), " ,\n") + "] ")
		}
		if r.IntN(3) == 0 {
			const bytes = "\"\\{}[],:0-1.eEtfnu\x00\x1f\x80\xc3 "
			p[r.IntN(len(p))] = bytes[r.IntN(len(bytes))]
		}
		b := NewBatch(nil, Options{})
		if _, err := b.Append(Meta{}, p); err != nil {
			refused++
			var rej *Reject
			if _, jsonErr := oracle(p); jsonErr == nil && (!errors.As(err, &rej) || rej.Class == ClassParse) && !lenient(rej) {
				t.Fatalf("seed %d: %q: rejected with %v, but encoding/json takes it", seed, p, err)
			}
			continue
		}
		taken++
		if err := compareRows(record(t, b), 0, p); err != nil {
			t.Fatalf("seed %d: %q: %v", seed, p, err)
		}
	}
	if taken < 2000 || refused < 500 {
		t.Errorf("%d taken and %d refused: the test shows little", taken, refused)
	}
}

// twice appends a payload that the batch takes a second time, when all its keys are
// expected, and compares the rows.
func twice(t *testing.T, b *Batch, p []byte) error {
	t.Helper()
	n, err := b.Append(Meta{}, p)
	if err != nil {
		return nil //nolint:nilerr // it is not taken at all
	}
	var rej *Reject
	if _, err := b.Append(Meta{}, p); errors.Is(err, ErrFull) || errors.As(err, &rej) && rej.Class == ClassLimit {
		return nil // both together are too much
	} else if err != nil {
		return err
	}
	rec := record(t, b)
	for i, c := range rec.Columns() {
		if n := int64(n); !array.Equal(array.NewSlice(c, 0, n), array.NewSlice(c, n, 2*n)) {
			return fmt.Errorf("column %s: %v", rec.ColumnName(i), c)
		}
	}
	return nil
}

// lenient tells whether encoding/json takes payloads that are rejected so.
func lenient(rej *Reject) bool {
	for _, reason := range []string{"occurs twice", "invalid UTF-8", "lone surrogate", "no white space", "no characters", "has no rows", "not a JSON object"} {
		if strings.Contains(rej.Reason, reason) {
			return true
		}
	}
	return false
}

// FuzzAppend appends arbitrary bytes between two good messages, for a new table
// and for one with columns of many types.
func FuzzAppend(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[1,2.5,null],"c":{"d":"x\u00e9"}} {"a":2}`, `{"vector":[1,2],"e":true}`, `{"a":[[[]]]}`, `{"a":"x"}`,
		`{"i8":300,"u64":18446744073709551615,"t":"2024-01-01T00:00:00Z","d":"2024-01-01","bin":"AAAA","f":0.1,"l":[{"x":1}]}`,
		`{"a":1e400}`, `{"a":"\ud83d\ude00"}`, "{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `[{"a":1}, {"b":[]}]`, `[]`, `{"n":1.0000000000000000000000000001e5}`,
	} {
		f.Add([]byte(s))
	}
	known := table(
		nullable("i8", arrow.PrimitiveTypes.Int8), nullable("u64", arrow.PrimitiveTypes.Uint64), nullable("f", arrow.PrimitiveTypes.Float32),
		nullable("t", timestamps(arrow.Microsecond)), nullable("d", arrow.FixedWidthTypes.Date32), nullable("bin", arrow.BinaryTypes.LargeBinary),
		nullable("l", arrow.LargeListOf(arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int64)))), nullable("v", arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16)),
	)
	told := declare(f, schema.KeepJSON, withDefault("a", "decimal128(20, 2)", "1.5"), col("c.d", "json"), schema.Column{Path: "b[]", Type: "utf8", Conflict: "string"},
		col("f", "halffloat"), col("t", "time64[us]"), col("d", "duration[s]"), col("bin", "fixed_size_binary[3]"), col("l[].x", "uint8"))
	dropping := declare(f, schema.Ignore, col("a", "int64"), col("c.d", "utf8"), col("b[]", "double"))
	const before, after = `{"a":1,"b":[1],"c":{"d":"x"},"vector":[1,2]}`, `{"a":3,"n":5} {"c":{"d":"y"}}`
	f.Fuzz(func(t *testing.T, p []byte) {
		b := NewBatch(nil, Options{MaxMessageBytes: 1 << 20})
		push(t, b, before)
		n, err := b.Append(Meta{}, p)
		if err == nil {
			rec := record(t, b)
			if err := compareRows(rec, 1, p); err != nil || int(rec.NumRows()) != 1+n {
				t.Fatalf("%q: %d rows: %v", p, n, err)
			}
		} else {
			var rej *Reject
			if errors.As(err, &rej) && rej.Class == ClassPanic {
				t.Fatalf("%q: %v", p, err)
			}
			push(t, b, after)
			clean := NewBatch(nil, Options{})
			push(t, clean, before, after)
			if got, want := record(t, b), record(t, clean); !got.Schema().Equal(want.Schema()) || !array.RecordEqual(got, want) {
				t.Fatalf("%q left a trace: got %v, want %v", p, got, want)
			}
		}
		for _, o := range []Options{{}, dropping} {
			if err := twice(t, NewBatch(nil, o), p); err != nil {
				t.Fatalf("%q twice: %v", p, err)
			}
		}
		b.Reset(known)
		if _, err := b.Append(Meta{}, p); err != nil {
			var rej *Reject
			if !errors.As(err, &rej) || rej.Class == ClassPanic {
				t.Fatalf("%q: %v", p, err)
			}
		}
		record(t, b)
		for _, other := range []*Batch{NewBatch(known, Options{Widen: func(schema.Widening) error { return nil }}), NewBatch(nil, told)} {
			if _, err := other.Append(Meta{}, p); err != nil {
				var rej *Reject
				if !errors.As(err, &rej) || rej.Class == ClassPanic {
					t.Fatalf("%q: %v", p, err)
				}
			}
			rec := record(t, other)
			if at := rec.Schema().FieldIndices(schema.Extra); at != nil {
				extra := rec.Column(at[0]).(*array.String)
				for i := range extra.Len() {
					if extra.IsValid(i) && !json.Valid([]byte(extra.Value(i))) {
						t.Fatalf("%q: what is kept is %s", p, extra.Value(i))
					}
				}
			}
		}
	})
}
