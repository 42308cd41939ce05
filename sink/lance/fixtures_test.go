package lance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// fixtures are tables written by named versions of the reference; dump/testdata
// has the script that wrote them.
func fixtures(t *testing.T, name string) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join("dump", "testdata", "pylance-*", name+".lance"))
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%d fixtures: %v", len(dirs), err)
	}
	return dirs
}

func openFixture(t *testing.T, dir string) *lance.Dataset {
	t.Helper()
	store, err := localfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := lance.Open(store, lance.Options{}).Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fixtureRow is a row of the fixtures as text, by its number.
func fixtureRow(i int) string {
	word := []string{`"to"`, `"be"`, `"or"`}[i%3]
	if i%7 == 0 {
		word = array.NullValueStr
	}
	tags := "[" + strings.Trim("0,1,2"[:max(0, i%4*2-1)], ",") + "]"
	if i%5 == 0 {
		tags = array.NullValueStr
	}
	return fmt.Sprintf(`%d|text number %d of some|%s|%s|%v|{"x":%d,"y":"%s"}`, i, i, strings.Trim(word, `"`), tags, float32(i)/3, i, strings.Repeat("y", i%3))
}

// requireTexts compares rows as text, column by column.
func requireTexts(t *testing.T, rec arrow.Record, want func(row int) string) {
	t.Helper()
	for row := range int(rec.NumRows()) {
		var values []string
		for _, c := range rec.Columns() {
			values = append(values, c.ValueStr(row))
		}
		if got := strings.Join(values, "|"); got != want(row) {
			t.Fatalf("row %d is %s, want %s", row, got, want(row))
		}
	}
}

// Tables of every version of the reference that is kept here are read, whole and
// by row.
func TestFixturesAreRead(t *testing.T) {
	for _, dir := range fixtures(t, "v2_?") {
		t.Run(dir, func(t *testing.T) {
			d := openFixture(t, dir)
			rows := 0
			for rec, err := range d.Scan(t.Context(), lance.ScanOptions{BatchRows: 64}) {
				if err != nil {
					t.Fatal(err)
				}
				requireTexts(t, rec, func(row int) string { return fixtureRow(rows + row) })
				rows += int(rec.NumRows())
				rec.Release()
			}
			if rows != 200 {
				t.Errorf("%d rows", rows)
			}
			taken := []uint64{199, 35, 36, 0}
			rec, err := d.Take(t.Context(), taken)
			if err != nil {
				t.Fatal(err)
			}
			defer rec.Release()
			requireTexts(t, rec, func(row int) string { return fixtureRow(int(taken[row])) })
		})
	}
}

// So are tables with several fragments, deleted rows and a column added.
func TestChangedFixturesAreRead(t *testing.T) {
	for _, dir := range fixtures(t, "changed") {
		t.Run(dir, func(t *testing.T) {
			d := openFixture(t, dir)
			if n, err := d.CountRows(t.Context()); err != nil || n != 108 {
				t.Errorf("%d rows, %v", n, err)
			}
			next := 0
			for rec, err := range d.Scan(t.Context(), lance.ScanOptions{Columns: []string{"id", "double"}}) {
				if err != nil {
					t.Fatal(err)
				}
				requireTexts(t, rec, func(int) string {
					for next%10 == 3 {
						next++
					}
					next++
					return fmt.Sprintf("%d|%d", next-1, 2*(next-1))
				})
				rec.Release()
			}
			if next != 120 {
				t.Errorf("the last row is %d", next-1)
			}
		})
	}
}

// And tables of a file version that we write grow by an append of ours.
func TestFixturesGrow(t *testing.T) {
	for _, dir := range fixtures(t, "v2_[12]") {
		t.Run(dir, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "x.lance")
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			store, err := localfs.Open(to)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			table := lance.Open(store, lance.Options{})
			d, err := table.Latest(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if d, err = table.Append(t.Context(), d.Scan(t.Context(), lance.ScanOptions{})); err != nil {
				t.Fatal(err)
			}
			rows := 0
			for rec, err := range d.Scan(t.Context(), lance.ScanOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				requireTexts(t, rec, func(row int) string { return fixtureRow((rows + row) % 200) })
				rows += int(rec.NumRows())
				rec.Release()
			}
			if rows != 400 {
				t.Errorf("%d rows", rows)
			}
		})
	}
}
