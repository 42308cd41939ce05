package conformance_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// shop is a table on which operations are tried, by both sides.
type shop struct {
	t     *testing.T
	store objstore.Store
	table *lance.Table
	ref   *lanceref.Table
}

func shopSchema() *arrow.Schema {
	return arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "price", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	}, nil)
}

// fromJSON reads values, also for dictionary types, of which Arrow builds some alone.
func fromJSON(t *testing.T, s *arrow.Schema, text string) arrow.Record {
	t.Helper()
	fields := s.Fields()
	for i := range fields {
		fields[i].Type = dictionary.PlainType(fields[i].Type)
	}
	plain, _, err := array.RecordFromJSON(memory.DefaultAllocator, arrow.NewSchema(fields, nil), strings.NewReader(text), array.WithUseNumber())
	if err != nil {
		t.Fatal(err)
	}
	columns := plain.Columns()
	for i := range columns {
		columns[i] = indexed(columns[i], s.Field(i).Type)
	}
	rec := array.NewRecord(s, columns, plain.NumRows())
	t.Cleanup(rec.Release)
	return rec
}

// newShop is a table of two fragments: version 2.
func newShop(t *testing.T) *shop {
	t.Helper()
	store, dir := newStore(t)
	first := fromJSON(t, shopSchema(), `[{"id":1,"word":"a","price":1.5},{"id":2,"word":null,"price":null},{"id":3,"word":"c","price":3}]`)
	if _, err := lance.Create(t.Context(), store, first.Schema(), sequence(first), lance.Options{}); err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, store: store, table: lance.Open(store, lance.Options{}), ref: lanceref.Start(t).Table(dir)}
	s.append(`[{"id":4,"word":"d","price":4}]`)
	return s
}

// append adds rows by our side.
func (s *shop) append(text string) {
	s.t.Helper()
	must(s.table.Append(s.t.Context(), sequence(fromJSON(s.t, shopSchema(), text))))(s.t)
}

// latest is the newest version as we see it.
func (s *shop) latest() *lance.Dataset {
	s.t.Helper()
	return must(s.table.Latest(s.t.Context()))(s.t)
}

// want checks that both sides read the rows, in whatever order, and that the
// reference finds the table sound. A row is its values, joined by spaces.
func (s *shop) want(rows ...string) {
	s.t.Helper()
	if err := s.ref.Validate(); err != nil {
		s.t.Error(err)
	}
	got := must(s.ref.Read(lanceref.ReadOptions{}))(s.t)
	defer got.Release()
	var theirs []string
	reader := array.NewTableReader(got, 0)
	defer reader.Release()
	for reader.Next() {
		theirs = append(theirs, lines(reader.Record())...)
	}
	slices.Sort(theirs)
	slices.Sort(rows)
	d := s.latest()
	if !slices.Equal(theirs, rows) {
		s.t.Errorf("the reference reads version %d as\n%s\nwant\n%s", d.Version(), strings.Join(theirs, "\n"), strings.Join(rows, "\n"))
	}
	var ours []string
	for rec, err := range d.Scan(s.t.Context(), lance.ScanOptions{}) {
		if err != nil {
			s.t.Fatal(err)
		}
		ours = append(ours, lines(rec)...)
		rec.Release()
	}
	slices.Sort(ours)
	if !slices.Equal(ours, rows) || d.LiveRows() != uint64(len(rows)) {
		s.t.Errorf("version %d of %d rows reads\n%s\nwant\n%s", d.Version(), d.LiveRows(), strings.Join(ours, "\n"), strings.Join(rows, "\n"))
	}
}

func lines(rec arrow.Record) []string {
	var out []string
	for i := range int(rec.NumRows()) {
		var cells []string
		for _, c := range rec.Columns() {
			cells = append(cells, c.ValueStr(i))
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out
}

// goOn lets the reference append, delete and compact.
func (s *shop) goOn(schema *arrow.Schema, row, predicate string) {
	s.t.Helper()
	must(s.ref.Append(schema, fromJSON(s.t, schema, row)))(s.t)
	must(s.ref.Delete(predicate))(s.t)
	must(s.ref.Compact(lanceref.CompactOptions{}))(s.t)
}

func (s *shop) wantOperation(want lance.Operation) {
	s.t.Helper()
	tx := must(s.table.Transaction(s.t.Context(), s.latest().Version()))(s.t)
	if tx.Operation != want {
		s.t.Errorf("version %d is a %s, want %s", s.latest().Version(), tx.Operation, want)
	}
}

func (s *shop) wantIndexes(names ...string) {
	s.t.Helper()
	var got []string
	for _, x := range must(s.ref.Indices())(s.t) {
		got = append(got, x.Name)
	}
	slices.Sort(got)
	if !slices.Equal(got, names) {
		s.t.Errorf("the reference sees the indexes %q, want %q", got, names)
	}
}
