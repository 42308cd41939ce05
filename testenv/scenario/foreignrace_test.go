package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// The reference deletes, updates, merges, indexes, compacts and tags while workers
// commit all the time. Both get through. Of our rows those are gone that were deleted,
// foreign ones are as they were made, and every version can be read.
func TestForeignWritersRace(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.durable("t", ackWait)
	const before, rounds = 500, 2 // rows that the reference works on, and how often
	row := func(i int) string { return fmt.Sprintf(`{"n":%d,"tag":"ours"}`, i) }
	schema, theirs := oneColumn(t, -1, -2, -3)
	defer theirs.Release()
	ref := r.table("t")
	if _, err := ref.Create(lanceref.WriteOptions{}, schema, theirs); err != nil {
		t.Fatal(err)
	}
	r.publishAll("t", before, row)
	r.writeAll()
	var conflicts atomic.Int64
	change := func(c *bridge.Config) {
		c.BatchRows, c.FlushInterval = 100, 50*time.Millisecond
		c.Events.Conflict = func(string, uint64) { conflicts.Add(1) }
	}
	x, y := r.bridge(change), r.bridge(change)
	published, enough := make(chan int, 1), make(chan struct{})
	halt := sync.OnceFunc(func() { close(enough) })
	t.Cleanup(halt)
	go func() {
		n := before
		defer func() { published <- n }()
		for {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
			_, err := natsenv.Publish(ctx, r.js, "persisting.t", "", 20, func(i int) []byte { return []byte(row(n + i)) })
			cancel()
			if err != nil {
				t.Error(err)
				return
			}
			n += 20
			select {
			case <-enough:
				return
			case <-time.After(50 * time.Millisecond): // so many that the reference wins now and then
			}
		}
	}()
	refused := 0
	do := func(what string, act func() error) {
		t.Helper()
		var err error
		for range 30 { // one that lost its race begins again, as its caller would
			if err = act(); err == nil {
				return
			}
			refused++
		}
		t.Fatalf("%s: %v", what, err)
	}
	versioned := func(_ uint64, err error) error { return err }
	for k := range rounds {
		do("append", func() error { return versioned(ref.Append(schema, theirs)) })
		do("delete", func() error {
			return versioned(ref.Delete(fmt.Sprintf("n >= %d AND n < %d", 10*k, 10*k+10)))
		})
		do("update", func() error {
			return versioned(ref.Update(map[string]string{"tag": "'theirs'"}, fmt.Sprintf("n >= %d AND n < %d", 100+10*k, 110+10*k)))
		})
		do("merge", func() error { return r.merge("t", 200+k, -100-k) })
		do("index", func() error { return versioned(ref.CreateScalarIndex("n", "BTREE")) })
		do("compact", func() error { return versioned(ref.Compact(lanceref.CompactOptions{})) })
		do("tag", func() error { return ref.Tag(fmt.Sprintf("tag%d", k)) })
	}
	eventually(t, "a commit of ours lost a race", func() bool {
		v := fmt.Sprint(refused)
		do("config", func() error { return versioned(ref.UpdateConfig(map[string]*string{"theirs": &v})) })
		return conflicts.Load() > 0
	})
	halt()
	n := <-published
	r.awaitAcked("pst-bridge-t")
	x.drain()
	y.drain()
	if err := ref.Validate(); err != nil {
		t.Error(err)
	}
	for filter, count := range map[string]int{
		"_nats_seq IS NOT NULL AND n >= 500":                      n - before,
		"n >= 0 AND n < 500":                                      before - 10*rounds,
		"n >= 0 AND n < 100":                                      100 - 10*rounds,
		"tag = 'theirs' AND n >= 0":                               10 * rounds,
		"tag = 'merged' AND n >= 0":                               rounds,
		"tag = 'merged' AND n < 0":                                rounds,
		"_nats_seq IS NULL AND n IN (-1, -2, -3) AND tag IS NULL": 3 + 3*rounds,
	} {
		if got, err := ref.Count(filter); err != nil || got != uint64(count) { //nolint:gosec // not negative
			t.Errorf("%s: %d rows, want %d, %v", filter, got, count, err)
		}
	}
	var distinct int
	if err := lanceref.Start(t).Eval(`
ds = lance.dataset(args["uri"])
for v in ds.versions():
    lance.dataset(args["uri"], version=v["version"]).count_rows()
result = len(set(ds.to_table(columns=["n"], filter="n >= 0")["n"].to_pylist()))`,
		map[string]string{"uri": ref.Dir()}, &distinct); err != nil || distinct != n-10*rounds {
		t.Errorf("%d different rows, want %d, %v", distinct, n-10*rounds, err)
	}
	t.Logf("%d rows, %d conflicts of ours, %d tries of theirs lost their race", n, conflicts.Load(), refused)
}

