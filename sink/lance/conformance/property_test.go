package conformance_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// play is one table that both sides change at random, and every version it had.
type play struct {
	ours     *lance.Table
	theirs   *lanceref.Table
	version  file.Version
	now      *sheet
	past     map[uint64]*sheet // by version, those that still are
	tags     map[string]uint64
	late     map[string]bool // members of structs that some rows have no value for
	moved    uint64          // addresses in earlier versions may mean other rows now
	names    int
	nextID   int64
	byOthers bool // the last step was the reference's
	count    map[string]int
}

// TestOperationSequences draws schemas and sequences of operations of both sides and
// compares the table with a model of it in plain Go after each step: by our scan, and
// by the reference after its steps and at the end. Failures name the seed; -rapid.seed
// repeats them, -rapid.checks and -rapid.steps change how many and how long they are.
func TestOperationSequences(t *testing.T) {
	setDefault(t, "rapid.checks", "15")
	setDefault(t, "rapid.steps", "15")
	ref := lanceref.Start(t)
	count := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		dir := t.TempDir()
		store, err := localfs.Create(dir + "/t.lance")
		ok(rt, err)
		rt.Cleanup(func() {
			if err := errors.Join(store.Close(), os.RemoveAll(dir)); err != nil {
				rt.Error(err)
			}
		})
		options := lance.Options{
			FileVersion: rapid.SampledFrom(versions).Draw(rt, "version"),
			Compression: rapid.SampledFrom(compressions).Draw(rt, "compression"),
		}
		p := &play{
			ours: lance.Open(store, options), theirs: ref.Table(dir + "/t.lance"), version: options.FileVersion,
			past: map[uint64]*sheet{}, tags: map[string]uint64{}, late: map[string]bool{}, count: count,
		}
		p.now = &sheet{fields: p.drawTable(rt), config: map[string]string{}}
		first := p.drawRecord(rt, p.now.fields, rapid.IntRange(0, 60).Draw(rt, "rows"))
		p.now.rows = rowsOf(first)
		if rapid.Bool().Draw(rt, "made by the reference") {
			p.byOthers = true
			_, err = p.theirs.Create(lanceref.WriteOptions{
				DataStorageVersion: p.version.String(), EnableStableRowIDs: rapid.Bool().Draw(rt, "stable row ids"),
			}, first.Schema(), first)
		} else {
			_, err = lance.Create(rt.Context(), store, first.Schema(), sequence(first), options)
		}
		ok(rt, err)
		rt.Repeat(map[string]func(*rapid.T){"step": p.step, "": p.check})
		p.checkEnd(rt)
	})
	t.Logf("steps: %v", count)
}

// setDefault sets a flag that the command line has not set.
func setDefault(t *testing.T, name, value string) {
	t.Helper()
	set := false
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	if set {
		return
	}
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(name, was); err != nil {
			t.Error(err)
		}
	})
}

