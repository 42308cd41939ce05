package conformance_test

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestMemberInsideList adds a member to the structs of a list, which old rows
// do not have, and lets the reference read, filter and compact the table.
func TestMemberInsideList(t *testing.T) {
	r := newRand(t)
	store, dir := newStore(t)
	w := &world{
		model: newModel(r), t: t, config: map[string]string{}, indices: map[string]bool{},
		ours: lance.Open(store, lance.Options{}), theirs: lanceref.Start(t).Table(dir),
	}
	first := w.fresh(300)
	must(lance.Create(t.Context(), store, w.schema, sequence(first), lance.Options{}))(t)
	w.put(first)

	fields := w.schema.Fields()
	at := w.schema.FieldIndices("ls")[0]
	item := fields[at].Type.(*arrow.ListType).Elem().(*arrow.StructType)
	fields[at].Type = arrow.ListOf(arrow.StructOf(append(item.Fields(), arrow.Field{Name: "new", Type: arrow.PrimitiveTypes.Int64, Nullable: true})...))
	w.schema = arrow.NewSchema(fields, nil)
	must(w.ours.AddColumns(t.Context(), arrow.NewSchema(fields[at:at+1], nil)))(t)
	w.check("new member")
	rec := w.fresh(100)
	must(w.ours.Append(t.Context(), sequence(rec)))(t)
	w.put(rec)
	w.check("append")
	must(w.theirs.Delete("id % 9 = 4"))(t)
	w.remove(func(id int64) bool { return id%9 == 4 })
	w.check("delete")
	must(w.theirs.Compact(lanceref.CompactOptions{}))(t)
	w.check("compact")
}
