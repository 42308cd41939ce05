package scenario

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestHostile publishes every message made to hurt between good ones, to a worker
// that puts all into few batches and to one that commits each alone. Each hostile
// message ends as the rows or the one dead letter that its case names, each good one
// as its row; the reference reads the tables, and memory stays bounded.
func TestHostile(t *testing.T) {
	const limit = 400 << 20 // as TestMemory
	for _, c := range []struct{ name, batch string }{{"together", "10000"}, {"alone", "1"}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRigWith(t, jetstream.WorkQueuePolicy, func(o *server.Options) { o.MaxPayload = hostileMax })
			w := &hostileWork{rig: r, sent: map[string]map[uint64]hostile{}, goods: 1}
			for _, h := range hostileCases(t) {
				w.send("hostile", h)
			}
			for _, h := range wideCases() {
				w.send("wide", h)
			}
			for i := range 20 {
				w.send("flip", flipCase(i))
				w.sendAlone("nulls", hostile{name: "all null", payload: `{"a":null,"b":{"c":null},"d":[null]}`, rows: []string{"{}"}})
			}
			p := r.once("--batch-size", c.batch)
			if peak := p.Wait(patience).PeakRSS; peak == 0 || peak > limit {
				t.Errorf("peak RSS %d MB, the limit is %d MB", peak>>20, limit>>20)
			} else {
				t.Logf("peak RSS %d MB", peak>>20)
			}
			for topic := range w.sent {
				w.check(topic)
			}
			for _, consumer := range []string{"hostile", "wide", "flip", "nulls"} {
				r.awaitAcked("pst-bridge-" + consumer)
			}
		})
	}
}

// wideCases need more than the 1,024 columns that a table may have. Each asks for 250,
// and the sequence, the time and the good neighbours take 11.
func wideCases() []hostile {
	var out []hostile
	for i := range 6 {
		h := hostile{name: fmt.Sprintf("250 more columns, %d", i), payload: fields(fmt.Sprintf("w%d_", i), 250, "1")}
		if i < 4 {
			h.rows = []string{h.payload}
		} else {
			h.class, h.reason = "limit", ": more than 1024 columns"
		}
		out = append(out, h)
	}
	return append(out, hostile{name: "columns that are there", payload: fields("w3_", 250, "2"), rows: []string{fields("w3_", 250, "2")}})
}

// flipCase changes its type with each message: the first decides.
func flipCase(i int) hostile {
	if i%2 == 0 {
		payload := fmt.Sprintf(`{"flip":%d}`, i)
		return hostile{name: "the first type", payload: payload, rows: []string{payload}}
	}
	return hostile{name: "another type", payload: fmt.Sprintf(`{"flip":"%d"}`, i), class: "type", reason: "field flip: string does not fit int64"}
}

// hostileWork is what was published, by topic and sequence.
type hostileWork struct {
	*rig
	sent  map[string]map[uint64]hostile
	goods int // number of the next good one
}

// send publishes a message and a good one behind it.
func (w *hostileWork) send(topic string, h hostile) {
	w.t.Helper()
	w.sendAlone(topic, h)
	good := string(payload("good", w.goods))
	w.goods += 2 // odd numbers: a half of one makes a column of fractions, whoever comes first
	w.sendAlone(topic, hostile{name: "good neighbour", payload: good, rows: []string{good}})
}

func (w *hostileWork) sendAlone(topic string, h hostile) {
	w.t.Helper()
	ack, err := w.js.PublishMsg(w.t.Context(), &nats.Msg{Subject: "persisting." + topic, Header: h.header, Data: []byte(h.payload)})
	if err != nil {
		w.t.Fatalf("publish %s: %v", h.name, err)
	}
	if w.sent[topic] == nil {
		w.sent[topic] = map[uint64]hostile{}
	}
	w.sent[topic][ack.Sequence] = h
}

