package conformance_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// world is one table that both sides write to, and what it has to hold.
type world struct {
	*model
	t                *testing.T
	ours             *lance.Table
	theirs           *lanceref.Table
	config           map[string]string
	indices          map[string]bool
	count            int // names new columns
	scanned, refused int // tables we read, and could not
}

// TestAlternating lets the reference and us change one table in turn, and
// compares everything after each step.
func TestAlternating(t *testing.T) {
	v1 := false
	for name, c := range map[string]struct {
		ours   lance.Options
		theirs *lanceref.WriteOptions // how the reference makes the table; nil: we make it
	}{
		"ours":                           {},
		"ours, zstd":                     {ours: lance.Options{Compression: file.Zstd}},
		"ours, lz4":                      {ours: lance.Options{Compression: file.LZ4}},
		"ours, 2.2":                      {ours: lance.Options{FileVersion: file.V2_2}},
		"theirs, 2.2":                    {theirs: &lanceref.WriteOptions{DataStorageVersion: "2.2"}},
		"theirs":                         {theirs: &lanceref.WriteOptions{DataStorageVersion: "2.1"}},
		"theirs with old manifest names": {lance.Options{Compression: file.Zstd}, &lanceref.WriteOptions{DataStorageVersion: "2.1", EnableV2Manifests: &v1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alternate(t, c.ours, c.theirs)
		})
	}
}

func alternate(t *testing.T, options lance.Options, creator *lanceref.WriteOptions) {
	r := newRand(t)
	store, dir := newStore(t)
	w := &world{
		model: newModel(r), t: t, config: map[string]string{}, indices: map[string]bool{},
		ours: lance.Open(store, options), theirs: lanceref.Start(t).Table(dir),
	}
	first := w.fresh(300)
	if creator == nil {
		must(lance.Create(t.Context(), store, w.schema, sequence(first), options))(t)
	} else {
		must(w.theirs.Create(*creator, w.schema, first))(t)
	}
	w.put(first)
	w.check("create")

	steps := w.steps()

	for i, k := range r.Perm(len(steps)) {
		s := steps[k]
		t.Logf("step %d: %s", i, s.name)
		s.do()
		w.check("their " + s.name)
		w.ourTurn(i)
		w.check("our turn after " + s.name)
	}
	t.Logf("we read %d versions and refused %d", w.scanned, w.refused)
}

// ourTurn appends, and now and then adds a column or a member first.
func (w *world) ourTurn(i int) {
	w.t.Helper()
	var columns []string
	switch i % 4 {
	case 1:
		f := arrow.Field{Name: w.newName("ours"), Type: arrow.ListOf(structOf(arrow.PrimitiveTypes.Float64)), Nullable: true}
		w.addField(f)
		must(w.ours.AddColumns(w.t.Context(), arrow.NewSchema([]arrow.Field{f}, nil)))(w.t)
	case 2:
		member := arrow.Field{Name: w.newName("m"), Type: arrow.BinaryTypes.String, Nullable: true}
		w.addMember("st", member)
		at := w.schema.FieldIndices("st")[0]
		must(w.ours.AddColumns(w.t.Context(), arrow.NewSchema([]arrow.Field{w.schema.Field(at)}, nil)))(w.t)
	case 3:
		columns = []string{"s", "ls"}
	}
	rec := w.fresh(1+w.rand.IntN(100), columns...)
	w.config["pst.ledger"] = strconv.Itoa(i)
	must(w.ours.Commit(w.t.Context(), &appender{table: w.ours, rec: rec, ledger: strconv.Itoa(i)}))(w.t)
	w.put(rec)
}

// appender commits one record together with a config entry, by which it
// recognises its commit.
type appender struct {
	table  *lance.Table
	rec    arrow.Record
	ledger string
}

func (a *appender) Plan(ctx context.Context, base *lance.Dataset) (*lance.Proposal, error) {
	s, err := base.Fields().Project(a.rec.Schema())
	if err != nil {
		return nil, err
	}
	f, err := a.table.WriteFile(ctx, s, a.rec)
	if err != nil {
		return nil, err
	}
	return &lance.Proposal{
		Operation: lance.OpAppend,
		Files:     []*lance.DataFile{f},
		SetConfig: map[string]string{"pst.ledger": a.ledger},
	}, nil
}

func (a *appender) Landed(head *lance.Dataset) lance.Landing {
	if head.Config()["pst.ledger"] == a.ledger {
		return lance.LandedWhole
	}
	return lance.LandedNone
}

