package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// newObserver makes an observer whose log goes nowhere.
func newObserver() *observer {
	return &observer{m: newMetrics(build{Version: "v", Revision: "r"}), log: slog.New(slog.DiscardHandler)}
}

// feed sends one of each event for a topic.
func feed(e bridge.Events, topic string) {
	e.State(topic, bridge.TopicState{Phase: bridge.PhaseRunning})
	e.Fetched(topic, bridge.Fetched{Messages: 10, Bytes: 1000, Redelivered: 2})
	e.Buffered(topic, 7)
	e.Committed(topic, bridge.Committed{
		Version: 3, Rows: 6, Messages: 9, Duplicates: 2, Bytes: 512, Flush: 20 * time.Millisecond,
		Oldest: time.Now().Add(-time.Minute), NewColumns: []string{"a"}, LedgerBytes: 99, LedgerRuns: 4, SteppedOver: 1,
	})
	e.Conflict(topic, 3)
	e.Acked(topic, 8, nil)
	e.Acked(topic, 0, errors.New("gone"))
	e.DeadLettered(topic, bridge.DeadLettered{Seq: 5, Class: "parse", Reason: "no object"})
	e.DeadLettered(topic, bridge.DeadLettered{Seq: 6, Class: "parse", Err: errors.New("refused")})
	e.Lag(topic, bridge.Lag{Pending: 1, AckPending: 2, WALBytes: 4096})
}

func TestMetricsFollowEvents(t *testing.T) {
	o := newObserver()
	feed(o.events(), "t")
	const want = `
# HELP persisting_records_total Rows that this process committed to the table.
# TYPE persisting_records_total counter
persisting_records_total{topic="t"} 6
# HELP persisting_buffer_size Rows received by this process and not yet committed.
# TYPE persisting_buffer_size gauge
persisting_buffer_size{topic="t"} 7
# HELP persisting_wal_size_bytes The topic's share of the stream's bytes: all of them times its messages over all messages.
# TYPE persisting_wal_size_bytes gauge
persisting_wal_size_bytes{topic="t"} 4096
# HELP persisting_duplicates_dropped_total Messages delivered here whose rows the table held already.
# TYPE persisting_duplicates_dropped_total counter
persisting_duplicates_dropped_total{topic="t"} 2
# HELP persisting_commit_conflicts_total Commits that lost the race for a table version and were planned again.
# TYPE persisting_commit_conflicts_total counter
persisting_commit_conflicts_total{topic="t"} 1
# HELP persisting_written_bytes_total Bytes of data files that this process committed.
# TYPE persisting_written_bytes_total counter
persisting_written_bytes_total{topic="t"} 512
# HELP persisting_messages_received_total Messages delivered to this process, redeliveries included.
# TYPE persisting_messages_received_total counter
persisting_messages_received_total{topic="t"} 10
# HELP persisting_redelivered_total Messages delivered to this process that had been delivered before.
# TYPE persisting_redelivered_total counter
persisting_redelivered_total{topic="t"} 2
# HELP persisting_acks_total Messages acknowledged (result ok), and failures to acknowledge (result error).
# TYPE persisting_acks_total counter
persisting_acks_total{result="error",topic="t"} 1
persisting_acks_total{result="ok",topic="t"} 8
# HELP persisting_ledger_bytes Size of the topic's ledger in the table's manifest.
# TYPE persisting_ledger_bytes gauge
persisting_ledger_bytes{topic="t"} 99
# HELP persisting_ledger_runs Runs of stream sequences in the topic's ledger above its floor.
# TYPE persisting_ledger_runs gauge
persisting_ledger_runs{topic="t"} 4
`
	var names []string
	for line := range strings.Lines(want) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			names = append(names, strings.Fields(name)[0])
		}
	}
	if err := testutil.GatherAndCompare(o.m.registry, strings.NewReader(want), names...); err != nil {
		t.Error(err)
	}
	if got := testutil.ToFloat64(o.m.deadLetters.WithLabelValues("t", "parse")); got != 1 {
		t.Errorf("dead letters %v, want 1: one was not published", got)
	}
	if got := testutil.ToFloat64(o.m.freshness.WithLabelValues("t")); got < 60 || got > 120 {
		t.Errorf("freshness %v s, want about 60", got)
	}
	if n := testutil.CollectAndCount(o.m.flushes, "persisting_flush_duration_seconds"); n != 1 {
		t.Errorf("%d flush histograms", n)
	}
}

