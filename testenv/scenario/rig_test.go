package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(lanceref.Shared(m), natsenv.Leaks()...) }

// patience bounds every wait for something that takes no time when all is well.
const patience = 2 * time.Minute

// ackWait of consumers that tests make: how long a dead worker's messages are held up.
const ackWait = 2 * time.Second

// rig is a server, a storage folder and the binary under test.
type rig struct {
	t        *testing.T
	node     *natsenv.Node    // nil if there is a cluster
	cluster  *natsenv.Cluster // nil if there is a node
	urls     string           // of the servers, separated by commas
	js       jetstream.JetStream
	storage  string
	perTopic bool                     // topics have streams of their own
	alive    map[*runner.Process]bool // workers that a test is to drain
}

func newRig(t *testing.T) *rig { return newRigWith(t, jetstream.WorkQueuePolicy) }

func newRigWith(t *testing.T, retention jetstream.RetentionPolicy, change ...natsenv.Options) *rig {
	t.Helper()
	r := newBareRig(t, change...)
	r.stream(retention)
	return r
}

// newBareRig is a rig without a stream.
func newBareRig(t *testing.T, change ...natsenv.Options) *rig {
	t.Helper()
	node := natsenv.Start(t, change...)
	r := rigOn(t, node.URL())
	r.node = node
	return r
}

// newClusterRig is a rig of three nodes.
func newClusterRig(t *testing.T) *rig {
	t.Helper()
	cluster := natsenv.StartCluster(t)
	r := rigOn(t, cluster.URL())
	r.cluster = cluster
	r.stream(jetstream.WorkQueuePolicy)
	return r
}

func rigOn(t *testing.T, urls string) *rig {
	t.Helper()
	return &rig{
		t: t, urls: urls, js: natsenv.JetStream(t, natsenv.Dial(t, urls)),
		storage: filepath.Join(t.TempDir(), "data"),
		alive:   map[*runner.Process]bool{},
	}
}

// stream makes the stream as the bridge would, with the given retention; that of topic t
// where topics have their own.
func (r *rig) stream(retention jetstream.RetentionPolicy) {
	r.t.Helper()
	subject, replicas := "persisting.>", 1
	if r.perTopic {
		subject = "persisting.t"
	}
	if r.cluster != nil {
		replicas = len(r.cluster.Nodes)
	}
	r.place(jetstream.StreamConfig{
		Name: r.home("t"), Subjects: []string{subject}, Retention: retention, Replicas: replicas,
		Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew, AllowDirect: true,
	})
}

// place makes a stream. The leader of a cluster may take a node for absent for a while
// after the start.
func (r *rig) place(cfg jetstream.StreamConfig) {
	r.t.Helper()
	var err error
	defer func() {
		if err != nil {
			r.t.Log(err)
		}
	}()
	eventually(r.t, "there is stream "+cfg.Name, func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		_, err = r.js.CreateStream(ctx, cfg)
		return err == nil
	})
}

// home is the name of a topic's stream.
func (r *rig) home(topic string) string {
	if r.perTopic {
		return "PERSISTING_" + topic
	}
	return "PERSISTING"
}

