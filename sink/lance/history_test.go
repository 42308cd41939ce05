package lance_test

import (
	"errors"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func TestAsOf(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	start := now.Add(-time.Second)
	o := lance.Options{Now: func() time.Time { return now }}
	store := memstore.New()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	if _, err := lance.Create(t.Context(), store, schema, nil, o); err != nil {
		t.Fatal(err)
	}
	table := lance.Open(store, o)
	var times []time.Time
	for i := range 3 {
		now = now.Add(time.Hour)
		extra := arrow.NewSchema([]arrow.Field{{Name: string(rune('a' + i)), Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
		if _, err := table.AddColumns(t.Context(), extra); err != nil {
			t.Fatal(err)
		}
	}
	for v := uint64(1); v <= 4; v++ {
		d, err := table.Version(t.Context(), v)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, d.Timestamp())
	}
	for i, at := range times {
		for _, later := range []time.Duration{0, time.Nanosecond} {
			if d, err := table.AsOf(t.Context(), at.Add(later)); err != nil || d.Version() != uint64(i+1) {
				t.Errorf("at the time of version %d: %v, %v", i+1, d, err)
			}
		}
	}
	if _, err := table.AsOf(t.Context(), start); !errors.Is(err, lance.ErrNoVersion) {
		t.Errorf("before the first version: %v", err)
	}
}
