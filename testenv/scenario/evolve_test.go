package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// publishAll publishes what payload makes of 0 to n-1.
func (r *rig) publishAll(topic string, n int, payload func(i int) string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	if _, err := natsenv.Publish(ctx, r.js, "persisting."+topic, "", n, func(i int) []byte { return []byte(payload(i)) }); err != nil {
		r.t.Fatal(err)
	}
}

// Producers of an old and a new shape, message by message, make as many fragments as
// producers of one: with new fields, with wider values, and at the flip from one to
// the other.
func TestTwoShapesMakeNoMoreFiles(t *testing.T) {
	r := newRig(t)
	const batch = 500
	change := func(c *bridge.Config) { c.BatchRows, c.FlushInterval = batch, time.Hour }
	for topic, shapes := range map[string][2]string{
		"one":   {`{"n":%d,"o":{"x":1},"d":1}`, `{"n":%d,"o":{"x":2},"d":2}`},
		"field": {`{"n":%d,"o":{"x":1},"d":1}`, `{"n":%d,"o":{"x":2,"y":"new"},"d":2,"e":[{"z":1}]}`},
		"wider": {`{"n":%d,"o":{"x":1},"d":1}`, `{"n":%d.5,"o":{"x":2.5},"d":2}`},
	} {
		r.publishAll(topic, batch, func(i int) string { return fmt.Sprintf(shapes[0], i) })
		r.writeAll(change)
		r.publishAll(topic, 4*batch, func(i int) string { return fmt.Sprintf(shapes[i%2], i) })
		r.writeAll(change)
		list, err := r.table(topic).Fragments()
		if err != nil || len(list) != 5 {
			t.Errorf("%s: %d fragments, want 5; %v", topic, len(list), err)
		}
		for _, f := range list {
			if f.Rows != batch {
				t.Errorf("%s: a fragment of %d rows", topic, f.Rows)
			}
		}
	}
}

// A worker is killed while it rewrites a column: its lease stays, ends, and another
// worker does the work. Every message is there once.
func TestKilledWhileRewriting(t *testing.T) {
	t.Setenv("PST_LEASE", "1s")
	r := newRig(t)
	r.durable("t", ackWait)
	const rows = 1500
	r.publishAll("t", rows, func(i int) string { return fmt.Sprintf(`{"n":%d}`, i) })
	r.once("--batch-size", "250")
	r.publishAll("t", rows, func(i int) string { return fmt.Sprintf(`{"n":%d.5}`, i) })
	p := r.worker("rewriting=kill@3", "--batch-size", "250")
	if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
		t.Fatalf("%+v\n%s", exit, p.Stderr())
	}
	info, err := r.table("t").Info()
	if err != nil || !strings.Contains(info.Config["pst.lease"], "column n from int64 to float64") {
		t.Errorf("the lease is %q, %v", info.Config["pst.lease"], err)
	}
	var workers []*runner.Process
	for range 2 {
		workers = append(workers, r.worker("", "--batch-size", "250"))
	}
	r.awaitAcked("pst-bridge-t")
	widened := 0
	for _, p := range workers {
		p.Terminate()
		if exit := p.Wait(patience); exit.Code != 0 {
			t.Errorf("%+v\n%s", exit, p.Stderr())
		}
		widened += strings.Count(p.Stderr().String(), "columns widened")
	}
	if widened != 1 {
		t.Errorf("columns were widened %d times", widened)
	}
	var expect []string
	for i := range 2 * rows {
		if i < rows {
			expect = append(expect, fmt.Sprintf("[%d]", i))
		} else {
			expect = append(expect, fmt.Sprintf("[%d.5]", i-rows))
		}
	}
	if got := r.rows("t", "n"); !slices.Equal(got, expect) {
		t.Errorf("%d rows, or other values than published", len(got))
	}
	requireTypes(t, r.table("t"), map[string]string{"n": "double"})
	if info, err = r.table("t").Info(); err != nil || info.Config["pst.lease"] != "" {
		t.Errorf("the lease is still there: %q, %v", info.Config["pst.lease"], err)
	}
}

