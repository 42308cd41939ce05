package conformance_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func TestReshape(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	must(s.ref.CreateScalarIndex("id", "BTREE"))(t)
	must(s.ref.CreateScalarIndex("word", "BTREE"))(t)
	must(s.table.RenameColumn(ctx, "word", "label"))(t)
	s.wantOperation(lance.OpProject)
	s.wantIndexes("id_idx", "word_idx")
	must(s.table.AllowNull(ctx, "id"))(t)
	s.want("1 a 1.5", "2 (null) (null)", "3 c 3", "4 d 4")
	s.wantIndexes("id_idx", "word_idx")
	must(s.table.DropColumns(ctx, "label"))(t)
	s.wantIndexes("id_idx")
	s.want("1 1.5", "2 (null)", "3 3", "4 4")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32, Nullable: true}, {Name: "price", Type: arrow.PrimitiveTypes.Float32, Nullable: true},
	}, nil)
	s.goOn(schema, `[{"id":null,"price":5}]`, "price = 3")
	must(s.table.RenameColumn(ctx, "price", "cost"))(t)
	s.want("1 1.5", "2 (null)", "4 4", "(null) 5")
	for _, err := range []error{
		second(s.table.DropColumns(ctx, "id", "cost")), second(s.table.RenameColumn(ctx, "id", "cost")),
		second(s.table.DropColumns(ctx, "nothing")), second(s.table.AllowNull(ctx, "nothing")),
	} {
		if err == nil {
			t.Error("an impossible change was made")
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestBackfill(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	must(s.ref.Delete("id = 2"))(t)
	must(s.ref.CreateScalarIndex("id", "BTREE"))(t)
	double := arrow.NewSchema([]arrow.Field{{Name: "double", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	must(s.table.AddColumnsFunc(ctx, double, []string{"id"}, func(_ context.Context, in arrow.Record) (arrow.Record, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, double)
		defer b.Release()
		for _, v := range in.Column(0).(*array.Int32).Int32Values() {
			b.Field(0).(*array.Int64Builder).Append(2 * int64(v))
		}
		return b.NewRecord(), nil
	}))(t)
	s.wantOperation(lance.OpMerge)
	s.want("1 a 1.5 2", "3 c 3 6", "4 d 4 8")
	must(s.table.AddConstants(ctx, fromJSON(t, arrow.NewSchema([]arrow.Field{
		{Name: "k", Type: arrow.ListOf(arrow.PrimitiveTypes.Int8), Nullable: true},
	}, nil), `[{"k":[7,8]}]`)))(t)
	s.want("1 a 1.5 2 [7,8]", "3 c 3 6 [7,8]", "4 d 4 8 [7,8]")
	s.wantIndexes("id_idx")
	s.goOn(shopSchema(), `[{"id":5}]`, "double = 6")
	s.want("1 a 1.5 2 [7,8]", "4 d 4 8 [7,8]", "5 (null) (null) (null) (null)")
	must(s.table.DropColumns(ctx, "double"))(t)
	s.want("1 a 1.5 [7,8]", "4 d 4 [7,8]", "5 (null) (null) (null)")
}

func TestChangeType(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	must(s.ref.Delete("id = 1"))(t)
	must(s.ref.CreateScalarIndex("word", "BTREE"))(t)
	if err := second(s.table.ChangeType(ctx, "word", arrow.BinaryTypes.LargeString)); err == nil || !strings.Contains(err.Error(), "word_idx") {
		t.Errorf("a column with an index: %v", err)
	}
	must(s.table.ChangeType(ctx, "id", arrow.PrimitiveTypes.Int64))(t)
	must(s.table.ChangeType(ctx, "price", arrow.PrimitiveTypes.Float64))(t)
	s.want("2 (null) (null)", "3 c 3", "4 d 4")
	s.wantIndexes("word_idx")
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "price", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	must(s.ref.Append(schema, fromJSON(t, schema, `[{"id":9007199254740993,"word":"z","price":0.1}]`)))(t)
	s.want("2 (null) (null)", "3 c 3", "4 d 4", "9007199254740993 z 0.1")
	for to, want := range map[arrow.DataType]string{
		arrow.PrimitiveTypes.Int32: "9007199254740993", arrow.PrimitiveTypes.Float64: "9007199254740993", arrow.BinaryTypes.String: "not supported",
	} {
		if err := second(s.table.ChangeType(ctx, "id", to)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("id as %s: %v, want %q", to, err, want)
		}
	}
	must(s.ref.Delete("id > 4"))(t)
	must(s.ref.Compact(lanceref.CompactOptions{}))(t)
	must(s.table.ChangeType(ctx, "id", arrow.PrimitiveTypes.Float64))(t)
	s.want("2 (null) (null)", "3 c 3", "4 d 4")
	must(s.ref.Compact(lanceref.CompactOptions{}))(t)
	s.want("2 (null) (null)", "3 c 3", "4 d 4")
}

func TestDelete(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	must(s.ref.CreateScalarIndex("id", "BTREE"))(t)
	d := s.latest()
	must(d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(0, 1), lance.MakeRowAddress(0, 1)}))(t)
	s.wantOperation(lance.OpDelete)
	s.want("1 a 1.5", "3 c 3", "4 d 4")
	must(s.ref.Delete("id = 3"))(t)
	// d is stale, which is no obstacle; all of fragment 0 goes.
	after := must(d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(0, 0), lance.MakeRowAddress(0, 1)}))(t)
	if after.Fragments() != 1 {
		t.Errorf("%d fragments, want 1", after.Fragments())
	}
	s.want("4 d 4")
	s.wantIndexes("id_idx")
	if again := must(d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(0, 0)}))(t); again.Version() != after.Version() {
		t.Errorf("deleting a deleted row made version %d", again.Version())
	}
	if second(d.Delete(ctx, []lance.RowAddress{lance.MakeRowAddress(1, 1)})) == nil {
		t.Error("a row that is not there was deleted")
	}
	s.goOn(shopSchema(), `[{"id":5}]`, "id = 7")
	s.want("4 d 4", "5 (null) (null)")
	if n := must(s.ref.Count("id = 5"))(t); n != 1 {
		t.Errorf("%d rows by the index, want 1", n)
	}
}

