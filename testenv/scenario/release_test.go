package scenario

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// A worker of a later release, which writes another format of the ledger, joins two of
// this one under load. These stop the topic and say so, and acknowledge and write
// nothing more; the later one finishes everything, and what it wrote stays.
func TestWorkersOfTwoReleases(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	args := []string{"run", "--server", r.node.URL(), "--storage", r.storage, "--log-format", "json", "--log-level", "debug", "--http", ""}
	args = append(args, small...)
	start := func(tags ...string) *runner.Process {
		return runner.Start(t, runner.Config{Path: runner.Build(t, runner.Bridge, tags...), Args: args})
	}
	runner.Build(t, runner.Bridge, "nextrelease") // before there is load
	stop, done := make(chan struct{}), make(chan []natsenv.Acked, 1)
	go func() { done <- r.publishUntil(stop, "t", "p") }()
	old := []*runner.Process{start(), start()}
	for _, p := range old {
		p.Stderr().WaitFor(t, patience, `"msg":"committed"`)
	}
	later := start("nextrelease")
	for _, p := range old {
		p.Stderr().WaitFor(t, patience, `"reason":"ledger_newer"`)
	}
	close(stop)
	acked := <-done
	r.awaitAcked("pst-bridge-t")
	later.Terminate()
	if exit := later.Wait(patience); exit.Code != 0 {
		t.Errorf("the later release ended with %+v\n%s", exit, later.Stderr())
	}
	history := map[string][]natsenv.Acked{"p": acked}
	r.exact("t", history)

	r.send("t", `{"n":1}`)
	again := r.worker("", "--once")
	if exit := again.Wait(patience); exit.Code != 1 {
		t.Errorf("this release wrote to a table of a later one: %+v\n%s", exit, again.Stderr())
	}
	if s := r.status("t", 1); s.State != "ledger_newer" || s.Pending != 1 {
		t.Errorf("status %+v", s)
	}
	for _, p := range old {
		p.Terminate()
		p.Wait(patience)
	}
	r.formats("t", 1, 2)
	r.exact("t", history)
}

// publishUntil publishes rows until stop is closed, or the server refuses one. It
// stays a few batches ahead of the workers, so that what is left is soon written.
func (r *rig) publishUntil(stop <-chan struct{}, topic, id string) (acked []natsenv.Acked) {
	const ahead = 3000
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return acked
		case <-tick.C:
		}
		c, err := r.js.Consumer(r.t.Context(), "PERSISTING", "pst-bridge-"+topic)
		if err == nil && int(c.CachedInfo().NumPending)+c.CachedInfo().NumAckPending > ahead { //nolint:gosec // small
			continue
		}
		from := len(acked)
		some, err := natsenv.Publish(r.t.Context(), r.js, "persisting."+topic, "", 500, func(i int) []byte { return payload(id, from+i) })
		for _, a := range some {
			a.Index += from
			acked = append(acked, a)
		}
		if err != nil {
			r.t.Error(err)
			return acked
		}
	}
}

// formats requires that the versions of a table have ledgers of these formats, each
// at least once, and none comes back after the next one.
func (r *rig) formats(topic string, want ...int) {
	r.t.Helper()
	versions, err := r.table(topic).Versions()
	if err != nil {
		r.t.Fatal(err)
	}
	var got []int
	for _, v := range versions {
		info, err := r.table(topic).At(v.Version).Info()
		if err != nil {
			r.t.Fatal(err)
		}
		var entry struct{ Format int }
		if err := json.Unmarshal([]byte(info.Config["pst.ledger.PERSISTING"]), &entry); err != nil {
			r.t.Fatalf("version %d: %v", v.Version, err)
		}
		if len(got) == 0 || got[len(got)-1] != entry.Format {
			got = append(got, entry.Format)
		}
	}
	if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
		r.t.Errorf("formats of the ledger by version: %v, want %v", got, want)
	}
}
