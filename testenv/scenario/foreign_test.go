package scenario

import (
	"fmt"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// The reference changes the table between our commits in every way that keeps rows,
// and removes some on purpose; the bridge goes on, and every row is right.
func TestForeignWritersWorkBesideUs(t *testing.T) {
	workBesideForeignWriters(t, lanceref.WriteOptions{DataStorageVersion: "2.1"}, "2.1")
}

// The same with a table that the reference made without being told how: it has the
// file version that the reference takes by default, and keeps it.
func TestDefaultTableOfTheReferenceIsAdopted(t *testing.T) {
	workBesideForeignWriters(t, lanceref.WriteOptions{}, "2.2")
}

func workBesideForeignWriters(t *testing.T, o lanceref.WriteOptions, version string) {
	r := newRig(t)
	next := 0
	model := map[int]bool{} // rows of ours that must be there
	write := func() {
		t.Helper()
		for range 30 {
			r.send("t", fmt.Sprintf(`{"n":%d,"embedding":[%d,1,2,3],"tag":"x%d"}`, next, next, next%3))
			model[next] = true
			next++
		}
		r.writeAll()
	}
	foreign := uint64(0)
	check := func(what string) {
		t.Helper()
		ref := r.table("t")
		if err := ref.Validate(); err != nil {
			t.Fatalf("after %s: %v", what, err)
		}
		if n, err := ref.Count("_nats_seq IS NULL"); err != nil || n != foreign {
			t.Fatalf("after %s: %d foreign rows, want %d; %v", what, n, foreign, err)
		}
		if n, err := ref.Count("_nats_seq IS NOT NULL"); err != nil || n != uint64(len(model)) {
			t.Fatalf("after %s: %d rows of ours, want %d; %v", what, n, len(model), err)
		}
		for n := range model {
			if got, err := ref.Count(fmt.Sprintf("n = %d AND tag = 'x%d'", n, n%3)); err != nil || got != 1 {
				t.Fatalf("after %s: row %d is there %d times; %v", what, n, got, err)
			}
		}
	}
	step := func(what string, _ uint64, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		check(what)
		write()
		check("going on after " + what)
	}
	// A table that the reference made; the bridge adopts it.
	schema, rec := oneColumn(t, -1, -2)
	defer rec.Release()
	ref := r.table("t")
	if _, err := ref.Create(o, schema, rec); err != nil {
		t.Fatal(err)
	}
	foreign = 2
	write()
	check("adopting")

	v, err := ref.Append(schema, rec)
	foreign += 2
	step("append", v, err)
	v, err = ref.CreateScalarIndex("n", "BTREE")
	step("index", v, err)
	v, err = ref.Compact(lanceref.CompactOptions{})
	step("compact", v, err)
	v, err = ref.Delete("n >= 5 AND n < 15")
	for n := 5; n < 15; n++ {
		delete(model, n)
	}
	step("delete", v, err)
	v, err = ref.Update(map[string]string{"tag": "'x0'"}, "n = 3")
	step("update", v, err)
	v, err = ref.AddColumns(map[string]string{"double_n": "n * 2"})
	step("add column", v, err)
	v, err = ref.DropColumns("double_n")
	step("drop column", v, err)
	v, err = ref.Compact(lanceref.CompactOptions{})
	step("compact again", v, err)
	v, err = ref.OptimizeIndices()
	step("optimize indices", v, err)
	if err := ref.Tag("kept"); err != nil {
		t.Fatal(err)
	}
	v, err = ref.CleanupOldVersions(time.Nanosecond, lanceref.KeepUnverified)
	step("clean-up", v, err)
	info, err := ref.Info()
	if err != nil || info.FileVersion != version {
		t.Errorf("file version %q, want %q; %v", info.FileVersion, version, err)
	}
}
