package scenario

import (
	"fmt"
	"testing"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// The reference makes a branch of the table while a batch is about to be put, and writes
// to it while we write to the table: neither side sees the other's rows and columns, and
// both can be read at every version.
func TestBranchOfTheTable(t *testing.T) {
	t.Parallel()
	r, x, goOn := heldAt(t, bridge.MomentBeforePut)
	ref := lanceref.Start(t)
	branch := func(code string) {
		t.Helper()
		if err := ref.Eval("ds = lance.dataset(args['uri'])\n"+code, map[string]string{"uri": r.table("t").Dir()}, nil); err != nil {
			t.Fatal(err)
		}
	}
	branch(`side = ds.create_branch("side")`)
	write := func(n int) {
		t.Helper()
		branch(fmt.Sprintf(`side = ds.checkout_version(("side", None))
row = {"_nats_seq": 0, "_nats_time": 0, "n": %d}
lance.write_dataset(pa.Table.from_pylist([row], schema=side.schema), side, mode="append")`, -n))
	}
	for n := 1; n <= 3; n++ { // the branch is ahead of the table
		write(n)
	}
	goOn()
	r.awaitRows("t", 2)
	branch(`ds.checkout_version(("side", None)).add_columns({"theirs": "n * 2"})`)
	rows := []string{`[1,"a"]`, `[2,"b"]`}
	for n := 3; n <= 8; n++ {
		r.send("t", fmt.Sprintf(`{"n":%d,"s":"x","new%d":1}`, n, n))
		write(n + 1)
		rows = append(rows, fmt.Sprintf(`[%d,"x"]`, n))
		r.awaitRows("t", uint64(len(rows)))
	}
	branch(`ds.checkout_version(("side", None)).delete("n = 1")`)
	r.awaitAcked("pst-bridge-t")
	x.drain()
	want(t, r.rows("t", "n", "s"), rows...)
	if err := r.table("t").Validate(); err != nil {
		t.Error(err)
	}
	var side struct {
		N       []int
		Columns []string
	}
	err := ref.Eval(`
side = lance.dataset(args["uri"]).checkout_version(("side", None))
side.validate()
for v in side.versions():
    side.checkout_version(("side", v["version"])).count_rows()
for v in lance.dataset(args["uri"]).versions():
    lance.dataset(args["uri"], version=v["version"]).count_rows()
result = {"n": sorted(side.to_table(columns=["n"])["n"].to_pylist()), "columns": [f.name for f in side.schema]}`,
		map[string]string{"uri": r.table("t").Dir()}, &side)
	if err != nil || fmt.Sprint(side) != "{[-9 -8 -7 -6 -5 -4 -3 -2 -1] [_nats_seq _nats_time n s theirs]}" {
		t.Errorf("the branch has %v, %v", side, err)
	}
}
