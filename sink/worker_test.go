package sink_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// message is one JSON message.
type message struct {
	seq     uint64
	payload string
}

// numbered gives payloads sequences from first on.
func numbered(first uint64, payloads ...string) []message {
	list := make([]message, len(payloads))
	for i, p := range payloads {
		list[i] = message{first + uint64(i), p}
	}
	return list
}

type openStore struct{ *memstore.Store }

func (openStore) Probe(context.Context) error { return nil }
func (openStore) Close() error                { return nil }

// worker decodes messages and puts them into a table in memory, as a process would.
type worker struct {
	t    *testing.T
	sink *sink.Sink
	pos  sink.Position
	dead map[uint64]string

	declared *schema.Declaration
	yields   bool
}

func newWorker(t *testing.T, store *memstore.Store, change ...func(*sink.Config)) *worker {
	t.Helper()
	cfg := sink.Config{Topic: "t", Open: func(string, bool) (sink.Store, error) { return openStore{store}, nil }}
	for _, f := range change {
		f(&cfg)
	}
	s, err := sink.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{t: t, sink: s, dead: map[uint64]string{}, pos: sink.Position{Identity: sink.Identity{
		Stream: "S", StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0),
	}}}
	if _, err := s.Bind(t.Context(), w.pos); err != nil {
		t.Fatal(err)
	}
	return w
}

// plan decodes messages for a table.
func (w *worker) plan(msgs []message, table *arrow.Schema, skip func(uint64) bool) (*sink.Plan, error) {
	dec := decode.NewBatch(table, decode.Options{Seq: true, Unsplit: true, Widen: w.sink.MayWiden, Declared: w.declared})
	p := &sink.Plan{}
	for _, m := range msgs {
		if skip(m.seq) {
			continue
		}
		_, err := dec.Append(decode.Meta{Seq: m.seq, Time: time.Unix(int64(m.seq), 0)}, []byte(m.payload))
		var rej *decode.Reject
		switch {
		case errors.As(err, &rej):
			p.Rejected = append(p.Rejected, sink.Rejection{Seq: m.seq, Class: rej.Class, Reason: rej.Reason})
		case err != nil:
			return nil, err
		}
	}
	var err error
	p.Record, err = dec.Record()
	return p, err
}

// stage makes a batch of messages for the table as the worker knows it.
func (w *worker) stage(msgs []message) (*sink.Staged, error) {
	first, err := w.plan(msgs, w.sink.Schema(), func(uint64) bool { return false })
	if err != nil {
		return nil, err
	}
	b := &sink.Batch{Plan: first, Yields: w.yields, Replan: func(table *arrow.Schema, skip func(uint64) bool) (*sink.Plan, error) {
		return w.plan(msgs, table, skip)
	}}
	for _, m := range msgs {
		b.Marks = append(b.Marks, sink.Mark{Seq: m.seq, Time: time.Unix(int64(m.seq), 0)})
	}
	return w.sink.Stage(w.t.Context(), b)
}

// try commits messages.
func (w *worker) try(msgs []message) (*sink.Result, error) {
	st, err := w.stage(msgs)
	if err != nil {
		return nil, err
	}
	res, err := w.sink.Commit(w.t.Context(), st, w.pos)
	if err == nil {
		for _, r := range res.Pending {
			w.dead[r.Seq] = r.Reason
		}
	}
	return res, err
}

func (w *worker) commit(msgs []message) *sink.Result {
	w.t.Helper()
	res, err := w.try(msgs)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// latest reads the newest version of a table in memory.
func latest(t *testing.T, store *memstore.Store) *lance.Dataset {
	t.Helper()
	d, err := lance.Open(store, lance.Options{}).Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// rowsOf reads columns of a version as text, sorted by the first.
func rowsOf(t *testing.T, d *lance.Dataset, columns ...string) []string {
	t.Helper()
	var rows []string
	for rec, err := range d.Scan(t.Context(), lance.ScanOptions{Columns: columns}) {
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(rec.NumRows()) {
			text := ""
			for _, c := range rec.Columns() {
				text += fmt.Sprint(" ", c.ValueStr(i))
			}
			rows = append(rows, text[1:])
		}
		rec.Release()
	}
	slices.Sort(rows)
	return rows
}

func requireRows(t *testing.T, d *lance.Dataset, columns []string, want ...string) {
	t.Helper()
	if got := rowsOf(t, d, columns...); !slices.Equal(got, want) {
		t.Errorf("columns %v are\n%q, want\n%q", columns, got, want)
	}
}

func typeOf(d *lance.Dataset, column string) string {
	f, _ := d.Schema().FieldsByName(column)
	if len(f) == 0 {
		return "absent"
	}
	return f[0].Type.String()
}