func TestOverwriteAndRestore(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	must(s.ref.CreateScalarIndex("id", "BTREE"))(t)
	must(s.table.UpdateConfig(ctx, map[string]string{"k": "v", "pst.max_field_id": "40"}))(t)
	other := arrow.NewSchema([]arrow.Field{{Name: "z", Type: arrow.PrimitiveTypes.Int64}}, nil)
	d := must(s.table.Overwrite(ctx, other, sequence(fromJSON(t, other, `[{"z":1},{"z":2}]`))))(t)
	s.wantOperation(lance.OpOverwrite)
	s.wantIndexes()
	s.want("1", "2")
	if d.Config()["k"] != "v" || d.Config()["pst.max_field_id"] != "41" || d.Fields().Fields[0].ID != 41 {
		t.Errorf("config %v, field id %d", d.Config(), d.Fields().Fields[0].ID)
	}
	s.goOn(other, `[{"z":3}]`, "z = 1")
	s.want("2", "3")
	d = must(s.table.Restore(ctx, 3))(t)
	s.wantOperation(lance.OpRestore)
	s.wantIndexes("id_idx")
	if _, ok := d.Config()["k"]; ok || d.Config()["pst.max_field_id"] != "41" {
		t.Errorf("config %v", d.Config())
	}
	s.want("1 a 1.5", "2 (null) (null)", "3 c 3", "4 d 4")
	s.goOn(shopSchema(), `[{"id":5}]`, "id = 1")
	s.want("2 (null) (null)", "3 c 3", "4 d 4", "5 (null) (null)")
	must(s.table.Overwrite(ctx, other, nil))(t)
	s.want()
	s.goOn(other, `[{"z":3}]`, "z = 1")
	s.want("3")
}

