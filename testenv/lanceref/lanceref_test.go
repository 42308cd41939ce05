package lanceref_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(lanceref.Shared(m)) }

var people = arrow.NewSchema([]arrow.Field{
	{Name: "id", Type: arrow.PrimitiveTypes.Int64},
	{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
	{Name: "v", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), Nullable: true},
}, nil)

// record builds rows of people from a JSON array.
func record(t *testing.T, json string) arrow.Record {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, people, strings.NewReader(json))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Release)
	return rec
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

const three = `[{"id":1,"name":"a","v":[0,0]},{"id":2,"name":null,"v":[1,0]},{"id":3,"name":"c","v":null}]`

func newTable(t *testing.T) (*lanceref.Table, arrow.Record) {
	t.Helper()
	table := lanceref.Start(t).Table(filepath.Join(t.TempDir(), "t.lance"))
	rec := record(t, three)
	expect(t, "version", must(table.Create(lanceref.WriteOptions{DataStorageVersion: "2.1"}, people, rec))(t), 1)
	return table, rec
}

func TestReads(t *testing.T) {
	table, rec := newTable(t)
	expect(t, "rows", must(table.Count(""))(t), 3)
	expect(t, "filtered rows", must(table.Count("name is null"))(t), 1)
	expect(t, "file version", must(table.Info())(t).FileVersion, "2.1")
	expect(t, "id of name", must(table.Info())(t).Fields["name"], 1)
	expect(t, "physical rows", must(table.Fragments())(t)[0].PhysicalRows, 3)
	expect(t, "versions", len(must(table.Versions())(t)), 1)
	expect(t, "schema", strings.Contains(must(table.Schema())(t), "name: string"), true)
	if err := errors.Join(table.Validate(), table.Compare(people, rec)); err != nil {
		t.Fatal(err)
	}
	read := must(table.Read(lanceref.ReadOptions{Columns: []string{"id"}, Filter: "id > 1", RowIDs: true}))(t)
	defer read.Release()
	expect(t, "read", read.NumRows()*10+read.NumCols(), 22)
	taken := must(table.Take([]uint64{2, 0}, "id"))(t)
	defer taken.Release()
	expect(t, "taken", taken.Column(0).Data().Chunk(0).(*array.Int64).Value(0), 3)
	near := must(table.Nearest(lanceref.Search{Column: "v", Query: []float32{1, 0}, K: 1, Columns: []string{"id"}}))(t)
	defer near.Release()
	expect(t, "nearest", near.Column(0).Data().Chunk(0).(*array.Int64).Value(0), 2)
}

func TestCompareShowsTheDifference(t *testing.T) {
	table, _ := newTable(t)
	for want, json := range map[string]string{
		"column name, row 1: want 'b', got None": strings.Replace(three, "null", `"b"`, 1),
		"column id, row 2: want 4, got 3":        strings.Replace(three, `"id":3`, `"id":4`, 1),
		"column v, row 0":                        strings.Replace(three, `[0,0]`, `[-0.0,0]`, 1),
		"column v, row 2":                        strings.Replace(three, `"v":null`, `"v":[5,5]`, 1),
		"rows: want 1, got 3":                    `[{"id":1,"name":"a","v":[0,0]}]`,
	} {
		err := table.Compare(people, record(t, json))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	large := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int32}}, nil)
	err := table.CompareColumns([]string{"id"}, large)
	if err == nil || !strings.Contains(err.Error(), "want type int32, got int64") {
		t.Errorf("got %v, want a type difference", err)
	}
}

