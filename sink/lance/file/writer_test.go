package file_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// fromJSON is a record of fields.
func fromJSON(t *testing.T, fs []arrow.Field, rows string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fs, nil), strings.NewReader(rows))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Release)
	return rec
}

func schemaOf(t *testing.T, fs ...arrow.Field) *fields.Schema {
	t.Helper()
	s, err := fields.FromArrow(arrow.NewSchema(fs, nil))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nullable(name string, dt arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: dt, Nullable: true}
}

func TestNullsWhereNoneMayBe(t *testing.T) {
	i8 := arrow.PrimitiveTypes.Int8
	strict := arrow.Field{Name: "strict", Type: i8}
	for name, c := range map[string]struct {
		field   arrow.Field
		rows    string
		blames  string
		allowed bool
	}{
		"at the top":                  {strict, `[{"strict": null}]`, "strict", false},
		"in a struct":                 {nullable("s", arrow.StructOf(strict)), `[{"s": {"strict": null}}]`, "strict", false},
		"under a null struct":         {nullable("s", arrow.StructOf(strict)), `[{"s": null}]`, "", true},
		"a list":                      {arrow.Field{Name: "l", Type: arrow.ListOf(i8)}, `[{"l": null}]`, `"l"`, false},
		"an item":                     {nullable("l", arrow.ListOfNonNullable(i8)), `[{"l": [1, null]}]`, "item", false},
		"no item, in a list of such":  {nullable("l", arrow.ListOfNonNullable(i8)), `[{"l": [1]}, {"l": null}]`, "", true},
		"an empty list that must not": {arrow.Field{Name: "l", Type: arrow.ListOf(i8)}, `[{"l": []}]`, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			// The record's own schema allows everything, so that the data decides.
			loose := fromJSON(t, []arrow.Field{{Name: c.field.Name, Type: loosen(c.field.Type), Nullable: true}}, c.rows)
			w, err := file.NewWriter(&bytes.Buffer{}, schemaOf(t, c.field), file.WriterOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Write(loose); err != nil {
				t.Fatal(err)
			}
			_, err = w.Finish()
			if c.allowed && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !c.allowed && (err == nil || !strings.Contains(err.Error(), c.blames)) {
				t.Errorf("want an error about %s: %v", c.blames, err)
			}
		})
	}
}

// loosen is a type whose children are all nullable.
func loosen(dt arrow.DataType) arrow.DataType {
	switch t := dt.(type) {
	case *arrow.ListType:
		return arrow.ListOf(loosen(t.Elem()))
	case *arrow.StructType:
		var fs []arrow.Field
		for _, f := range t.Fields() {
			fs = append(fs, nullable(f.Name, loosen(f.Type)))
		}
		return arrow.StructOf(fs...)
	}
	return dt
}

func TestWriterRefusesOtherRecords(t *testing.T) {
	s := schemaOf(t, nullable("a", arrow.PrimitiveTypes.Int8), nullable("b", arrow.BinaryTypes.String))
	for name, rec := range map[string]arrow.Record{
		"fewer columns": fromJSON(t, []arrow.Field{nullable("a", arrow.PrimitiveTypes.Int8)}, `[]`),
		"another order": fromJSON(t, []arrow.Field{nullable("b", arrow.BinaryTypes.String), nullable("a", arrow.PrimitiveTypes.Int8)}, `[]`),
		"another type":  fromJSON(t, []arrow.Field{nullable("a", arrow.PrimitiveTypes.Int16), nullable("b", arrow.BinaryTypes.String)}, `[]`),
	} {
		w, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMapsNeedVersion22(t *testing.T) {
	s := schemaOf(t, nullable("l", arrow.ListOf(arrow.MapOf(arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8))))
	_, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{})
	if !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "column l.item") {
		t.Errorf("a map in 2.1: %v", err)
	}
	if _, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{Version: file.V2_2}); err != nil {
		t.Errorf("a map in 2.2: %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	s := schemaOf(t, nullable("a", arrow.PrimitiveTypes.Int8))
	if _, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{Version: file.V2_2 + 1}); !errors.Is(err, fields.ErrUnsupported) {
		t.Errorf("a version that does not exist: %v", err)
	}
	if _, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{PageBytes: -1}); err == nil {
		t.Error("pages of -1 bytes are accepted")
	}
	if _, err := file.NewWriter(&bytes.Buffer{}, s, file.WriterOptions{Compression: 77}); !errors.Is(err, fields.ErrUnsupported) {
		t.Errorf("compression 77: %v", err)
	}
}

// failing is a destination that fails after some bytes.
type failing struct{ room int }

var errFull = errors.New("disk full")

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > f.room {
		return f.room, errFull
	}
	f.room -= len(b)
	return len(b), nil
}

func TestWriteErrorsEndTheFile(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(2, 2)), nulls: someNulls}
	rec := s.record(t, []arrow.Field{nullable("a", arrow.PrimitiveTypes.Int64)}, 1000)
	defer rec.Release()
	for _, room := range []int{0, 10, 1000, 4000} {
		w, err := file.NewWriter(&failing{room}, schemaOf(t, rec.Schema().Fields()...), file.WriterOptions{PageBytes: 2000})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Write(rec)
		if err == nil {
			_, err = w.Finish()
		}
		if !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
		if _, err := w.Finish(); err == nil {
			t.Errorf("with room for %d bytes: Finish after an error is nil", room)
		}
	}
}

