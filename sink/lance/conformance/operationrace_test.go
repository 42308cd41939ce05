package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// ours are our operations, each on a shop.
func ours() map[string]func(ctx context.Context, t *lance.Table, d *lance.Dataset) error {
	negative := arrow.NewSchema([]arrow.Field{{Name: "negative", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}, nil)
	negate := func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, negative)
		defer b.Release()
		for _, v := range in.Column(0).(*array.Int32).Int32Values() {
			b.Field(0).(*array.Int32Builder).Append(-v)
		}
		return b.NewRecord(), nil
	}
	other := arrow.NewSchema([]arrow.Field{{Name: "z", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	return map[string]func(ctx context.Context, t *lance.Table, d *lance.Dataset) error{
		"rename": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.RenameColumn(ctx, "word", "label"))
		},
		"drop": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.DropColumns(ctx, "word"))
		},
		"relax": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.AllowNull(ctx, "id"))
		},
		"backfill": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.AddColumnsFunc(ctx, negative, []string{"id"}, negate))
		},
		"retype": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.ChangeType(ctx, "price", arrow.PrimitiveTypes.Float64))
		},
		"delete": func(ctx context.Context, _ *lance.Table, d *lance.Dataset) error {
			return second(d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(0, 1)}))
		},
		"config": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.UpdateConfig(ctx, map[string]string{"k": "ours"}))
		},
		"overwrite": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error {
			return second(t.Overwrite(ctx, other, nil))
		},
		"restore": func(ctx context.Context, t *lance.Table, _ *lance.Dataset) error { return second(t.Restore(ctx, 2)) },
	}
}

// theirs are operations of the reference, on a handle that may be stale.
func theirs(t *testing.T) map[string]func(ref *lanceref.Table) error {
	row := fromJSON(t, shopSchema(), `[{"id":9,"word":"i","price":9}]`)
	value := "theirs"
	return map[string]func(ref *lanceref.Table) error{
		"append":  func(ref *lanceref.Table) error { return second(ref.Append(row.Schema(), row)) },
		"delete":  func(ref *lanceref.Table) error { return second(ref.Delete("id = 3")) },
		"update":  func(ref *lanceref.Table) error { return second(ref.Update(map[string]string{"price": "7"}, "id = 2")) },
		"compact": func(ref *lanceref.Table) error { return second(ref.Compact(lanceref.CompactOptions{})) },
		"add":     func(ref *lanceref.Table) error { return second(ref.AddColumns(map[string]string{"plus": "id + 1"})) },
		"drop":    func(ref *lanceref.Table) error { return second(ref.DropColumns("price")) },
		"config":  func(ref *lanceref.Table) error { return second(ref.UpdateConfig(map[string]*string{"k": &value})) },
		"index":   func(ref *lanceref.Table) error { return second(ref.CreateScalarIndex("id", "BTREE")) },
		"restore": func(ref *lanceref.Table) error { return second(ref.At(1).Restore()) },
	}
}

// agreed checks that the table is sound and that both sides read the same rows, in
// whatever order, and returns them.
func (s *shop) agreed() string {
	s.t.Helper()
	var rows []string
	for rec, err := range s.latest().Scan(s.t.Context(), lance.ScanOptions{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		rows = append(rows, lines(rec)...)
		rec.Release()
	}
	s.want(rows...)
	slices.Sort(rows)
	return strings.Join(rows, "; ")
}

// TestStaleReference lets the reference commit what it prepared before an operation
// of ours: it rebases or gets an error that says conflict.
func TestStaleReference(t *testing.T) {
	var got []string
	for name, op := range ours() {
		for their, do := range theirs(t) {
			s := newShop(t)
			if err := op(t.Context(), s.table, s.latest()); err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s over our %s: %s", their, name, outcomeOf(do(s.ref.At(2)))))
			s.agreed()
		}
	}
	requireGolden(t, "testdata/stale-reference.golden", got)
}

// outcomeOf sorts the answers of the reference.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return "ok"
	case strings.Contains(err.Error(), "Retryable commit conflict for version 3"):
		return "retry"
	case strings.Contains(err.Error(), "Incompatible transaction") && strings.Contains(err.Error(), "at version 3"):
		return "incompatible"
	}
	first, _, _ := strings.Cut(err.Error(), ", /")
	return first
}

// TestRaces lets the reference commit in the moment before an operation of ours is
// published: ours is planned anew, or is an ErrConflict that names the other.
func TestRaces(t *testing.T) {
	var got []string
	for name, op := range ours() {
		for their, do := range theirs(t) {
			s := newShop(t)
			raced := false
			table := lance.Open(s.store, lance.Options{Events: &lance.Events{BeforePut: func(uint64) {
				if raced {
					return
				}
				raced = true
				if err := do(s.ref); err != nil {
					t.Error(err)
				}
			}}})
			d := must(table.Latest(t.Context()))(t)
			result := ""
			if err := op(t.Context(), table, d); err != nil {
				if !errors.Is(err, lance.ErrConflict) {
					t.Error(err)
				}
				_, result, _ = strings.Cut(err.Error(), "conflicting commit: ")
				result += ": "
			}
			got = append(got, strings.TrimSpace(fmt.Sprintf("our %s over %s: %s%s", name, their, result, s.agreed())))
		}
	}
	requireGolden(t, "testdata/races.golden", got)
}

// requireGolden compares lines, in whatever order, with those of a file.
func requireGolden(t *testing.T, path string, got []string) {
	t.Helper()
	slices.Sort(got)
	want, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	if text := strings.Join(got, "\n") + "\n"; text != string(want) {
		t.Errorf("%s has\n%s\nthis run\n%s", path, want, text)
	}
}

// TestRaceOfAppends lets our own append come before each operation.
func TestRaceOfAppends(t *testing.T) {
	for name, op := range ours() {
		s := newShop(t)
		raced := false
		table := lance.Open(s.store, lance.Options{Events: &lance.Events{BeforePut: func(uint64) {
			if !raced {
				raced = true
				s.append(`[{"id":5,"word":"e","price":5}]`)
			}
		}}})
		d := must(table.Latest(t.Context()))(t)
		if err := op(t.Context(), table, d); err != nil {
			t.Fatal(err)
		}
		kept := name != "overwrite" && name != "restore"
		if rows := s.agreed(); strings.Contains(rows, "5 ") != kept || s.latest().Version() != 4 {
			t.Errorf("%s over an append of ours: version %d, %s", name, s.latest().Version(), rows)
		}
	}
}