func ok(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func (p *play) newName(stem string) string {
	p.names++
	return stem + strconv.Itoa(p.names)
}

// steps are the things that can happen to the table, some of them more often.
func (p *play) steps() []playStep {
	return []playStep{
		{4, "append", p.weAppend},
		{1, "add nulls", p.weAddNulls},
		{1, "add member", p.weAddMember},
		{1, "add constants", p.weAddConstants},
		{1, "add computed", p.weAddComputed},
		{2, "drop", p.weDrop},
		{1, "rename", p.weRename},
		{1, "allow null", p.weAllowNull},
		{2, "change type", p.weChangeType},
		{3, "delete", p.weDelete},
		{1, "overwrite", p.weOverwrite},
		{1, "restore", p.weRestore},
		{1, "tag", p.weTag},
		{1, "config", p.weConfigure},
		{3, "reference: append", p.theyAppend},
		{2, "reference: delete", p.theyDelete},
		{3, "reference: compact", p.theyCompact},
		{1, "reference: add nulls", p.theyAddNulls},
		{1, "reference: add computed", p.theyAddComputed},
		{1, "reference: drop", p.theyDrop},
		{2, "reference: index", p.theyIndex},
		{1, "reference: restore", p.theyRestore},
		{1, "reference: clean up", p.theyCleanUp},
		{1, "reference: config", p.theyConfigure},
	}
}

type playStep struct {
	weight int
	name   string
	do     func(*rapid.T)
}

// step draws a step and takes it.
func (p *play) step(t *rapid.T) {
	var all []playStep
	for _, s := range p.steps() {
		for range s.weight {
			all = append(all, s)
		}
	}
	s := drawOne(t, "step", all)
	t.Logf("step: %s", s.name)
	p.byOthers = strings.HasPrefix(s.name, "reference")
	s.do(t)
	p.count[s.name]++
}

// check compares the newest version with the model.
func (p *play) check(t *rapid.T) {
	d, err := p.ours.Latest(t.Context())
	ok(t, err)
	p.past[d.Version()] = p.now
	p.compare(t, d, p.now)
	p.sample(t, d)
	if p.byOthers {
		p.compareTheirs(t)
	}
}

// checkEnd lets the reference read too, and looks at tags and some earlier versions.
func (p *play) checkEnd(t *rapid.T) {
	p.compareTheirs(t)
	for _, version := range slices.Sorted(maps.Keys(p.past)) {
		if rapid.IntRange(0, 2).Draw(t, "look back") > 0 {
			continue
		}
		d, err := p.ours.Version(t.Context(), version)
		ok(t, err)
		p.compare(t, d, p.past[version])
		p.readTheirs(t, p.theirs.At(version), p.past[version])
	}
	for name, version := range p.tags {
		d, err := p.ours.Tag(t.Context(), name)
		ok(t, err)
		if d.Version() != version {
			t.Fatalf("tag %s is version %d, want %d", name, d.Version(), version)
		}
	}
}

// compare reads a version by our scan.
func (p *play) compare(t *rapid.T, d *lance.Dataset, want *sheet) {
	t.Helper()
	if got := d.Config(); !maps.Equal(got, want.config) {
		t.Fatalf("config of version %d is %v, want %v", d.Version(), got, want.config)
	}
	if n, err := d.CountRows(t.Context()); err != nil || n != uint64(len(want.rows)) {
		t.Fatalf("version %d has %d rows, %v, want %d", d.Version(), n, err, len(want.rows))
	}
	recs, err := collect(d.Scan(t.Context(), lance.ScanOptions{BatchRows: rapid.IntRange(1, 100).Draw(t, "batch")}))
	ok(t, err)
	requireSheet(t, fmt.Sprintf("our scan of version %d", d.Version()), d.Schema(), rowsOf(recs...), want)
}

// requireSheet compares fields and rows, in order.
func requireSheet(t *rapid.T, who string, s *arrow.Schema, rows []members, want *sheet) {
	t.Helper()
	if a, b := describe(s.Fields()), describe(want.fields); a != b {
		t.Fatalf("%s has the columns\n%s\nwant\n%s", who, a, b)
	}
	if len(rows) != len(want.rows) {
		t.Fatalf("%s has %d rows, want %d", who, len(rows), len(want.rows))
	}
	for i, row := range rows {
		for k, v := range row {
			if !reflect.DeepEqual(v, want.rows[i][k]) {
				t.Fatalf("%s: row %d (id %v), column %s %s is\n%#v\nwant\n%#v", who, i, row[0], want.fields[k].Name, want.fields[k].Type, v, want.rows[i][k])
			}
		}
	}
}

// sample takes some rows of some columns by their place.
func (p *play) sample(t *rapid.T, d *lance.Dataset) {
	if len(p.now.rows) == 0 {
		return
	}
	places := rapid.SliceOfN(rapid.Uint64Range(0, uint64(len(p.now.rows)-1)), 1, 5).Draw(t, "taken")
	column := rapid.IntRange(0, len(p.now.fields)-1).Draw(t, "of column")
	rec, err := d.Take(t.Context(), places, p.now.fields[column].Name)
	ok(t, err)
	defer rec.Release()
	for i, row := range rowsOf(rec) {
		if want := p.now.rows[places[i]][column]; !reflect.DeepEqual(row[0], want) {
			t.Fatalf("column %s of row %d that was taken is\n%#v\nwant\n%#v", p.now.fields[column].Name, places[i], row[0], want)
		}
	}
}

// compareTheirs lets the reference validate, read and query the newest version.
func (p *play) compareTheirs(t *rapid.T) {
	t.Helper()
	ok(t, p.theirs.Validate())
	p.readTheirs(t, p.theirs, p.now)
	from := rapid.Int64Range(0, p.nextID).Draw(t, "from id")
	n, err := p.theirs.Count(fmt.Sprintf("id >= %d", from))
	ok(t, err)
	want := uint64(0)
	for _, row := range p.now.rows {
		if row[0].(int64) >= from {
			want++
		}
	}
	if n != want {
		t.Fatalf("the reference finds %d rows with ids from %d on, want %d", n, from, want)
	}
}

func (p *play) readTheirs(t *rapid.T, from *lanceref.Table, want *sheet) {
	t.Helper()
	table, err := from.Read(lanceref.ReadOptions{})
	ok(t, err)
	defer table.Release()
	requireSheet(t, "the reference", table.Schema(), tableRows(table), want)
	info, err := from.Info()
	ok(t, err)
	if !maps.Equal(info.Config, want.config) {
		t.Fatalf("the reference sees config %v, want %v", info.Config, want.config)
	}
}

func tableRows(table arrow.Table) []members {
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	var rows []members
	for reader.Next() {
		rows = append(rows, rowsOf(reader.Record())...)
	}
	return rows
}