func TestTags(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	for _, err := range []error{s.table.CreateTag(ctx, "one", 1), s.ref.Tag("two")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if d := must(s.table.Tag(ctx, "two"))(t); d.Version() != 2 {
		t.Errorf("the reference's tag is version %d", d.Version())
	}
	if err := s.table.UpdateTag(ctx, "one", 2); err != nil {
		t.Fatal(err)
	}
	if d := must(s.table.Tag(ctx, "one"))(t); d.Version() != 2 {
		t.Errorf("the moved tag is version %d", d.Version())
	}
	if err := s.table.UpdateTag(ctx, "one", 1); err != nil {
		t.Fatal(err)
	}
	s.append(`[{"id":5}]`)
	if _, err := s.ref.CleanupOldVersions(0, lanceref.KeepUnverified); err == nil || !strings.Contains(err.Error(), "one") && !strings.Contains(err.Error(), "agged") {
		t.Errorf("clean-up of tagged versions: %v", err)
	}
	names := ""
	for _, tag := range must(s.table.Tags(ctx))(t) {
		names += fmt.Sprintf("%s %d %t,", tag.Name, tag.Version, tag.Created.IsZero())
	}
	if names != "one 1 false,two 2 false," {
		t.Errorf("tags %q", names)
	}
	if err := s.table.DeleteTag(ctx, "two"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.table.Tag(ctx, "two"); err == nil {
		t.Error("a deleted tag was found")
	}
	for _, name := range []string{"", "a/b", "..", ".a", "a.", "a..b", "x.lock", "\u00e4", "a b"} {
		if s.table.CreateTag(ctx, name, 1) == nil {
			t.Errorf("a tag %q was made", name)
		}
	}
	s.want("1 a 1.5", "2 (null) (null)", "3 c 3", "4 d 4", "5 (null) (null)")
}

func TestMetadata(t *testing.T) {
	s := newShop(t)
	ctx := t.Context()
	set := func(k, v string) lance.MapEdit { return lance.MapEdit{Set: map[string]string{k: v}} }
	d := must(s.table.UpdateMetadata(ctx, lance.MetadataUpdate{
		Config: set("a", "1"), Table: set("b", "2"), Schema: set("c", "3"), Fields: map[string]lance.MapEdit{"word": set("d", "4")},
	}))(t)
	s.wantOperation(lance.OpUpdateConfig)
	s.goOn(shopSchema(), `[{"id":5}]`, "id = 1")
	s.want("2 (null) (null)", "3 c 3", "4 d 4", "5 (null) (null)")
	now := s.latest()
	got := fmt.Sprint(now.Config(), now.TableMetadata(), now.Fields().Metadata, now.Fields().Lookup("word").Metadata)
	if got != "map[a:1] map[b:2] map[c:3] map[d:4]" || now.Version() == d.Version() {
		t.Errorf("after commits of the reference: %s", got)
	}
	must(s.table.UpdateMetadata(ctx, lance.MetadataUpdate{
		Config: lance.MapEdit{Delete: []string{"a"}}, Table: lance.MapEdit{Replace: true}, Schema: lance.MapEdit{Delete: []string{"c"}},
	}))(t)
	now = s.latest()
	if len(now.Config())+len(now.TableMetadata())+len(now.Fields().Metadata) != 0 {
		t.Errorf("left: %v %v %v", now.Config(), now.TableMetadata(), now.Fields().Metadata)
	}
	if again := must(s.table.UpdateMetadata(ctx, lance.MetadataUpdate{Config: lance.MapEdit{Delete: []string{"a"}}}))(t); again.Version() != now.Version() {
		t.Error("an update of nothing made a version")
	}
	s.want("2 (null) (null)", "3 c 3", "4 d 4", "5 (null) (null)")
}

// TestOperationsOnTheirs goes through all operations on a table that the reference
// made by its defaults, with nested columns.
func TestOperationsOnTheirs(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir() + "/theirs.lance"
	ref := lanceref.Start(t).Table(dir)
	member := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int16, Nullable: true}, arrow.Field{Name: "y", Type: arrow.BinaryTypes.String, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int32}, {Name: "p", Type: member, Nullable: true}, {Name: "l", Type: arrow.ListOf(member), Nullable: true},
	}, nil)
	rows := fromJSON(t, schema, `[{"id":1,"p":{"x":1,"y":"a"},"l":[{"x":2}]},{"id":2,"p":null,"l":[]},{"id":3,"p":{"y":"c"},"l":null}]`)
	must(ref.Create(lanceref.WriteOptions{}, schema, rows))(t)
	store := must(localfs.Open(dir))(t)
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := &shop{t: t, store: store, table: lance.Open(store, lance.Options{}), ref: ref}
	must(s.table.RenameColumn(ctx, "l.item.x", "u"))(t)
	must(s.table.DropColumns(ctx, "p.x"))(t)
	s.want(`1 {"y":"a"} [{"u":2,"y":null}]`, `2 (null) []`, `3 {"y":"c"} (null)`)
	must(s.table.ChangeType(ctx, "id", arrow.PrimitiveTypes.Uint64))(t)
	must(s.table.AddConstants(ctx, fromJSON(t, arrow.NewSchema([]arrow.Field{{Name: "q", Type: member, Nullable: true}}, nil), `[{"q":{"x":9}}]`)))(t)
	must(s.latest().Delete(ctx, []lance.RowAddress{1}))(t)
	must(s.table.DropColumns(ctx, "q.y"))(t)
	s.want(`1 {"y":"a"} [{"u":2,"y":null}] {"x":9}`, `3 {"y":"c"} (null) {"x":9}`)
	must(s.ref.Compact(lanceref.CompactOptions{}))(t)
	must(s.ref.Update(map[string]string{"id": "id + 10"}, "id = 3"))(t)
	must(s.table.DropColumns(ctx, "p", "l"))(t)
	s.want(`1 {"x":9}`, `13 {"x":9}`)
	must(s.table.Restore(ctx, 1))(t)
	s.want(`1 {"x":1,"y":"a"} [{"x":2,"y":null}]`, `2 (null) []`, `3 {"x":null,"y":"c"} (null)`)
	must(s.ref.Append(schema, rows))(t)
	must(s.table.Overwrite(ctx, schema, sequence(rows)))(t)
	s.want(`1 {"x":1,"y":"a"} [{"x":2,"y":null}]`, `2 (null) []`, `3 {"x":null,"y":"c"} (null)`)
}