func TestAbortReleasesTheData(t *testing.T) {
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	defer mem.AssertSize(t, 0)
	b := array.NewStringBuilder(mem)
	b.AppendValues([]string{"held", "until", "aborted"}, nil)
	column := b.NewArray()
	b.Release()
	fs := []arrow.Field{nullable("a", arrow.BinaryTypes.String)}
	rec := newRecord(fs, []arrow.Array{column}, 3)
	column.Release()
	for _, end := range []func(w *file.Writer){
		(*file.Writer).Abort,
		func(w *file.Writer) {
			if _, err := w.Finish(); err != nil {
				t.Error(err)
			}
			w.Abort()
		},
	} {
		w, err := file.NewWriter(&bytes.Buffer{}, schemaOf(t, fs...), file.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
		end(w)
		if _, err := w.Finish(); err == nil {
			t.Error("Finish after the end is nil")
		}
	}
	rec.Release()
}

// A recycled encoder writes what a new one writes.
func TestPoolChangesNothing(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(3, 3)), nulls: someNulls}
	first := s.record(t, sampleTypes(), 300)
	second := s.record(t, sampleTypes(), 200)
	defer first.Release()
	defer second.Release()
	for _, c := range compressions() {
		pool := &file.Pool{}
		encode(t, file.WriterOptions{Compression: c, Pool: pool}, first)
		recycled, _ := encode(t, file.WriterOptions{Compression: c, Pool: pool}, second)
		fresh, _ := encode(t, file.WriterOptions{Compression: c}, second)
		if !bytes.Equal(recycled, fresh) {
			t.Errorf("%s: a recycled encoder writes other bytes", c)
		}
	}
}

// Records that are joined to a page, in memory of pages before, make what one record
// makes.
func TestJoinedRecordsChangeNothing(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(4, 4)), nulls: someNulls}
	for _, c := range compressions() {
		o := file.WriterOptions{Compression: c, Pool: &file.Pool{}}
		for _, rows := range []int64{700, 650} {
			rec := s.record(t, sampleTypes(), int(rows))
			var parts []arrow.Record
			for at := int64(0); at < rows; at += 93 {
				parts = append(parts, rec.NewSlice(at, min(at+93, rows)))
			}
			joined, _ := encode(t, o, parts...)
			alone, _ := encode(t, file.WriterOptions{Compression: c}, rec)
			if !bytes.Equal(joined, alone) {
				t.Errorf("%s: %d records of %d rows make another file than one", c, len(parts), rows)
			}
			for _, p := range append(parts, rec) {
				p.Release()
			}
		}
	}
}

// Fields that a file lacks read as null: whole columns, and members of structs
// at any depth.
func TestMissingFieldsReadAsNull(t *testing.T) {
	member := arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int8))
	wider := arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int8), nullable("y", arrow.BinaryTypes.String))
	rec := fromJSON(t, []arrow.Field{nullable("s", member), nullable("l", arrow.ListOf(member))},
		`[{"s": {"x": 1}, "l": [{"x": 2}, null]}, {"s": null, "l": []}, {"s": {"x": null}, "l": null}]`)
	data, _ := encode(t, file.WriterOptions{}, rec)
	want := fromJSON(t, []arrow.Field{nullable("s", wider), nullable("l", arrow.ListOf(wider)), nullable("new", arrow.PrimitiveTypes.Int64)},
		`[{"s": {"x": 1, "y": null}, "l": [{"x": 2, "y": null}, null], "new": null},
		  {"s": null, "l": [], "new": null}, {"s": {"x": null, "y": null}, "l": null, "new": null}]`)
	base := schemaOf(t, rec.Schema().Fields()...)
	merged, _, err := fields.Merge(base, want.Schema(), base.MaxID()+1)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[int32]int{}
	for i, f := range base.Leaves() {
		columns[f.ID] = i
	}
	columnOf := func(id int32) (int, bool) {
		c, ok := columns[id]
		return c, ok
	}
	r, err := file.Open(toObject(data), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, batch := range []int{1, 2, 100} {
		var got []arrow.Record
		for rec, err := range r.Batches(context.Background(), merged, columnOf, batch) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, rec)
		}
		expectRows(t, got, want)
	}
	strict := merged.Clone()
	strict.Fields[2].Nullable = false
	for _, err := range r.Batches(context.Background(), strict, columnOf, 0) {
		if err == nil || !strings.Contains(err.Error(), "new") {
			t.Errorf("a field that must not be null is missing: %v", err)
		}
	}
}

func TestBatchesEndWithTheContext(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(4, 4)), nulls: noNulls}
	rec := s.record(t, []arrow.Field{nullable("a", arrow.PrimitiveTypes.Int64)}, 100)
	defer rec.Release()
	data, _ := encode(t, file.WriterOptions{}, rec)
	r, err := file.Open(toObject(data), "x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	batches := 0
	for rec, err := range r.All(ctx, 10) {
		if batches++; batches == 4 {
			if !errors.Is(err, errFull) {
				t.Errorf("after the context ended: %v", err)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rec.Release()
		if batches == 3 {
			cancel(errFull)
		}
	}
	if batches != 4 {
		t.Errorf("%d batches", batches)
	}
}
