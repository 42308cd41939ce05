package lance_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// A date is the timestamp of its midnight, as far as the unit goes.
func TestDatesAsInstants(t *testing.T) {
	for name, c := range map[string]struct {
		unit  arrow.TimeUnit
		days  []arrow.Date32
		exact bool
	}{
		"us":  {arrow.Microsecond, []arrow.Date32{-719162, -1, 0, 20_000, 2932896}, true},
		"s":   {arrow.Second, []arrow.Date32{-1 << 31, 1<<31 - 1}, true},
		"ns":  {arrow.Nanosecond, []arrow.Date32{0, 200_000}, false},
		"far": {arrow.Microsecond, []arrow.Date32{0, 1<<31 - 1}, false},
	} {
		s := schemaOf(nullable("d", arrow.FixedWidthTypes.Date32))
		b := array.NewRecordBuilder(memory.DefaultAllocator, s)
		b.Field(0).(*array.Date32Builder).AppendValues(c.days, nil)
		b.Field(0).AppendNull()
		store := memstore.New()
		done(t)(lance.Create(t.Context(), store, s, records(b.NewRecord()), lance.Options{}))
		d, err := lance.Open(store, lance.Options{}).ChangeType(t.Context(), "d", &arrow.TimestampType{Unit: c.unit, TimeZone: "UTC"})
		if !c.exact {
			if !errors.Is(err, lance.ErrInexact) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		rec := done2(t)(done(t)(d, err).Take(t.Context(), []uint64{0, uint64(len(c.days)) - 1, uint64(len(c.days))}))
		for i, day := range []arrow.Date32{c.days[0], c.days[len(c.days)-1]} {
			if got := rec.Column(0).(*array.Timestamp).Value(i).ToTime(c.unit); !got.Equal(day.ToTime()) {
				t.Errorf("%s: %v is %v", name, day.ToTime(), got)
			}
		}
		if !rec.Column(0).IsNull(2) {
			t.Errorf("%s: null is %s", name, rec.Column(0))
		}
	}
}

func done2(t *testing.T) func(rec arrow.Record, err error) arrow.Record {
	return func(rec arrow.Record, err error) arrow.Record {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
}

func TestRetypeRounds(t *testing.T) {
	s := schemaOf(nullable("c", arrow.PrimitiveTypes.Int64))
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	b.Field(0).(*array.Int64Builder).AppendValues([]int64{9007199254740993, -9223372036854775807, 3}, nil)
	store := memstore.New()
	done(t)(lance.Create(t.Context(), store, s, records(b.NewRecord()), lance.Options{}))
	table := lance.Open(store, lance.Options{})
	if _, err := table.ChangeType(t.Context(), "c", arrow.PrimitiveTypes.Float64); !errors.Is(err, lance.ErrInexact) {
		t.Errorf("%v", err)
	}
	d := done(t)(table.Retype(t.Context(), lance.Retyping{Path: "c", To: arrow.PrimitiveTypes.Float64, Round: true}))
	wantScan(t, d, lance.ScanOptions{}, "9.007199254740992e+15", "-9.223372036854776e+18", "3")
}

// What others do while a column is rewritten is seen by the guard, what is done while
// it is rewritten goes in before, and the config changes with the type.
func TestTerms(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`, `[{"id":2,"word":"two"}]`)
	done(t)(table.UpdateConfig(t.Context(), map[string]string{"lease": "held", "other": "x"}))
	var seen []uint64
	calls := 0
	terms := lance.Terms{
		Guard: func(base *lance.Dataset) error {
			seen = append(seen, base.Version())
			return nil
		},
		Progress: func(ctx context.Context) error {
			if calls++; calls == 1 {
				_, err := table.UpdateConfig(ctx, map[string]string{"lease": "renewed"})
				return err
			}
			return nil
		},
		Config: lance.MapEdit{Delete: []string{"lease"}},
	}
	d := done(t)(table.Retype(t.Context(), lance.Retyping{Terms: terms, Path: "id", To: arrow.PrimitiveTypes.Float64}))
	if d.Version() != 4 || calls == 0 || !slices.Equal(seen, []uint64{2, 3}) {
		t.Errorf("version %d after %d calls, guarded %v", d.Version(), calls, seen)
	}
	if got := d.Config(); got["other"] != "x" || len(got) != 1 {
		t.Errorf("config %v", got)
	}
	own := errors.New("own")
	for name, terms := range map[string]lance.Terms{
		"guard":    {Guard: func(*lance.Dataset) error { return own }},
		"progress": {Progress: func(context.Context) error { return own }},
	} {
		if _, err := table.Retype(t.Context(), lance.Retyping{Terms: terms, Path: "word", To: arrow.BinaryTypes.LargeString}); !errors.Is(err, own) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddMissing(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`, `[{"id":2,"word":null}]`)
	s := schemaOf(nullable("word", arrow.BinaryTypes.String), nullable("n", arrow.PrimitiveTypes.Int64), nullable("o", arrow.StructOf(nullable("x", arrow.PrimitiveTypes.Int8))))
	row := record(t, s, `[{"word":"default","n":7,"o":{"x":1}}]`)
	d := done(t)(table.AddMissing(t.Context(), row, lance.Terms{}))
	wantScan(t, d, lance.ScanOptions{Columns: []string{"id", "word", "n", "o"}}, `1 one 7 {"x":1}`, `2 (null) 7 {"x":1}`)
	again := done(t)(table.AddMissing(t.Context(), row, lance.Terms{}))
	if again.Version() != d.Version() {
		t.Errorf("nothing was missing, and version %d followed %d", again.Version(), d.Version())
	}
}