// step is one thing that the reference does to the table, and to the model.
type step struct {
	name string
	do   func()
}

func (w *world) steps() []step {
	return []step{
		{"append", func() {
			rec := w.fresh(1 + w.rand.IntN(200))
			must(w.theirs.Append(w.schema, rec))(w.t)
			w.put(rec)
		}},
		{"append to a version before our last", func() {
			before := must(w.theirs.Info())(w.t).Version
			w.ourTurn(len(w.rows))
			rec := w.fresh(1+w.rand.IntN(50), "v", "l")
			must(w.theirs.At(before).Append(rec.Schema(), rec))(w.t)
			w.put(rec)
		}},
		{"delete", func() {
			k := w.rand.Int64N(9)
			must(w.theirs.Delete(fmt.Sprintf("id %% 9 = %d", k)))(w.t)
			w.remove(func(id int64) bool { return id%9 == k })
		}},
		{"compact", func() { must(w.theirs.Compact(lanceref.CompactOptions{MaterializeDeletionsThreshold: 0.01}))(w.t) }},
		{"scalar index", func() {
			must(w.theirs.CreateScalarIndex("id", "BTREE"))(w.t)
			w.indices["id_idx"] = true
		}},
		{"vector index", func() {
			must(w.theirs.CreateVectorIndex("v", "IVF_FLAT", 2))(w.t)
			w.indices["v_idx"] = true
		}},
		{"optimize indices", func() { must(w.theirs.OptimizeIndices())(w.t) }},
		{"add a computed column", w.addComputed},
		{"add a null column", func() {
			f := arrow.Field{Name: w.newName("null"), Type: structOf(arrow.PrimitiveTypes.Int16), Nullable: true}
			must(w.theirs.AddNullColumns(arrow.NewSchema([]arrow.Field{f}, nil)))(w.t)
			w.addField(f)
		}},
		{"drop a column", func() {
			name := w.schema.Field(2 + w.rand.IntN(w.schema.NumFields()-2)).Name // not id, not v
			if name == "s" || name == "st" || name == "ls" {
				name = "t"
			}
			must(w.theirs.DropColumns(name))(w.t)
			w.dropField(name)
		}},
		{"update", w.update},
		{"merge insert", func() {
			old := w.fresh(40)
			w.put(old)
			must(w.theirs.Append(w.schema, old))(w.t)
			w.nextID -= 20
			rec := w.fresh(40)
			must(w.theirs.MergeInsert([]string{"id"}, w.schema, rec))(w.t)
			w.put(rec)
		}},
		{"config", func() {
			value := strconv.Itoa(w.rand.Int())
			must(w.theirs.UpdateConfig(map[string]*string{"their.key": &value}))(w.t)
			w.config["their.key"] = value
		}},
		{"tag", func() {
			if err := w.theirs.Tag(w.newName("tag")); err != nil {
				w.t.Fatal(err)
			}
		}},
	}
}

func (w *world) addComputed() {
	name := w.newName("twice")
	must(w.theirs.AddColumns(map[string]string{name: "id * 2"}))(w.t)
	f := arrow.Field{Name: name, Type: arrow.PrimitiveTypes.Int64}
	if info := must(w.theirs.Read(lanceref.ReadOptions{Columns: []string{name}}))(w.t); info.Schema().Field(0).Nullable {
		f.Nullable = true
	}
	w.addField(f)
	w.set(name, func(int64) bool { return true }, func(id int64) cell {
		b := array.NewInt64Builder(memory.DefaultAllocator)
		b.Append(2 * id)
		return cell{b.NewArray(), 0}
	})
}

func (w *world) update() {
	k := w.rand.Int64N(5)
	must(w.theirs.Update(map[string]string{"s": "'updated'"}, fmt.Sprintf("id %% 5 = %d", k)))(w.t)
	b := array.NewStringBuilder(memory.DefaultAllocator)
	b.Append("updated")
	updated := cell{b.NewArray(), 0}
	w.set("s", func(id int64) bool { return id%5 == k }, func(int64) cell { return updated })
}

func (w *world) newName(stem string) string {
	w.count++
	return fmt.Sprintf("%s%d", stem, w.count)
}