// check holds the table and the dead letters of a topic against what was sent.
func (w *hostileWork) check(topic string) {
	w.t.Helper()
	ref := w.table(topic)
	if err := ref.Validate(); err != nil {
		w.t.Errorf("the reference finds %s invalid: %v", topic, err)
	}
	table, err := ref.Read(lanceref.ReadOptions{})
	if err != nil {
		w.t.Fatalf("the reference cannot read %s: %v", topic, err)
	}
	defer table.Release()
	rows := rowsOf(w.t, table)
	dead := w.deadLetters(topic)
	for seq, h := range w.sent[topic] {
		got := rows[seq]
		delete(rows, seq)
		if len(got) != len(h.rows) {
			w.t.Errorf("%s: %d rows, want %d", h.name, len(got), len(h.rows))
			continue
		}
		for i := range got {
			if !sameJSON([]byte(got[i]), dropNulls([]byte(h.rows[i]))) {
				w.t.Errorf("%s: row %d is %.300s, want %.300s", h.name, i, got[i], h.rows[i])
			}
		}
		subject := fmt.Sprintf("persisting_dlq.%s.0.%d", topic, seq)
		letter := dead[subject]
		delete(dead, subject)
		if (letter == nil) != (h.class == "") {
			w.t.Errorf("%s: dead letter %v, want class %q", h.name, letter, h.class)
		} else if letter != nil {
			w.checkDead(h, letter)
		}
	}
	if len(rows)+len(dead) > 0 {
		w.t.Errorf("%s: rows or dead letters of sequences never sent: %d, %d", topic, len(rows), len(dead))
	}
}

func (w *hostileWork) checkDead(h hostile, letter *jetstream.RawStreamMsg) {
	w.t.Helper()
	class, reason := letter.Header.Get("Pst-Error-Class"), letter.Header.Get("Pst-Error")
	if class != h.class || !strings.Contains(reason, h.reason) || len(reason) > 300 {
		w.t.Errorf("%s: dead as %s: %s; want %s: %s", h.name, class, reason, h.class, h.reason)
	}
	data := letter.Data
	if letter.Header.Get("Pst-Encoding") == "gzip" {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			data, err = io.ReadAll(z)
		}
		if err != nil {
			w.t.Errorf("%s: %v", h.name, err)
		}
	}
	want := h.payload
	if cut := letter.Header.Get("Pst-Truncated"); cut != "" {
		if cut != strconv.Itoa(len(want)) || len(data) < len(want)-2048 {
			w.t.Errorf("%s: %s bytes cut to %d", h.name, cut, len(data))
		}
		want = want[:len(data)]
	}
	if string(data) != want {
		w.t.Errorf("%s: the dead letter has another payload, of %d bytes for %d", h.name, len(data), len(want))
	}
}

// rowsOf returns the rows of a table by sequence, as JSON without what is null and
// without the columns of the bridge.
func rowsOf(t *testing.T, table arrow.Table) map[uint64][]string {
	t.Helper()
	out := map[uint64][]string{}
	reader := array.NewTableReader(table, 0)
	defer reader.Release()
	for reader.Next() {
		rec := reader.Record()
		seqs := rec.Column(rec.Schema().FieldIndices("_nats_seq")[0]).(*array.Uint64)
		for row := range int(rec.NumRows()) {
			values := map[string]any{}
			for i, c := range rec.Columns() {
				if name := rec.ColumnName(i); c.IsValid(row) && !strings.HasPrefix(name, "_nats_") {
					values[name] = c.GetOneForMarshal(row)
				}
			}
			text, err := json.Marshal(values)
			if err != nil {
				t.Fatal(err)
			}
			out[seqs.Value(row)] = append(out[seqs.Value(row)], string(text))
		}
	}
	return out
}

// dropNulls removes the fields of an object that are null.
func dropNulls(text []byte) []byte {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return []byte(err.Error())
	}
	for name, v := range fields {
		if string(v) == "null" {
			delete(fields, name)
		}
	}
	out, err := json.Marshal(fields)
	if err != nil {
		return []byte(err.Error())
	}
	return out
}