// durable makes a topic's consumer as the bridge would, but with a shorter ack wait:
// how long a killed worker's messages are held up.
func (r *rig) durable(topic string, ackWait time.Duration) {
	r.t.Helper()
	_, err := r.js.CreateConsumer(r.t.Context(), r.home(topic), jetstream.ConsumerConfig{
		Durable: "pst-bridge-" + topic, FilterSubject: "persisting." + topic,
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 200_000,
		Metadata: map[string]string{"pst.max_workers": "8", "pst.topic": topic},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// worker starts the bridge; failpoints as in PST_FP, "" for none.
func (r *rig) worker(failpoints string, args ...string) *runner.Process {
	r.t.Helper()
	return runner.Start(r.t, runner.Config{
		Path: runner.Build(r.t, runner.Bridge, "failpoint"),
		Args: append([]string{
			"run", "--server", r.urls, "--storage", r.storage, "--http", "", "--log-format", "json", "--log-level", "debug",
		}, args...),
		Env: []string{"PST_FP=" + failpoints},
	})
}

// once runs the bridge until everything published is written, and requires success.
func (r *rig) once(args ...string) *runner.Process {
	r.t.Helper()
	p := r.worker("", append([]string{"--once"}, args...)...)
	if exit := p.Wait(patience); exit.Code != 0 {
		r.t.Fatalf("run --once exited with %d:\n%s", exit.Code, p.Stderr())
	}
	return p
}

// awaitAcked waits until a consumer has delivered everything and has every ack.
func (r *rig) awaitAcked(consumer string) {
	r.t.Helper()
	r.await(consumer, "everything is acknowledged", func(info *jetstream.ConsumerInfo) bool {
		return info.NumPending == 0 && info.NumAckPending == 0
	})
}

func (r *rig) await(consumer, what string, ok func(*jetstream.ConsumerInfo) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	eventually(r.t, what, func() bool {
		c, err := r.js.Consumer(ctx, r.home(strings.TrimPrefix(consumer, "pst-bridge-")), consumer)
		return err == nil && ok(c.CachedInfo())
	})
}

// payload is the i-th row of a publisher. Everything in it follows from i and id, so
// the check of values needs no second copy.
func payload(id string, i int) []byte {
	name := fmt.Sprintf("%q", fmt.Sprintf("%s row %d", id, i))
	if i%7 == 3 {
		name = "null"
	}
	return fmt.Appendf(nil, `{"publisher":%q,"i":%d,"half":%g,"even":%v,"name":%s,"pos":{"x":%d,"y":%d},"tags":["t%d","\u00e9%d"]}`,
		id, i, float64(i)/2, i%2 == 0, name, i%10, -i, i%3, i)
}

// publish publishes n rows and returns what the server acknowledged.
func (r *rig) publish(topic, id string, n int) []natsenv.Acked {
	r.t.Helper()
	return r.publishFrom(topic, id, 0, n)
}

// publishFrom publishes the rows from..from+n-1.
func (r *rig) publishFrom(topic, id string, from, n int) []natsenv.Acked {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	acked, err := natsenv.Publish(ctx, r.js, "persisting."+topic, fmt.Sprintf("%s-%d", id, from), n,
		func(i int) []byte { return payload(id, from+i) })
	if err != nil {
		r.t.Fatal(err)
	}
	for i := range acked {
		acked[i].Index += from
	}
	return acked
}

// verdict is what a table holds against what was acknowledged to the publishers.
type verdict struct {
	rows, missing, twice, strange, wrong int
	example                              string
}

// exact requires that the reference reads every acknowledged row of a topic once,
// with the values published, and nothing else.
func (r *rig) exact(topic string, history map[string][]natsenv.Acked) verdict {
	r.t.Helper()
	ref := lanceref.Start(r.t).Table(filepath.Join(r.storage, topic+".lance"))
	if err := ref.Validate(); err != nil {
		r.t.Errorf("the reference finds the table invalid: %v", err)
	}
	table, err := ref.Read(lanceref.ReadOptions{Columns: []string{"_nats_seq", "publisher", "i", "half", "even", "name", "pos", "tags"}})
	if err != nil {
		r.t.Fatal(err)
	}
	defer table.Release()
	v := judge(table, history)
	if v.missing+v.twice+v.strange+v.wrong > 0 {
		r.t.Errorf("topic %s: %d rows, %d missing, %d twice, %d never acknowledged, %d with other values; first: %s",
			topic, v.rows, v.missing, v.twice, v.strange, v.wrong, v.example)
	}
	return v
}

func judge(table arrow.Table, history map[string][]natsenv.Acked) (v verdict) {
	type origin struct {
		id string
		i  int
	}
	want := map[uint64]origin{}
	for id, acked := range history {
		for _, a := range acked {
			want[a.Seq] = origin{id, a.Index}
		}
	}
	seen := map[uint64]bool{}
	note := func(count *int, format string, args ...any) {
		if *count++; v.example == "" {
			v.example = fmt.Sprintf(format, args...)
		}
	}
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	for reader.Next() {
		rec := reader.Record()
		column := func(name string) arrow.Array { return rec.Column(rec.Schema().FieldIndices(name)[0]) }
		seqs := column("_nats_seq").(*array.Uint64)
		for row := range int(rec.NumRows()) {
			v.rows++
			seq := seqs.Value(row)
			o, known := want[seq]
			switch {
			case !known:
				note(&v.strange, "sequence %d", seq)
				continue
			case seen[seq]:
				note(&v.twice, "sequence %d", seq)
				continue
			}
			seen[seq] = true
			if got, expect := rowJSON(column, row), payload(o.id, o.i); !sameJSON(got, expect) {
				note(&v.wrong, "sequence %d is %s, published was %s", seq, got, expect)
			}
		}
	}
	for seq, o := range want {
		if !seen[seq] {
			note(&v.missing, "sequence %d (%s %d)", seq, o.id, o.i)
		}
	}
	return v
}

// rowJSON writes one row as JSON.
func rowJSON(column func(string) arrow.Array, row int) []byte {
	out := map[string]any{}
	for _, name := range []string{"publisher", "i", "half", "even", "name", "pos", "tags"} {
		out[name] = column(name).GetOneForMarshal(row)
	}
	text, err := json.Marshal(out)
	if err != nil {
		return []byte(err.Error())
	}
	return text
}

// sameJSON compares two objects by value, numbers as written.
func sameJSON(a, b []byte) bool {
	canonical := func(text []byte) string {
		dec := json.NewDecoder(strings.NewReader(string(text)))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			return err.Error()
		}
		out, _ := json.Marshal(v)
		return string(out)
	}
	return canonical(a) == canonical(b)
}

// tally sums what workers logged.
type tally struct {
	Commits, Rows, Duplicates, Conflicts int
	LedgerBytes, LedgerRuns              int
	FailpointHits                        map[string]int
}

// add reads the log of one worker.
func (c *tally) add(p *runner.Process) {
	for _, line := range p.Stderr().Lines() {
		if moment, ok := strings.CutPrefix(line, "failpoint "); ok {
			moment, _, _ = strings.Cut(moment, " ")
			c.FailpointHits[moment]++
			continue
		}
		var entry struct {
			Msg                                            string
			Rows, Duplicates, LedgerBytes, LedgerRuns, Seq int
		}
		if json.Unmarshal([]byte(line), &entry) != nil {
			continue
		}
		switch {
		case entry.Msg == "committed":
			c.Commits++
			c.Rows += entry.Rows
			c.Duplicates += entry.Duplicates
			c.LedgerBytes = max(c.LedgerBytes, entry.LedgerBytes)
			c.LedgerRuns = max(c.LedgerRuns, entry.LedgerRuns)
		case strings.HasPrefix(entry.Msg, "another writer"):
			c.Conflicts++
		}
	}
}