// check compares the table, as both sides read it, with the model.
func (w *world) check(after string) {
	w.t.Helper()
	if err := w.theirs.Validate(); err != nil {
		w.t.Fatalf("after %s: %v", after, err)
	}
	theirs := must(w.theirs.Read(lanceref.ReadOptions{}))(w.t)
	defer theirs.Release()
	w.require(w.t, "after "+after+", the reference", theirs)
	info := must(w.theirs.Info())(w.t)
	for key, value := range w.config {
		if info.Config[key] != value {
			w.t.Errorf("after %s: config %s is %q, want %q", after, key, info.Config[key], value)
		}
	}
	w.checkOurs(after)
	w.checkIndices(after)
	w.checkQueries(after)
}

// checkIndices wants the indexes that were made, each for all rows.
func (w *world) checkIndices(after string) {
	w.t.Helper()
	indices := must(w.theirs.Indices())(w.t)
	if len(indices) != len(w.indices) {
		w.t.Errorf("after %s: %d indices, want %d", after, len(indices), len(w.indices))
	}
	for _, index := range indices {
		if all := index.IndexedRows + index.UnindexedRows; all < uint64(len(w.rows)) {
			w.t.Errorf("after %s: index %s knows of %d rows, want %d", after, index.Name, all, len(w.rows))
		}
	}
}

// checkOurs compares what we read. After deletions and where the reference
// wrote rows there may be something that we refuse to read, by name.
func (w *world) checkOurs(after string) {
	w.t.Helper()
	d := must(w.ours.Latest(w.t.Context()))(w.t)
	if d.LiveRows() != uint64(len(w.rows)) {
		w.t.Errorf("after %s: %d live rows, want %d", after, d.LiveRows(), len(w.rows))
	}
	if want, have := fieldTypes(w.schema), fieldTypes(d.Schema()); want != have {
		w.t.Errorf("after %s: columns\n%s\nwant\n%s", after, have, want)
	}
	for key, value := range w.config {
		if d.Config()[key] != value {
			w.t.Errorf("after %s: our config %s is %q, want %q", after, key, d.Config()[key], value)
		}
	}
	got, err := collect(d.Scan(w.t.Context(), lance.ScanOptions{BatchRows: 1 + w.rand.IntN(200)}))
	switch {
	case errors.Is(err, lance.ErrUnsupported):
		w.refused++
	case err != nil:
		w.t.Errorf("after %s: %v", after, err)
	default:
		w.scanned++
		table := array.NewTableFromRecords(d.Schema(), got)
		defer table.Release()
		w.require(w.t, "after "+after+", our scan", table)
	}
}

// checkQueries asks the reference for rows by offset, by id and by vector,
// through indexes where there are some: rows of ours that no index knows yet
// have to come too.
func (w *world) checkQueries(after string) {
	w.t.Helper()
	who := "after " + after + ", a query of the reference"
	offsets := make([]uint64, 10)
	for i := range offsets {
		offsets[i] = w.rand.Uint64N(uint64(len(w.rows)))
	}
	slices.Sort(offsets)
	offsets = slices.Compact(offsets)
	taken := must(w.theirs.Take(offsets))(w.t)
	defer taken.Release()
	if ids := w.requireRows(w.t, who, taken); len(ids) != len(offsets) {
		w.t.Errorf("%s took %d rows, want %d", who, len(ids), len(offsets))
	}

	from := w.rand.Int64N(w.nextID)
	to := from + w.rand.Int64N(w.nextID-from+1)
	found := must(w.theirs.Read(lanceref.ReadOptions{Filter: fmt.Sprintf("id >= %d and id < %d", from, to)}))(w.t)
	defer found.Release()
	want := 0
	for id := range w.rows {
		if id >= from && id < to {
			want++
		}
	}
	if ids := w.requireRows(w.t, who, found); len(ids) != want {
		w.t.Errorf("%s found %d rows with ids from %d to %d, want %d", who, len(ids), from, to, want)
	}
	w.checkNearest(who)
}

// checkNearest looks for the vector of some row.
func (w *world) checkNearest(who string) {
	w.t.Helper()
	for id, cells := range w.rows {
		v, ok := cells["v"]
		if !ok || !w.indices["v_idx"] {
			continue
		}
		list := v.in.(*array.FixedSizeList)
		query := list.ListValues().(*array.Float32).Float32Values()[v.at*8 : v.at*8+8]
		near := must(w.theirs.Nearest(lanceref.Search{Column: "v", Query: query, K: 1, NProbes: 2, Columns: []string{"id"}}))(w.t)
		defer near.Release()
		if got := near.Column(0).Data().Chunk(0).(*array.Int64).Value(0); got != id {
			w.t.Errorf("%s: the row nearest to row %d is %d", who, id, got)
		}
		return
	}
}

// must fails the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