func TestCountersStartAtZero(t *testing.T) {
	o := newObserver()
	o.events().State("t", bridge.TopicState{Phase: bridge.PhaseStarting})
	for _, name := range []string{
		"persisting_records_total", "persisting_duplicates_dropped_total", "persisting_commit_conflicts_total",
		"persisting_written_bytes_total", "persisting_messages_received_total", "persisting_redelivered_total",
		"persisting_flush_duration_seconds", "persisting_buffer_size",
	} {
		if n, err := testutil.GatherAndCount(o.m.registry, name); err != nil || n != 1 {
			t.Errorf("%s has %d series (%v) before anything happened, want 1", name, n, err)
		}
	}
	if n, err := testutil.GatherAndCount(o.m.registry, "persisting_dead_letters_total"); err != nil || n != len(deadLetterClasses()) {
		t.Errorf("%d series of dead letters (%v)", n, err)
	}
}

func TestStoppedTopicIsOneSeriesUntilItRuns(t *testing.T) {
	o := newObserver()
	e := o.events()
	e.State("t", bridge.TopicState{Phase: bridge.PhaseStopped, Reason: "table_missing", Err: errors.New("x")})
	e.State("t", bridge.TopicState{Phase: bridge.PhaseStopped, Reason: "rolled_back", Err: errors.New("x")})
	const want = `
# HELP persisting_topic_stopped 1 while the topic is stopped by a contradiction that an operator has to resolve.
# TYPE persisting_topic_stopped gauge
persisting_topic_stopped{reason="rolled_back",topic="t"} 1
`
	if err := testutil.GatherAndCompare(o.m.registry, strings.NewReader(want), "persisting_topic_stopped"); err != nil {
		t.Error(err)
	}
	e.State("t", bridge.TopicState{Phase: bridge.PhaseRunning})
	if n, err := testutil.GatherAndCount(o.m.registry, "persisting_topic_stopped"); err != nil || n != 0 {
		t.Errorf("%d series (%v) for a running topic", n, err)
	}
}

func TestTopicLabelsAreBounded(t *testing.T) {
	o := newObserver()
	e := o.events()
	for i := range maxTopicLabels + 50 {
		e.Conflict(fmt.Sprintf("t%d", i), 1)
	}
	if n, err := testutil.GatherAndCount(o.m.registry, "persisting_commit_conflicts_total"); err != nil || n != maxTopicLabels+1 {
		t.Errorf("%d series (%v), want %d", n, err, maxTopicLabels+1)
	}
	if got := testutil.ToFloat64(o.m.conflicts.WithLabelValues(otherTopics)); got != 50 {
		t.Errorf("%v conflicts of other topics, want 50", got)
	}
}

func TestMetricsPassPromlint(t *testing.T) {
	o := newObserver()
	feed(o.events(), "t")
	o.events().State("t", bridge.TopicState{Phase: bridge.PhaseStopped, Reason: "x"})
	problems, err := testutil.GatherAndLint(o.m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestOperationsDocListsEverything compares docs/operations.md with the code, both ways.
func TestOperationsDocListsEverything(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	o := newObserver()
	feed(o.events(), "t")
	o.events().State("t", bridge.TopicState{Phase: bridge.PhaseStopped, Reason: "x"})
	families, err := o.m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, "persisting_") {
			known[name] = true
			if !strings.Contains(doc, "`"+name+"`") {
				t.Errorf("docs/operations.md does not list the metric %s", name)
			}
		}
	}
	for _, name := range regexp.MustCompile("`(persisting_[a-z_]+)`").FindAllStringSubmatch(doc, -1) {
		if !known[name[1]] {
			t.Errorf("docs/operations.md lists %s, which is no metric", name[1])
		}
	}
	checkFlags(t, doc)
}

// checkFlags compares the flags and environment variables that doc lists with those
// of the parser.
func checkFlags(t *testing.T, doc string) {
	t.Helper()
	parser, err := newParser(t.Context(), &cli{}, &streams{out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	flags, envs := map[string]bool{}, map[string]bool{failpointEnv: true}
	var visit func(n *kong.Node)
	visit = func(n *kong.Node) {
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			flags[f.Name] = true
			if !regexp.MustCompile("`--" + regexp.QuoteMeta(f.Name) + "[`=]").MatchString(doc) {
				t.Errorf("docs/operations.md does not list --%s", f.Name)
			}
			for _, env := range f.Envs {
				envs[env] = true
				if !strings.Contains(doc, "`"+env+"`") {
					t.Errorf("docs/operations.md does not list %s of --%s", env, f.Name)
				}
			}
		}
		for _, c := range n.Children {
			visit(c)
		}
	}
	visit(parser.Model.Node)
	for _, m := range regexp.MustCompile("`--([a-z-]+)").FindAllStringSubmatch(doc, -1) {
		if !flags[m[1]] {
			t.Errorf("docs/operations.md lists --%s, which is no flag", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`((?:PST|NATS)_[A-Z_]+)`").FindAllStringSubmatch(doc, -1) {
		if !envs[m[1]] {
			t.Errorf("docs/operations.md lists %s, which nothing reads", m[1])
		}
	}
}

// failpointEnv is read only by binaries built for the fault tests.
const failpointEnv = "PST_FP"
