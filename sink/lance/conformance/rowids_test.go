package conformance_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestStableRowIDs writes beside the reference to a table whose rows keep their ids:
// no id is ever another row's, and every row says in which version it was made.
func TestStableRowIDs(t *testing.T) {
	store, dir := newStore(t)
	s := &shop{t: t, store: store, table: lance.Open(store, lance.Options{}), ref: lanceref.Start(t).Table(dir)}
	ctx := t.Context()
	first := fromJSON(t, shopSchema(), `[{"id":1,"word":"a","price":1.5},{"id":2},{"id":3,"word":"c","price":3}]`)
	must(s.ref.Create(lanceref.WriteOptions{EnableStableRowIDs: true}, shopSchema(), first))(t)
	must(s.ref.CreateScalarIndex("id", "BTREE"))(t)
	type made struct{ row, version int64 }
	byID := map[int64]made{} // by row id
	seen := int64(0)         // newest version looked at
	check := func() {
		t.Helper()
		s.agreed()
		for row, now := range s.rowIDs() {
			was, known := byID[now[0]]
			if known && was != (made{row, now[1]}) || !known && now[1] <= seen {
				t.Errorf("version %d: id %d is row %d of version %d, was %+v", s.latest().Version(), now[0], row, now[1], was)
			}
			byID[now[0]] = made{row, now[1]}
		}
		seen = int64(s.latest().Version())
	}
	check()
	s.append(`[{"id":4,"word":"d"},{"id":5,"word":"e"}]`)
	check()
	must(s.latest().Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(1, 0), 0}))(t)
	check()
	must(s.ref.Update(map[string]string{"word": "'updated'"}, "id > 2"))(t)
	check()
	must(s.ref.Compact(lanceref.CompactOptions{}))(t)
	check()
	s.append(`[{"id":6}]`)
	must(s.table.ChangeType(ctx, "price", arrow.PrimitiveTypes.Float64))(t)
	must(s.table.AddColumns(ctx, arrow.NewSchema([]arrow.Field{{Name: "null", Type: arrow.PrimitiveTypes.Int8, Nullable: true}}, nil)))(t)
	check()
	must(s.ref.OptimizeIndices())(t)
	if n := must(s.ref.Count("id >= 5"))(t); n != 2 {
		t.Errorf("%d rows by the index, want 2", n)
	}
	must(s.table.Restore(ctx, 1))(t)
	check()
	s.append(`[{"id":7}]`)
	check()
	must(s.table.Overwrite(ctx, shopSchema(), sequence(fromJSON(t, shopSchema(), `[{"id":8}]`))))(t)
	check()
	must(s.ref.Append(shopSchema(), fromJSON(t, shopSchema(), `[{"id":9}]`)))(t)
	check()
	for _, err := range s.latest().Scan(ctx, lance.ScanOptions{RowIDs: true}) {
		if !errors.Is(err, lance.ErrUnsupported) {
			t.Errorf("row ids: %v", err)
		}
	}
}

// rowIDs are, by the column id, the row id that the reference sees and the version in
// which it takes the row for made.
func (s *shop) rowIDs() map[int64][2]int64 {
	s.t.Helper()
	var rows [][3]int64
	code := `result = [[r['id'], r['_rowid'], r['_row_created_at_version']] for r in
		lance.dataset(args['uri']).to_table(columns=['id', '_rowid', '_row_created_at_version']).to_pylist()]`
	if err := lanceref.Start(s.t).Eval(code, map[string]any{"uri": s.ref.Dir()}, &rows); err != nil {
		s.t.Fatal(err)
	}
	out := map[int64][2]int64{}
	for _, r := range rows {
		out[r[0]] = [2]int64{r[1], r[2]}
	}
	return out
}
