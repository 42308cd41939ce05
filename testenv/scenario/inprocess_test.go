package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// running is a bridge inside this process, on a connection of its own.
type running struct {
	t     *testing.T
	b     *bridge.Bridge
	conn  *consumer.Conn
	ended chan error
	err   error
	done  bool
}

// bridge starts a bridge in this process; it is drained at the end of the test.
func (r *rig) bridge(change ...func(*bridge.Config)) *running {
	r.t.Helper()
	return r.bridgeAt(r.urls, change...)
}

// bridgeAt is bridge for other addresses of the servers.
func (r *rig) bridgeAt(urls string, change ...func(*bridge.Config)) *running {
	r.t.Helper()
	conn, err := consumer.Connect(r.t.Context(), consumer.Config{Servers: strings.Split(urls, ","), Instance: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := bridge.Config{Storage: r.storage, Provision: true, FlushInterval: 50 * time.Millisecond}
	for _, f := range change {
		f(&cfg)
	}
	streams, err := conn.EnsureStreams(r.t.Context(), consumer.StreamConfig{Provision: true, PerTopic: r.perTopic, Topics: cfg.Topics})
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := bridge.New(cfg, streams)
	if err != nil {
		r.t.Fatal(err)
	}
	x := &running{t: r.t, b: b, conn: conn, ended: make(chan error, 1)}
	go func() { x.ended <- b.Run(context.WithoutCancel(r.t.Context())) }()
	r.t.Cleanup(func() {
		x.b.Drain()
		x.wait() //nolint:errcheck // whoever cares has waited
		conn.Close()
	})
	return x
}

// stalled is a bridge of one message a batch that stops at its first full one. It
// then holds that message and the next, which it fetches and does not decode.
type stalled struct {
	*running
	release func() // lets it go on
	fetched <-chan struct{}
}

// stall starts a bridge that stops at its first full batch. Whatever becomes of the
// test, it is released before it is drained.
func (r *rig) stall(change ...func(*bridge.Config)) stalled {
	r.t.Helper()
	full, fetched := make(chan struct{}), make(chan struct{}, 100)
	x := r.bridge(func(c *bridge.Config) {
		for _, f := range change {
			f(c)
		}
		c.BatchRows = 1
		c.Events.Fetched = func(string, bridge.Fetched) { fetched <- struct{}{} }
		c.Events.Reached = func(_ string, m bridge.Moment) {
			if m == bridge.MomentSealed {
				<-full
			}
		}
	})
	release := sync.OnceFunc(func() { close(full) })
	r.t.Cleanup(release)
	return stalled{running: x, release: release, fetched: fetched}
}

// hold publishes two messages and waits until the stalled bridge has both.
func (x stalled) hold(r *rig, topic, first, second string) {
	r.t.Helper()
	for _, payload := range []string{first, second} {
		r.send(topic, payload)
		<-x.fetched
	}
}

// wait returns what Run returned.
func (x *running) wait() error {
	if !x.done {
		select {
		case x.err = <-x.ended:
		case <-time.After(patience):
			x.t.Fatalf("the bridge did not end: %v", x.b.Status())
		}
		x.done = true
	}
	return x.err
}

// drain ends the bridge and requires that it ended well.
func (x *running) drain() {
	x.t.Helper()
	x.b.Drain()
	if err := x.wait(); err != nil {
		x.t.Fatal(err)
	}
}

// writeAll runs a bridge until everything in the stream is written.
func (r *rig) writeAll(change ...func(*bridge.Config)) {
	r.t.Helper()
	x := r.bridge(append(change, func(c *bridge.Config) { c.Once = true })...)
	if err := x.wait(); err != nil {
		r.t.Fatal(err)
	}
}

// refused runs a bridge that has to stop the topic, and returns the stop state's name.
func (r *rig) refused(topic string) string {
	r.t.Helper()
	x := r.bridge(func(c *bridge.Config) { c.Once, c.Topics = true, []string{topic} })
	err := x.wait()
	state := x.b.Status()[topic]
	if err == nil || state.Phase != bridge.PhaseStopped {
		r.t.Fatalf("the topic did not stop: %v, state %v", err, state)
	}
	r.t.Logf("%v", err)
	return state.Reason
}

// awaitStop waits until a running bridge stops a topic.
func (x *running) awaitStop(topic string) bridge.TopicState {
	x.t.Helper()
	var state bridge.TopicState
	eventually(x.t, "the topic stops", func() bool {
		state = x.b.Status()[topic]
		return state.Phase == bridge.PhaseStopped
	})
	return state
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(patience); !ok(); {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited %v in vain until %s", patience, what)
		}
	}
}

// awaitRows waits until the reference counts n rows. More there must never be.
func (r *rig) awaitRows(topic string, n uint64) {
	r.t.Helper()
	table := r.table(topic)
	eventually(r.t, fmt.Sprintf("%s has %d rows", topic, n), func() bool {
		got, err := table.Count("")
		if err == nil && got > n {
			r.t.Fatalf("%s has %d rows, want %d", topic, got, n)
		}
		return err == nil && got == n
	})
}

// ledger returns a topic's ledger entry as the reference reads it.
func (r *rig) ledger(topic string) string {
	r.t.Helper()
	info, err := r.table(topic).Info()
	if err != nil {
		r.t.Fatal(err)
	}
	return info.Config["pst.ledger.PERSISTING"]
}

// restart stops the server, does something to its store, and starts it again.
func (r *rig) restart(meanwhile func()) {
	r.t.Helper()
	r.node.Stop()
	meanwhile()
	r.node.Restart()
	eventually(r.t, "the server is back", func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		_, err := r.js.Stream(ctx, "PERSISTING")
		return err == nil
	})
}

