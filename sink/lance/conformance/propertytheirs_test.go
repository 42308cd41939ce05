package conformance_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func (p *play) theyAppend(t *rapid.T) {
	fields := drawPart(t, p.now.fields)
	rec := p.drawRecord(t, fields, rapid.IntRange(1, 60).Draw(t, "rows"))
	_, err := p.theirs.Append(rec.Schema(), rec)
	ok(t, err)
	p.change(func(s *sheet) { s.rows = append(s.rows, s.spread(fields, rowsOf(rec))...) })
}

func (p *play) theyDelete(t *rapid.T) {
	n := rapid.Int64Range(1, 6).Draw(t, "every")
	k := rapid.Int64Range(0, n-1).Draw(t, "rest")
	_, err := p.theirs.Delete(fmt.Sprintf("id %% %d = %d", n, k))
	ok(t, err)
	p.remove(func(id int64) bool { return id%n == k })
}

func (p *play) theyCompact(t *rapid.T) {
	_, err := p.theirs.Compact(lanceref.CompactOptions{
		TargetRowsPerFragment:         rapid.SampledFrom([]int{0, 50, 200}).Draw(t, "target"),
		MaterializeDeletionsThreshold: 0.01,
	})
	ok(t, err)
	p.move(t)
	p.reorder(t)
}

// reorder gives the model the order of rows that the reference sees: after a
// compaction fragments stand in the order of their ids.
func (p *play) reorder(t *rapid.T) {
	table, err := p.theirs.Read(lanceref.ReadOptions{Columns: []string{"id"}})
	ok(t, err)
	defer table.Release()
	at := map[int64]int{}
	for i, row := range tableRows(table) {
		at[row[0].(int64)] = i
	}
	p.change(func(s *sheet) {
		slices.SortFunc(s.rows, func(a, b members) int { return at[a[0].(int64)] - at[b[0].(int64)] })
	})
}

func (p *play) theyAddNulls(t *rapid.T) {
	f := p.drawNullable(t)
	_, err := p.theirs.AddNullColumns(arrow.NewSchema([]arrow.Field{f}, nil))
	ok(t, err)
	p.addColumn(f, func(members) any { return nil })
}

func (p *play) theyAddComputed(t *rapid.T) {
	f := arrow.Field{Name: p.newName("twice"), Type: arrow.PrimitiveTypes.Int64}
	_, err := p.theirs.AddColumns(map[string]string{f.Name: "id * 2"})
	ok(t, err)
	schema, err := p.theirs.Schema()
	ok(t, err)
	f.Nullable = !containsLine(schema, f.Name+": int64 not null")
	p.addColumn(f, func(row members) any { return 2 * row[0].(int64) })
}

func (p *play) theyDrop(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool { return len(at.path) == 1 && at.siblings > 1 })
	_, err := p.theirs.DropColumns(at.names[0])
	ok(t, err)
	p.dropField(at)
}

func (p *play) theyIndex(t *rapid.T) {
	list, err := p.theirs.Indices()
	ok(t, err)
	if len(list) == 0 {
		_, err = p.theirs.CreateScalarIndex("id", "BTREE")
	} else {
		_, err = p.theirs.OptimizeIndices()
	}
	ok(t, err)
}

func (p *play) theyRestore(t *rapid.T) {
	version := p.drawVersion(t)
	_, err := p.theirs.At(version).Restore()
	ok(t, err)
	p.now = p.past[version]
	p.move(t)
}

// theyCleanUp removes every version but the newest and, as long as none of those
// has a tag, reports no error.
func (p *play) theyCleanUp(t *rapid.T) {
	newest := slices.Max(slices.Collect(maps.Keys(p.past)))
	_, err := p.theirs.CleanupOldVersions(0, lanceref.DeleteUnverified)
	for _, version := range p.tags {
		if version != newest {
			if err == nil {
				t.Fatalf("version %d has a tag, yet a clean-up left it out without an error", version)
			}
			return
		}
	}
	ok(t, err)
	p.past = map[uint64]*sheet{newest: p.past[newest]}
	p.moved = newest
}

func (p *play) theyConfigure(t *rapid.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "key")
	value := strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "value"))
	_, err := p.theirs.UpdateConfig(map[string]*string{key: &value})
	ok(t, err)
	p.change(func(s *sheet) { s.config = lance.MapEdit{Set: map[string]string{key: value}}.Apply(s.config) })
}
