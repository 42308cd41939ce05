package lance_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func nullable(name string, t arrow.DataType) arrow.Field {
	return arrow.Field{Name: name, Type: t, Nullable: true}
}

func schemaOf(fs ...arrow.Field) *arrow.Schema { return arrow.NewSchema(fs, nil) }

// numbers is a table of a required id and a nullable word.
func numbers() *arrow.Schema {
	return schemaOf(arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, nullable("word", arrow.BinaryTypes.String))
}

// record makes a record of JSON, which the test frees at its end.
func record(t *testing.T, s *arrow.Schema, json string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Release)
	return rec
}

func records(recs ...arrow.Record) iter.Seq2[arrow.Record, error] {
	return func(yield func(arrow.Record, error) bool) {
		for _, rec := range recs {
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// scanned reads a version as JSON, one row after the other.
func scanned(t *testing.T, d *lance.Dataset, o lance.ScanOptions) string {
	t.Helper()
	var rows []string
	for rec, err := range d.Scan(t.Context(), o) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			var cells []string
			for _, c := range rec.Columns() {
				cells = append(cells, c.ValueStr(i))
			}
			rows = append(rows, strings.Join(cells, " "))
		}
		rec.Release()
	}
	return strings.Join(rows, "\n")
}

func newStore(t *testing.T) *localfs.Store {
	t.Helper()
	s, err := localfs.Create(filepath.Join(t.TempDir(), "t.lance"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func wantScan(t *testing.T, d *lance.Dataset, o lance.ScanOptions, want ...string) {
	t.Helper()
	if got := scanned(t, d, o); got != strings.Join(want, "\n") {
		t.Errorf("version %d reads\n%s\nwant\n%s", d.Version(), got, strings.Join(want, "\n"))
	}
}

func TestCreateAppendEvolveScan(t *testing.T) {
	store := newStore(t)
	first := record(t, numbers(), `[{"id":1,"word":"one"},{"id":2,"word":null}]`)
	d1, err := lance.Create(t.Context(), store, numbers(), records(first), lance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := lance.Open(store, lance.Options{Library: "tests", LibraryVersion: "9.9.9"})
	more := schemaOf(nullable("extra", arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Float64))), nullable("word", arrow.BinaryTypes.String))
	if _, err := table.AddColumns(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	d3, err := table.Append(t.Context(), records(record(t, schemaOf(
		nullable("extra", arrow.StructOf(nullable("a", arrow.PrimitiveTypes.Float64))), arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	), `[{"id":3,"extra":{"a":1.5}}]`)))
	if err != nil {
		t.Fatal(err)
	}
	if d3.Version() != 3 || d3.LiveRows() != 3 || d3.Fragments() != 2 || d3.FileVersion() != "2.1" || d3.MaxFieldID() != 3 {
		t.Errorf("version %d, %d rows, %d fragments, files %s, ids to %d", d3.Version(), d3.LiveRows(), d3.Fragments(), d3.FileVersion(), d3.MaxFieldID())
	}
	wantScan(t, d3, lance.ScanOptions{}, "1 one (null)", "2 (null) (null)", `3 (null) {"a":1.5}`)
	wantScan(t, d3, lance.ScanOptions{Columns: []string{"extra", "id"}, BatchRows: 1}, "(null) 1", "(null) 2", `{"a":1.5} 3`)
	wantScan(t, d1, lance.ScanOptions{}, "1 one", "2 (null)")

	old, err := table.Version(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	wantScan(t, old, lance.ScanOptions{}, "1 one", "2 (null)")
	for v, want := range map[uint64]lance.Operation{1: lance.OpCreate, 2: lance.OpProject, 3: lance.OpAppend} {
		if tx, err := table.Transaction(t.Context(), v); err != nil || tx.Operation != want || tx.ReadVersion != v-1 {
			t.Errorf("transaction %d is %+v, %v", v, tx, err)
		}
	}
	again, err := table.AddColumns(t.Context(), more)
	if err != nil || again.Version() != 3 {
		t.Errorf("adding columns that are there: version %d, %v", again.Version(), err)
	}
	latest, err := table.Latest(t.Context())
	if err != nil || latest != again || latest.Schema() != again.Schema() {
		t.Errorf("an unchanged table was read again: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	store := memstore.New()
	table := lance.Open(store, lance.Options{})
	if _, err := table.Latest(t.Context()); !errors.Is(err, lance.ErrNoTable) {
		t.Errorf("latest of nothing: %v", err)
	}
	rec := record(t, numbers(), `[{"id":1,"word":"one"}]`)
	if _, err := table.Append(t.Context(), records(rec)); !errors.Is(err, lance.ErrNoTable) {
		t.Errorf("append to nothing: %v", err)
	}
	if _, err := table.AddColumns(t.Context(), numbers()); !errors.Is(err, lance.ErrNoTable) {
		t.Errorf("add columns to nothing: %v", err)
	}
	d, err := lance.Create(t.Context(), store, numbers(), nil, lance.Options{})
	if err != nil || d.Version() != 1 || d.LiveRows() != 0 || d.FileVersion() != "2.1" {
		t.Fatalf("create without rows: %v", err)
	}
	wantScan(t, d, lance.ScanOptions{}, "")
	if _, err := lance.Create(t.Context(), store, numbers(), nil, lance.Options{}); !errors.Is(err, lance.ErrTableExists) {
		t.Errorf("create twice: %v", err)
	}
	for name, s := range map[string]*arrow.Schema{
		"is not in the table":            schemaOf(nullable("nope", arrow.BinaryTypes.String)),
		"word is string":                 schemaOf(nullable("word", arrow.PrimitiveTypes.Int8)),
		"id is missing and not nullable": schemaOf(nullable("word", arrow.BinaryTypes.String)),
	} {
		if _, err := table.Append(t.Context(), records(record(t, s, `[{}]`))); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("append: got %v, want %q", err, name)
		}
	}
	broken := errors.New("broken")
	_, err = table.Append(t.Context(), func(yield func(arrow.Record, error) bool) { _ = yield(rec, nil) && yield(nil, broken) })
	if !errors.Is(err, broken) {
		t.Errorf("append of a broken sequence: %v", err)
	}
	same, err := table.Append(t.Context(), records())
	if err != nil || same.Version() != 1 {
		t.Errorf("append of nothing: %v", err)
	}
	for _, err := range d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"nope"}}) {
		if err == nil || !strings.Contains(err.Error(), `"nope"`) {
			t.Errorf("scan of an unknown column: %v", err)
		}
	}
}

func TestFilesAreCut(t *testing.T) {
	s := schemaOf(nullable("b", arrow.PrimitiveTypes.Int8))
	builder := array.NewInt8Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.AppendEmptyValues(400_000)
	column := builder.NewArray()
	defer column.Release()
	rec := array.NewRecord(s, []arrow.Array{column}, 400_000)
	defer rec.Release()
	var finished []string
	var mu sync.Mutex
	events := &lance.Events{FileFinished: func(path string) {
		mu.Lock()
		defer mu.Unlock()
		finished = append(finished, path)
	}}
	d, err := lance.Create(t.Context(), memstore.New(), s, records(rec, rec, rec, rec), lance.Options{Events: events})
	if err != nil {
		t.Fatal(err)
	}
	if d.Fragments() != 2 || d.LiveRows() != 1_600_000 || len(finished) != 2 {
		t.Errorf("%d fragments, %d rows, %d files", d.Fragments(), d.LiveRows(), len(finished))
	}
}

// Appends recognise themselves by their transaction, so racing ones all land, once.
func TestRacingAppends(t *testing.T) {
	for name, store := range map[string]objstore.Store{"local": newStore(t), "memory": memstore.New()} {
		t.Run(name, func(t *testing.T) {
			if _, err := lance.Create(t.Context(), store, numbers(), nil, lance.Options{}); err != nil {
				t.Fatal(err)
			}
			const writers, each = 4, 12
			var wg sync.WaitGroup
			for w := range writers {
				var recs []arrow.Record
				for i := range each {
					recs = append(recs, record(t, numbers(), fmt.Sprintf(`[{"id":%d}]`, w*each+i)))
				}
				wg.Go(func() {
					table := lance.Open(store, lance.Options{})
					for _, rec := range recs {
						if _, err := table.Append(t.Context(), records(rec)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			d, err := lance.Open(store, lance.Options{}).Latest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ids := strings.Fields(scanned(t, d, lance.ScanOptions{Columns: []string{"id"}}))
			slices.Sort(ids)
			if len(ids) != writers*each || len(slices.Compact(ids)) != writers*each || d.Version() != writers*each+1 {
				t.Errorf("version %d holds %d rows", d.Version(), len(ids))
			}
		})
	}
}

// Two writers add different columns at the same moment. The loser sees the
// winner's and takes the next id.
func TestRacingColumns(t *testing.T) {
	store := memstore.New()
	if _, err := lance.Create(t.Context(), store, numbers(), nil, lance.Options{}); err != nil {
		t.Fatal(err)
	}
	rival := lance.Open(store, lance.Options{})
	raced := false
	table := lance.Open(store, lance.Options{Events: &lance.Events{BeforePut: func(uint64) {
		if !raced {
			raced = true
			if _, err := rival.AddColumns(context.Background(), schemaOf(nullable("theirs", arrow.PrimitiveTypes.Int64))); err != nil {
				t.Error(err)
			}
		}
	}}})
	d, err := table.AddColumns(t.Context(), schemaOf(nullable("ours", arrow.PrimitiveTypes.Int64)))
	if err != nil {
		t.Fatal(err)
	}
	theirs, ours := d.Fields().Lookup("theirs"), d.Fields().Lookup("ours")
	if theirs == nil || ours == nil || theirs.ID != 2 || ours.ID != 3 || d.Version() != 3 {
		t.Errorf("version %d has %+v and %+v", d.Version(), theirs, ours)
	}
}

// A file that was staged before another writer added a column under the same id
// that ours has must not be taken for it.
func TestStagedFileWithTheWrongIDIsRefused(t *testing.T) {
	store := memstore.New()
	d, err := lance.Create(t.Context(), store, numbers(), nil, lance.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := lance.Open(store, lance.Options{})
	ours := d.Fields().Clone()
	column := *ours.Fields[1]
	column.ID, column.Name = 2, "ours"
	ours.Fields[1] = &column
	file, err := table.WriteFile(t.Context(), ours, record(t, schemaOf(
		arrow.Field{Name: "id", Type: arrow.PrimitiveTypes.Int64}, nullable("ours", arrow.BinaryTypes.String)), `[{"id":1,"ours":"x"}]`))
	if err != nil {
		t.Fatal(err)
	}
	for _, add := range []string{"theirs", "ours"} {
		if _, err := table.AddColumns(t.Context(), schemaOf(nullable(add, arrow.BinaryTypes.String))); err != nil {
			t.Fatal(err)
		}
	}
	_, err = table.Commit(t.Context(), staged{file})
	if err == nil || !strings.Contains(err.Error(), "column ours has field id 2, in the table 3") {
		t.Errorf("got %v", err)
	}
}

// staged is a planner of one file.
type staged struct{ file *lance.DataFile }

func (s staged) Plan(context.Context, *lance.Dataset) (*lance.Proposal, error) {
	return &lance.Proposal{Operation: lance.OpAppend, Files: []*lance.DataFile{s.file}}, nil
}

func (s staged) Landed(*lance.Dataset) lance.Landing { return lance.LandedWhole }