// oneColumn is a record of one int64 column n, made elsewhere.
func oneColumn(t *testing.T, values ...int64) (*arrow.Schema, arrow.Record) {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).AppendValues(values, nil)
	return schema, b.NewRecord()
}

// send publishes payloads and waits for each to be stored.
func (r *rig) send(topic string, payloads ...string) {
	r.t.Helper()
	for _, p := range payloads {
		// A node may hear later than the one that was asked that there is a stream.
		_, err := r.js.Publish(r.t.Context(), "persisting."+topic, []byte(p), jetstream.WithRetryAttempts(100), jetstream.WithRetryWait(100*time.Millisecond))
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// table names a topic's table for the reference.
func (r *rig) table(topic string) *lanceref.Table {
	return lanceref.Start(r.t).Table(filepath.Join(r.storage, topic+".lance"))
}

// rows reads columns of a table with the reference, each row as JSON, ordered by sequence.
func (r *rig) rows(topic string, columns ...string) []string {
	r.t.Helper()
	table, err := r.table(topic).Read(lanceref.ReadOptions{Columns: append([]string{"_nats_seq"}, columns...)})
	if err != nil {
		r.t.Fatal(err)
	}
	defer table.Release()
	bySeq := map[uint64][]string{}
	var top uint64
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	for reader.Next() {
		rec := reader.Record()
		for row := range int(rec.NumRows()) {
			seq := rec.Column(0).(*array.Uint64).Value(row)
			values := make([]any, len(columns))
			for c := range columns {
				values[c] = rec.Column(c + 1).GetOneForMarshal(row)
			}
			text, err := json.Marshal(values)
			if err != nil {
				r.t.Fatal(err)
			}
			bySeq[seq] = append(bySeq[seq], string(text))
			top = max(top, seq)
		}
	}
	var out []string
	for seq := uint64(1); seq <= top; seq++ {
		out = append(out, bySeq[seq]...)
	}
	return out
}

// deadLetters returns the dead letters of a topic by sequence.
func (r *rig) deadLetters(topic string) map[string]*jetstream.RawStreamMsg {
	r.t.Helper()
	stream, err := r.js.Stream(r.t.Context(), "PERSISTING_DLQ")
	if err != nil {
		r.t.Fatal(err)
	}
	info, err := stream.Info(r.t.Context(), jetstream.WithSubjectFilter("persisting_dlq."+topic+".>"))
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[string]*jetstream.RawStreamMsg{}
	for subject, n := range info.State.Subjects {
		if n != 1 {
			r.t.Errorf("%d dead letters on %s", n, subject)
		}
		msg, err := stream.GetLastMsgForSubject(r.t.Context(), subject)
		if err != nil {
			r.t.Fatal(err)
		}
		out[subject] = msg
	}
	return out
}