// Four workers, each with different new fields and wider values all the time, foreign
// columns and compaction beside them: every message is there once, and the schema is
// the union.
func TestEvolutionRaces(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	r.publishAll("t", 100, func(i int) string { return fmt.Sprintf(`{"i":%d,"w0":%d,"o":{"x":0}}`, i, i) })
	r.once()
	const messages, shapes = 2000, 20
	payload := func(i int) string {
		k := i * shapes / messages
		w := fmt.Sprint(i)
		if i%100 > 50 {
			w += ".5" // each of the columns w becomes float64 once
		}
		return fmt.Sprintf(`{"i":%d,"a%d":%d,"o":{"x":%d,"m%d":"%d"},"l":[{"p%d":%d},null],"w%d":%s}`, i, (i+7)%shapes, i, i, i%shapes, i, k, i, k/5, w)
	}
	var workers []*runner.Process
	for range 4 {
		workers = append(workers, r.worker("", "--batch-size", "40", "--flush-interval", "50ms"))
	}
	var columns, compactions atomic.Int64
	beside := make(chan struct{})
	go func() { // conflicts are theirs to try again
		defer close(beside)
		table := r.table("t")
		for n := range 20 {
			if _, err := table.AddColumns(map[string]string{fmt.Sprintf("theirs%d", n): "i * 2"}); err == nil {
				columns.Add(1)
			}
			if _, err := table.Compact(lanceref.CompactOptions{}); err == nil {
				compactions.Add(1)
			}
		}
	}()
	publish := func(from, to int) {
		r.publishAll("t", to-from, func(i int) string { return payload(from + i) })
	}
	publish(0, messages/2)
	eventually(t, "others changed the table", func() bool { return columns.Load() > 0 && compactions.Load() > 0 })
	publish(messages/2, messages)
	r.awaitAcked("pst-bridge-t")
	<-beside
	c := tally{FailpointHits: map[string]int{}}
	for _, p := range workers {
		p.Terminate()
		if exit := p.Wait(patience); exit.Code != 0 {
			t.Errorf("%+v\n%s", exit, p.Stderr())
		}
		c.add(p)
	}
	t.Logf("%d commits, %d conflicts, foreign: %d columns, %d compactions", c.Commits, c.Conflicts, columns.Load(), compactions.Load())
	if n := len(r.deadLetters("t")); n > 0 {
		t.Errorf("%d dead letters", n)
	}
	ref := r.table("t")
	if err := ref.Validate(); err != nil {
		t.Error(err)
	}
	rows := r.rows("t", "i")
	for i := range 100 + messages {
		if i >= 100 && i < len(rows) && rows[i] != fmt.Sprintf("[%d]", i-100) {
			t.Fatalf("row %d is %s", i, rows[i])
		}
	}
	if len(rows) != 100+messages {
		t.Errorf("%d rows of %d messages", len(rows), 100+messages)
	}
	for k := range shapes {
		filter := fmt.Sprintf("a%d = i AND a%d IS NOT NULL", k, k)
		if n, err := ref.Count(filter); err != nil || n != messages/shapes {
			t.Errorf("%s: %d rows, %v", filter, n, err)
		}
		filter = fmt.Sprintf("o.m%d = cast(i as string)", k)
		if n, err := ref.Count(filter); err != nil || n != messages/shapes {
			t.Errorf("%s: %d rows, %v", filter, n, err)
		}
		filter = fmt.Sprintf("l[1].p%d = i", k)
		if n, err := ref.Count(filter); err != nil || n != messages/shapes {
			t.Errorf("%s: %d rows, %v", filter, n, err)
		}
	}
	for k := range 4 {
		filter := fmt.Sprintf("(w%d = i AND i %% 100 <= 50) OR (w%d = i + 0.5 AND i %% 100 > 50)", k, k)
		n, err := ref.Count(filter)
		want := uint64(messages / 4)
		if k == 0 {
			want += 100 - 49 // of the first hundred, those above 50 are whole
		}
		if err != nil || n != want {
			t.Errorf("%s: %d rows, want %d, %v", filter, n, want, err)
		}
	}
}