// merge updates one row of a table and inserts another, by their column n, in one commit
// of the reference.
func (r *rig) merge(topic string, update, insert int) error {
	return lanceref.Start(r.t).Eval(`
ds = lance.dataset(args["uri"])
rows = ds.to_table(filter=f"n = {args['update']}").to_pylist()
for row in rows:
    row["tag"] = "merged"
rows.append({"n": args["insert"], "tag": "merged"})
ds.merge_insert("n").when_matched_update_all().when_not_matched_insert_all().execute(pa.Table.from_pylist(rows, schema=ds.schema))`,
		map[string]any{"uri": r.table(topic).Dir(), "update": update, "insert": insert}, nil)
}

// The reference changes columns while a batch is staged, or about to be put: it is
// planned anew for what the table is then.
func TestColumnsChangeUnderAHeldBatch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*lanceref.Table) (uint64, error)
		rows   []string // of the columns n and s: one from before, the held one and one after it
		dead   int
	}{
		"column added": {func(ref *lanceref.Table) (uint64, error) {
			return ref.AddColumns(map[string]string{"twice": "n * 2"})
		}, []string{`[1,"a"]`, `[2,"b"]`, `[3,"c"]`}, 0},
		"column dropped": {func(ref *lanceref.Table) (uint64, error) {
			return ref.DropColumns("s")
		}, []string{`[1,null]`, `[2,"b"]`, `[3,"c"]`}, 0},
		"column renamed": {func(ref *lanceref.Table) (uint64, error) {
			return ref.AlterColumn("s", lanceref.Alteration{Name: "other"})
		}, []string{`[1,null]`, `[2,"b"]`, `[3,"c"]`}, 0},
		"type that takes the values": {func(ref *lanceref.Table) (uint64, error) {
			return ref.AlterColumn("n", lanceref.Alteration{Type: arrow.PrimitiveTypes.Int32})
		}, []string{`[1,"a"]`, `[2,"b"]`, `[3,"c"]`}, 0},
		"type that does not": {func(ref *lanceref.Table) (uint64, error) {
			if v, err := ref.DropColumns("s"); err != nil {
				return v, err
			}
			return ref.AddColumns(map[string]string{"s": "n * 2"})
		}, []string{`[1,2]`}, 2},
	} {
		for _, moment := range []bridge.Moment{bridge.MomentStaged, bridge.MomentBeforePut} {
			t.Run(name+", "+string(moment), func(t *testing.T) {
				r, x, goOn := heldAt(t, moment)
				if _, err := c.change(r.table("t")); err != nil {
					t.Fatal(err)
				}
				goOn()
				r.send("t", `{"n":3,"s":"c"}`)
				r.awaitAcked("pst-bridge-t")
				x.drain()
				want(t, r.rows("t", "n", "s"), c.rows...)
				if dead := r.deadLetters("t"); len(dead) != c.dead {
					t.Errorf("dead letters %v, want %d", dead, c.dead)
				}
				if err := r.table("t").Validate(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A clean-up of the reference takes the data file of a batch that is staged and not
// committed: it is written again.
func TestStagedFileIsCleanedUp(t *testing.T) {
	t.Parallel()
	r, x, goOn := heldAt(t, bridge.MomentStaged)
	files := func() int {
		list, err := os.ReadDir(filepath.Join(r.storage, "t.lance", "data"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if n := files(); n != 2 {
		t.Fatalf("%d data files: the batch is not staged", n)
	}
	if _, err := r.table("t").CleanupOldVersions(0, lanceref.DeleteUnverified); err != nil {
		t.Fatal(err)
	}
	if n := files(); n != 1 {
		t.Fatalf("%d data files: the clean-up left the staged one", n)
	}
	goOn()
	r.awaitRows("t", 2)
	r.awaitAcked("pst-bridge-t")
	x.drain()
	want(t, r.rows("t", "n", "s"), `[1,"a"]`, `[2,"b"]`)
	if err := r.table("t").Validate(); err != nil {
		t.Error(err)
	}
}

// heldAt is a worker that wrote one row, {"n":1,"s":"a"}, and holds the next one,
// {"n":2,"s":"b"}, at a moment.
func heldAt(t *testing.T, at bridge.Moment) (r *rig, x *running, goOn func()) {
	t.Helper()
	r = newRig(t)
	r.send("t", `{"n":1,"s":"a"}`)
	r.writeAll()
	there, release := make(chan struct{}), make(chan struct{})
	goOn = sync.OnceFunc(func() { close(release) })
	tell := sync.OnceFunc(func() { close(there) })
	x = r.bridge(func(c *bridge.Config) {
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == at {
				tell()
				<-release
			}
		}
	})
	t.Cleanup(goOn)
	r.send("t", `{"n":2,"s":"b"}`)
	select {
	case <-there:
	case <-time.After(patience):
		t.Fatalf("the worker does not reach %s", at)
	}
	return r, x, goOn
}
