package lance_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func newNumbers(t *testing.T, rows ...string) *lance.Table {
	t.Helper()
	store := memstore.New()
	recs := make([]arrow.Record, len(rows))
	for i, text := range rows {
		recs[i] = record(t, numbers(), text)
	}
	if _, err := lance.Create(t.Context(), store, numbers(), records(recs...), lance.Options{}); err != nil {
		t.Fatal(err)
	}
	return lance.Open(store, lance.Options{})
}

func done(t *testing.T) func(d *lance.Dataset, err error) *lance.Dataset {
	return func(d *lance.Dataset, err error) *lance.Dataset {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}

func TestDiff(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"},{"id":2,"word":"two"}]`)
	d1 := done(t)(table.Latest(t.Context()))
	done(t)(table.Append(t.Context(), records(record(t, numbers(), `[{"id":3,"word":"three"}]`))))
	done(t)(d1.Delete(t.Context(), []lance.RowAddress{lance.MakeRowAddress(0, 1)}))
	done(t)(table.RenameColumn(t.Context(), "word", "label"))
	d5 := done(t)(table.ChangeType(t.Context(), "id", arrow.PrimitiveTypes.Float64))
	diff, err := d1.Diff(d5)
	if err != nil {
		t.Fatal(err)
	}
	var text []string
	for _, c := range diff.Columns {
		text = append(text, fmt.Sprint(c.PathBefore, ">", c.Path))
	}
	if got := strings.Join(text, " "); got != `word>label id>"" "">id` {
		t.Errorf("columns %q", got)
	}
	if diff.RowsBefore != 2 || diff.Rows != 2 || len(diff.Removed) != 0 || len(diff.Added) != 1 || diff.Added[0].ID != 1 || diff.Added[0].Rows != 1 {
		t.Errorf("%+v", diff)
	}
	if len(diff.Changed) != 1 || diff.Changed[0].Deleted != 1 || len(diff.Changed[0].FilesAdded) != 1 || len(diff.Changed[0].FilesGone) != 0 {
		t.Errorf("changed %+v", diff.Changed)
	}
	back, err := d5.Diff(d1)
	if err != nil || len(back.Removed) != 1 || len(back.Columns) != 3 {
		t.Errorf("back: %+v, %v", back, err)
	}
	if same, err := d5.Diff(d5); err != nil || len(same.Columns)+len(same.Added)+len(same.Removed)+len(same.Changed) > 0 {
		t.Errorf("with itself: %+v, %v", same, err)
	}
	if _, err := d1.Diff(done(t)(newNumbers(t).Latest(t.Context()))); err == nil {
		t.Error("two tables were compared")
	}
}

// Every pair of numeric types: what fits is the same number, what does not is
// refused with its row.
func TestChangeNumbers(t *testing.T) {
	types := []arrow.DataType{
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Int64,
		arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64,
		arrow.PrimitiveTypes.Float32, arrow.PrimitiveTypes.Float64,
	}
	values := []string{
		"-9223372036854775808", "-2147483649", "-2147483648", "-32769", "-32768", "-129", "-128", "-1", "0", "127", "128", "255", "256",
		"32767", "32768", "65535", "65536", "16777217", "2147483647", "2147483648", "4294967295", "4294967296", "9007199254740993",
		"9223372036854775807", "9223372036854775808", "18446744073709551615",
	}
	for _, from := range types {
		for _, to := range types {
			if from == to {
				continue
			}
			for _, v := range values {
				changeNumber(t, from, to, v)
			}
		}
	}
}

// changeNumber changes the type of a column of a null and one number. Both types are
// asked for the number by the JSON reader of Arrow, which refuses what does not fit.
func changeNumber(t *testing.T, from, to arrow.DataType, v string) {
	t.Helper()
	held, ok := exactly(t, from, v)
	if !ok {
		return
	}
	defer held.Release()
	want, fits := exactly(t, to, v)
	if fits {
		defer want.Release()
	}
	if floating(from) && !floating(to) {
		fits = false // not a change of type that is made
	}
	store := memstore.New()
	done(t)(lance.Create(t.Context(), store, held.Schema(), records(held), lance.Options{}))
	d, err := lance.Open(store, lance.Options{}).ChangeType(t.Context(), "c", to)
	switch {
	case fits && err != nil:
		t.Errorf("%s from %s to %s: %v", v, from, to, err)
	case !fits && err == nil:
		t.Errorf("%s from %s to %s was changed", v, from, to)
	case err != nil && !floating(from) && !strings.Contains(err.Error(), "row 1 (address 1)"):
		t.Errorf("%s from %s to %s: %v", v, from, to, err)
	case err == nil:
		for rec, err := range d.Scan(t.Context(), lance.ScanOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if !array.Equal(rec.Column(0), want.Column(0)) {
				t.Errorf("%s from %s to %s is %s", v, from, to, rec.Column(0))
			}
			rec.Release()
		}
	}
}

func floating(dt arrow.DataType) bool { return arrow.IsFloating(dt.ID()) }

// exactly is a null and the number, if the type holds it.
func exactly(t *testing.T, dt arrow.DataType, v string) (arrow.Record, bool) {
	t.Helper()
	b := array.NewRecordBuilder(memory.DefaultAllocator, schemaOf(nullable("c", dt)))
	defer b.Release()
	b.Field(0).AppendNull()
	if err := b.Field(0).AppendValueFromString(v); err != nil {
		return nil, false
	}
	rec := b.NewRecord()
	var back float64
	switch c := rec.Column(0).(type) {
	case *array.Float32:
		back = float64(c.Value(1))
	case *array.Float64:
		back = c.Value(1)
	default:
		return rec, true
	}
	if fmt.Sprintf("%.0f", back) != v {
		rec.Release()
		return nil, false
	}
	return rec, true
}

func TestFloatsAndText(t *testing.T) {
	s := schemaOf(nullable("f", arrow.PrimitiveTypes.Float64), nullable("g", arrow.PrimitiveTypes.Float64), nullable("s", arrow.BinaryTypes.String))
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	b.Field(0).(*array.Float64Builder).AppendValues([]float64{math.Inf(-1), math.NaN(), 0.5, math.Copysign(0, -1)}, nil)
	b.Field(1).(*array.Float64Builder).AppendValues([]float64{0.5, 1, 0.1, 2}, nil)
	b.Field(2).(*array.StringBuilder).AppendValues([]string{"", "a", "b", "c"}, nil)
	rec := b.NewRecord()
	defer rec.Release()
	store := memstore.New()
	done(t)(lance.Create(t.Context(), store, s, records(rec), lance.Options{}))
	table := lance.Open(store, lance.Options{})
	done(t)(table.ChangeType(t.Context(), "f", arrow.PrimitiveTypes.Float32))
	if _, err := table.ChangeType(t.Context(), "g", arrow.PrimitiveTypes.Float32); err == nil || !strings.Contains(err.Error(), "row 2 (address 2): 0.1") {
		t.Errorf("0.1 as float32: %v", err)
	}
	done(t)(table.ChangeType(t.Context(), "s", arrow.BinaryTypes.LargeString))
	d := done(t)(table.ChangeType(t.Context(), "s", arrow.BinaryTypes.String))
	wantScan(t, d, lance.ScanOptions{}, "-Inf 0.5 ", "NaN 1 a", "0.5 0.1 b", "-0 2 c")
	if _, err := table.ChangeType(t.Context(), "s", arrow.BinaryTypes.Binary); !errors.Is(err, lance.ErrUnsupported) {
		t.Errorf("string as binary: %v", err)
	}
}

// What Compute returns must be what was announced, and its error ends the operation.
func TestComputeMistakes(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"},{"id":2,"word":null}]`)
	want := schemaOf(nullable("n", arrow.PrimitiveTypes.Int64))
	own := errors.New("own")
	for text, f := range map[string]lance.Compute{
		"1 rows were computed of 2": func(context.Context, arrow.Record) (arrow.Record, error) { return record(t, want, `[{"n":1}]`), nil },
		"column 0 is \"word\" instead of \"n\"": func(context.Context, arrow.Record) (arrow.Record, error) {
			return record(t, schemaOf(nullable("word", arrow.BinaryTypes.String)), `[{},{}]`), nil
		},
		"2 columns": func(context.Context, arrow.Record) (arrow.Record, error) {
			return record(t, numbers(), `[{"id":1},{"id":2}]`), nil
		},
		"own": func(context.Context, arrow.Record) (arrow.Record, error) { return nil, own },
	} {
		if _, err := table.AddColumnsFunc(t.Context(), want, nil, f); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
	if d := done(t)(table.Latest(t.Context())); d.Version() != 1 {
		t.Errorf("version %d", d.Version())
	}
}

func TestOperationsWithoutTable(t *testing.T) {
	table := lance.Open(memstore.New(), lance.Options{})
	for name, do := range map[string]func() (*lance.Dataset, error){
		"drop":      func() (*lance.Dataset, error) { return table.DropColumns(t.Context(), "a") },
		"overwrite": func() (*lance.Dataset, error) { return table.Overwrite(t.Context(), numbers(), nil) },
		"config":    func() (*lance.Dataset, error) { return table.UpdateConfig(t.Context(), map[string]string{"a": "b"}) },
	} {
		if _, err := do(); !errors.Is(err, lance.ErrNoTable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := table.Restore(t.Context(), 3); !errors.Is(err, lance.ErrNoVersion) {
		t.Errorf("restore: %v", err)
	}
	if err := table.CreateTag(t.Context(), "a", 3); !errors.Is(err, lance.ErrNoVersion) {
		t.Errorf("tag: %v", err)
	}
}

// A table that notes its largest field id never gives one out again.
func TestFieldIDsStayUsed(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`)
	done(t)(table.UpdateConfig(t.Context(), map[string]string{"pst.max_field_id": "7"}))
	d := done(t)(table.AddColumns(t.Context(), schemaOf(nullable("a", arrow.PrimitiveTypes.Int64))))
	if id := d.Fields().Lookup("a").ID; id != 8 {
		t.Errorf("field id %d, want 8", id)
	}
	done(t)(table.DropColumns(t.Context(), "a"))
	d = done(t)(table.AddConstants(t.Context(), record(t, schemaOf(nullable("a", arrow.PrimitiveTypes.Int8)), `[{"a":5}]`)))
	if id := d.Fields().Lookup("a").ID; id != 9 || d.Config()["pst.max_field_id"] != "9" {
		t.Errorf("field id %d, want 9; config %v", id, d.Config())
	}
	wantScan(t, d, lance.ScanOptions{}, "1 one 5")
	done(t)(table.UpdateConfig(t.Context(), map[string]string{"pst.max_field_id": "x"}))
	if _, err := table.DropColumns(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "pst.max_field_id") {
		t.Errorf("an unreadable mark: %v", err)
	}
}

// A delete that is about an earlier version passes over a fragment that another
// delete took whole, whatever else was committed after that.
func TestDeleteOfFragmentThatIsGone(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`)
	first := done(t)(table.Append(t.Context(), records(record(t, numbers(), `[{"id":2,"word":"two"}]`))))
	done(t)(first.Delete(t.Context(), []lance.RowAddress{lance.MakeRowAddress(0, 0)}))
	done(t)(table.ChangeType(t.Context(), "id", arrow.PrimitiveTypes.Float64))
	d, err := first.Delete(t.Context(), []lance.RowAddress{lance.MakeRowAddress(0, 0)})
	if err != nil || d.Version() != 4 || d.LiveRows() != 1 {
		t.Errorf("version %v, %v", d, err)
	}
}

// A tag that is moved is there at every moment.
func TestUpdateTag(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`)
	done(t)(table.Append(t.Context(), records(record(t, numbers(), `[{"id":2,"word":"two"}]`))))
	if err := table.UpdateTag(t.Context(), "a", 1); !errors.Is(err, lance.ErrNoTag) {
		t.Errorf("a tag that is not there: %v", err)
	}
	if err := table.CreateTag(t.Context(), "a", 1); err != nil {
		t.Fatal(err)
	}
	moved := make(chan error)
	go func() {
		var err error
		for i := range uint64(200) {
			err = errors.Join(err, table.UpdateTag(t.Context(), "a", 1+i%2))
		}
		moved <- err
	}()
	for {
		if _, err := table.Tag(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-moved:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}

// plain is a store that cannot replace a key.
type plain struct{ objstore.Store }

func TestUpdateTagByRemoval(t *testing.T) {
	store := memstore.New()
	done(t)(lance.Create(t.Context(), store, numbers(), nil, lance.Options{}))
	table := lance.Open(plain{store}, lance.Options{})
	done(t)(table.UpdateConfig(t.Context(), map[string]string{"k": "v"}))
	if err := errors.Join(table.CreateTag(t.Context(), "a", 1), table.UpdateTag(t.Context(), "a", 2)); err != nil {
		t.Fatal(err)
	}
	if d := done(t)(table.Tag(t.Context(), "a")); d.Version() != 2 {
		t.Errorf("the tag is version %d", d.Version())
	}
	tags, err := table.Tags(t.Context())
	if err != nil || len(tags) != 1 || !tags[0].Updated.After(tags[0].Created) {
		t.Errorf("%+v, %v", tags, err)
	}
}

// The metadata in a diff, as an update of the earlier version, gives it that of the later.
func TestDiffMetadata(t *testing.T) {
	table := newNumbers(t, `[{"id":1,"word":"one"}]`)
	set := func(pairs ...string) lance.MapEdit {
		e := lance.MapEdit{Set: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			e.Set[pairs[i]] = pairs[i+1]
		}
		return e
	}
	from := done(t)(table.UpdateMetadata(t.Context(), lance.MetadataUpdate{
		Config: set("a", "1", "b", "2"), Table: set("t", "1"), Schema: set("s", "1"), Fields: map[string]lance.MapEdit{"word": set("f", "1")},
	}))
	to := done(t)(table.UpdateMetadata(t.Context(), lance.MetadataUpdate{
		Config: lance.MapEdit{Set: map[string]string{"a": "9", "c": "3"}, Delete: []string{"b"}}, Table: lance.MapEdit{Replace: true},
		Schema: set("s", "2"), Fields: map[string]lance.MapEdit{"word": set("g", "1")},
	}))
	diff, err := from.Diff(to)
	want := lance.MetadataUpdate{
		Config: lance.MapEdit{Set: map[string]string{"a": "9", "c": "3"}, Delete: []string{"b"}}, Table: lance.MapEdit{Delete: []string{"t"}},
		Schema: set("s", "2"), Fields: map[string]lance.MapEdit{"word": set("g", "1")},
	}
	if d := cmp.Diff(want, diff.Metadata); err != nil || d != "" {
		t.Error(err, d)
	}
	done(t)(table.Restore(t.Context(), from.Version()))
	again := done(t)(table.UpdateMetadata(t.Context(), diff.Metadata))
	if diff, err = to.Diff(again); err != nil || !cmp.Equal(diff.Metadata, lance.MetadataUpdate{}) {
		t.Errorf("%+v, %v", diff, err)
	}
}