func TestCompareSeesNestedNulls(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{
		{Name: "st", Nullable: true, Type: arrow.StructOf(arrow.Field{Name: "a", Type: arrow.PrimitiveTypes.Int64, Nullable: true})},
		{Name: "l", Nullable: true, Type: arrow.ListOf(arrow.PrimitiveTypes.Int64)},
	}, nil)
	build := func(json string) arrow.Record {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, s, strings.NewReader(json))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(rec.Release)
		return rec
	}
	rec := build(`[{"st":{"a":null},"l":[]},{"st":null,"l":null}]`)
	table := lanceref.Start(t).Table(filepath.Join(t.TempDir(), "t.lance"))
	must(table.Create(lanceref.WriteOptions{}, s, rec))(t)
	if err := table.Compare(s, rec); err != nil {
		t.Fatal(err)
	}
	for want, json := range map[string]string{
		"column st, row 0": `[{"st":null,"l":[]},{"st":null,"l":null}]`,
		"column st, row 1": `[{"st":{"a":null},"l":[]},{"st":{"a":null},"l":null}]`,
		"column l, row 0":  `[{"st":{"a":null},"l":null},{"st":null,"l":null}]`,
		"column l, row 1":  `[{"st":{"a":null},"l":[]},{"st":null,"l":[]}]`,
	} {
		if err := table.Compare(s, build(json)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestCompareTakesNaNForItself(t *testing.T) {
	s := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, s)
	defer b.Release()
	b.Field(0).(*array.Float64Builder).AppendValues([]float64{math.NaN(), 0, 1}, []bool{true, false, true})
	rec := b.NewRecord()
	defer rec.Release()
	table := lanceref.Start(t).Table(filepath.Join(t.TempDir(), "t.lance"))
	must(table.Create(lanceref.WriteOptions{}, s, rec))(t)
	if err := table.Compare(s, rec); err != nil {
		t.Fatal(err)
	}
}

func TestWrites(t *testing.T) {
	table, _ := newTable(t)
	more := record(t, `[{"id":4,"name":"d","v":[3,3]},{"id":5,"name":"e","v":[4,4]}]`)
	expect(t, "append", must(table.Append(people, more))(t), 2)
	expect(t, "delete", must(table.Delete("id = 2"))(t), 3)
	expect(t, "update", must(table.Update(map[string]string{"name": "'z'"}, "id = 5"))(t), 4)
	must(table.At(1).Append(people, more))(t)
	expect(t, "rows after a stale append", must(table.Count(""))(t), 6)
	must(table.MergeInsert([]string{"id"}, people, record(t, `[{"id":9,"name":"n","v":[9,9]}]`)))(t)
	must(table.CreateScalarIndex("id", "BTREE"))(t)
	must(table.CreateVectorIndex("v", "IVF_FLAT", 1))(t)
	must(table.AddColumns(map[string]string{"twice": "id * 2"}))(t)
	must(table.AddNullColumns(arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)))(t)
	must(table.AlterColumn("twice", lanceref.Alteration{Name: "double", Type: arrow.PrimitiveTypes.Int32}))(t)
	value := "1"
	must(table.UpdateConfig(map[string]*string{"k": &value}))(t)
	must(table.Compact(lanceref.CompactOptions{TargetRowsPerFragment: 1000}))(t)
	must(table.OptimizeIndices())(t)
	must(table.DropColumns("double", "n"))(t)
	expect(t, "indices", len(must(table.Indices())(t)), 2)
	expect(t, "config", must(table.Info())(t).Config["k"], "1")
	expect(t, "rows", must(table.Count(""))(t), 7)
	if err := table.At(1).Tag("first"); err != nil {
		t.Fatal(err)
	}
	must(table.At(1).Restore())(t)
	expect(t, "rows after the restore", must(table.Count(""))(t), 3)
	must(table.Overwrite(lanceref.WriteOptions{}, people, more))(t)
	expect(t, "rows after the overwrite", must(table.Count(""))(t), 2)
}

func TestCleanup(t *testing.T) {
	table, rec := newTable(t)
	must(table.Append(people, rec))(t)
	must(table.Append(people, rec))(t)
	expect(t, "removed", must(table.CleanupOldVersions(-time.Minute, lanceref.DeleteUnverified))(t), 2)
	expect(t, "rows", must(table.Count(""))(t), 9)
}

func TestDataFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "t.lance")
	ref := lanceref.Start(t)
	rec := record(t, three)
	must(ref.Table(dir).Create(lanceref.WriteOptions{}, people, rec))(t)
	files := must(filepath.Glob(filepath.Join(dir, "data", "*.lance")))(t)
	read := must(ref.ReadDataFile(files[0]))(t)
	defer read.Release()
	expect(t, "rows", read.NumRows(), 3)
	if err := ref.CompareDataFile(files[0], people, rec); err != nil {
		t.Fatal(err)
	}
}

func TestErrors(t *testing.T) {
	ref := lanceref.Start(t)
	_, err := ref.Table(filepath.Join(t.TempDir(), "absent.lance")).Count("")
	if e := new(lanceref.Error); !errors.As(err, &e) || e.Kind != "ValueError" || !strings.Contains(e.Trace, "count") {
		t.Fatalf("got %v, want a ValueError with its traceback", err)
	}
	var sum int
	if err := ref.Eval(`print("noise"); result = sum(args)`, []int{1, 2, 3}, &sum); err != nil || sum != 6 {
		t.Fatalf("got %d, %v, want 6", sum, err)
	}
	if v := must(ref.Versions())(t); !strings.HasPrefix(v, "pylance 14.0.2") {
		t.Fatalf("got %s, want the pinned pylance", v)
	}
}

func TestDeadChildIsReplaced(t *testing.T) {
	err := lanceref.Start(t).Eval(`import os, sys; print("last words", file=sys.stderr, flush=True); os._exit(3)`, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "last words") {
		t.Fatalf("got %v, want the child's last words", err)
	}
	must(lanceref.Start(t).Versions())(t)
}

func TestMissingPython(t *testing.T) {
	t.Setenv("PST_VENV", filepath.Join(t.TempDir(), "none"))
	t.Setenv("CI", "")
	t.Run("skips", func(t *testing.T) {
		t.Cleanup(func() {
			if !t.Skipped() {
				t.Error("the test went on without a reference")
			}
		})
		lanceref.Start(t)
	})
	if _, err := os.Stat(os.Getenv("PST_VENV")); !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
}