// TestDeleteMany makes a bitmap of deleted rows, to which both sides add.
func TestDeleteMany(t *testing.T) {
	s := newShop(t)
	schema := shopSchema()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	const rows = 20_000
	for i := range int32(rows) {
		b.Field(0).(*array.Int32Builder).Append(100 + i)
		b.Field(1).AppendNull()
		b.Field(2).AppendNull()
	}
	rec := b.NewRecord()
	defer rec.Release()
	d := must(s.table.Append(t.Context(), sequence(rec)))(t)
	var gone []lance.RowAddress
	for i := range uint32(rows) {
		if i%3 != 0 {
			gone = append(gone, lance.MakeRowAddress(2, i))
		}
	}
	must(d.Delete(t.Context(), gone))(t)
	must(s.ref.Delete("id % 3 = 1 and id < 10000"))(t)
	must(d.Delete(t.Context(), []lance.RowAddress{lance.MakeRowAddress(2, rows-2)}))(t)
	want := 3 + 1
	for i := range rows {
		if id := 100 + i; i%3 == 0 && i != rows-2 && (id%3 != 1 || id >= 10000) {
			want++
		}
	}
	want -= 2 // the ids 1 and 4 of the shop are gone as well
	if n := must(s.ref.Count(""))(t); n != uint64(want) || s.latest().LiveRows() != uint64(want) {
		t.Errorf("the reference has %d rows, we %d, want %d", n, s.latest().LiveRows(), want)
	}
	s.agreed()
}

// TestAddNestedNulls adds columns whose members are not nullable, or of the null type:
// in rows that were there the whole column is null.
func TestAddNestedNulls(t *testing.T) {
	s := newShop(t)
	never := arrow.Field{Name: "n", Type: arrow.PrimitiveTypes.Float64}
	must(s.table.AddColumns(t.Context(), arrow.NewSchema([]arrow.Field{
		{Name: "a", Type: arrow.StructOf(never, arrow.Field{Name: "m", Type: arrow.Null, Nullable: true}), Nullable: true},
		{Name: "b", Type: arrow.ListOf(arrow.ListOfField(never)), Nullable: true},
	}, nil)))(t)
	s.want("1 a 1.5 (null) (null)", "2 (null) (null) (null) (null)", "3 c 3 (null) (null)", "4 d 4 (null) (null)")
}

// TestChangeNestedTypes changes types inside structs and lists, as the reference does
// on a table of the same rows, with which it can work on.
func TestChangeNestedTypes(t *testing.T) {
	p, text := arrow.PrimitiveTypes, arrow.BinaryTypes
	member := arrow.StructOf(arrow.Field{Name: "x", Type: p.Int32, Nullable: true}, arrow.Field{Name: "y", Type: text.String})
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: p.Int32},
		{Name: "s", Type: member, Nullable: true},
		{Name: "l", Type: arrow.LargeListOf(p.Int16), Nullable: true},
		{Name: "ls", Type: arrow.ListOf(member), Nullable: true},
		{Name: "v", Type: arrow.FixedSizeListOf(2, p.Float32), Nullable: true},
		{Name: "ll", Type: arrow.LargeListOf(member), Nullable: true},
	}, nil)
	rows := fromJSON(t, schema, `[{"id":1,"s":{"x":7,"y":"a"},"l":[1,2],"ls":[{"x":1,"y":"p"},null,{"x":null,"y":"q"}],"v":[1.5,2]},
		{"id":2,"s":null,"l":[],"ls":[],"v":null},{"id":3,"s":{"x":null,"y":"c"},"l":null,"ls":null,"v":[3,4]}]`)
	_, dir := newStore(t)
	other := lanceref.Start(t).Table(dir)
	must(other.Create(lanceref.WriteOptions{DataStorageVersion: "2.1"}, schema, rows))(t)
	store, dir := newStore(t)
	must(lance.Create(t.Context(), store, schema, sequence(rows), lance.Options{}))(t)
	s := &shop{t: t, store: store, table: lance.Open(store, lance.Options{}), ref: lanceref.Start(t).Table(dir)}
	must(s.table.AddConstants(t.Context(), fromJSON(t, arrow.NewSchema([]arrow.Field{{Name: "k", Type: p.Int8, Nullable: true}}, nil), `[{"k":1}]`)))(t)
	must(s.table.DropColumns(t.Context(), "k"))(t)
	for _, c := range []struct {
		path string
		to   arrow.DataType
	}{{"s.x", p.Int64}, {"s.y", text.LargeString}, {"l.item", p.Int32}, {"ls.item.x", p.Uint8}, {"v", arrow.FixedSizeListOf(2, p.Float64)}, {"ls.item.x", p.Int64}} {
		must(s.table.ChangeType(t.Context(), c.path, c.to))(t)
		must(other.AlterColumn(c.path, lanceref.Alteration{Type: c.to}))(t)
		s.agreed()
	}
	theirs := must(other.Read(lanceref.ReadOptions{}))(t)
	ours := must(s.ref.Read(lanceref.ReadOptions{}))(t)
	if a, b := describe(ours.Schema().Fields()), describe(theirs.Schema().Fields()); a != b {
		t.Errorf("columns\n%s\nthe reference's are\n%s", a, b)
	}
	if d := cmp.Diff(tableRows(theirs), tableRows(ours)); d != "" {
		t.Errorf("other rows than the reference's:\n%s", d)
	}
	for path, want := range map[string]string{
		"ll.item.x": "large_list", "s": "structs", "ls.item": "structs", "v.item": "no column", "s.z": "no column",
	} {
		if err := second(s.table.ChangeType(t.Context(), path, p.Int64)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if err := second(s.table.ChangeType(t.Context(), "v", arrow.FixedSizeListOf(3, p.Float32))); err == nil {
		t.Error("vectors were made longer")
	}
	must(s.ref.Append(s.latest().Schema(), must(s.latest().Take(t.Context(), []uint64{0, 2}))(t)))(t)
	must(s.ref.Delete("s.x = 7"))(t)
	must(s.ref.Compact(lanceref.CompactOptions{}))(t)
	s.agreed()
	if err := second(s.table.ChangeType(t.Context(), "ls.item.x", p.Int8)); err != nil {
		t.Error(err)
	}
}
