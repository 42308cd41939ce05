package scenario

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

func want(t *testing.T, got []string, expect ...string) {
	t.Helper()
	if !slices.Equal(got, expect) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), strings.Join(expect, " "))
	}
}

func TestOneMessageMayBeManyRows(t *testing.T) {
	r := newRig(t)
	r.send("a.b", "{\"n\":1}\n{\"n\":2}  {\"n\":3}", `{"n":4}`)
	r.writeAll()
	want(t, r.rows("a.b", "n"), "[1]", "[2]", "[3]", "[4]")
}

func TestColumnsAppearAndTypesStay(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`, `{"n":2.5}`, `{"n":3,"deep":{"x":1}}`)
	r.writeAll() // n is a float64 by the union of the batch
	r.send("t", `{"n":4,"deep":{"x":2,"y":"new"},"list":[{"p":1}]}`, `{}`)
	r.writeAll()
	r.send("t", `{"n":5,"list":[{"p":2,"q":true},{}]}`)
	r.writeAll()
	want(t, r.rows("t", "n", "deep", "list"),
		`[1,null,null]`, `[2.5,null,null]`, `[3,{"x":1,"y":null},null]`,
		`[4,{"x":2,"y":"new"},[{"p":1,"q":null}]]`, `[null,null,null]`,
		`[5,null,[{"p":2,"q":true},{"p":null,"q":null}]]`)
}

// Keys that the reference refuses as column names are escaped, so the table opens.
func TestKeysThatNoTableMayHave(t *testing.T) {
	r := newRig(t)
	r.send("t", "{\"a.b\":1,\"_rowid\":2,\"c`d\":3,\"in\\u0000side\":{\"x\\u0000y\":4,\"p.q\":5}}")
	r.writeAll()
	want(t, r.rows("t", "a_x2Eb", "_x5Frowid", "c_x60d", "in_x00side"), `[1,2,3,{"p.q":5,"x_x00y":4}]`)
}

func TestOptionalColumns(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	msg := nats.NewMsg("persisting.t")
	msg.Data, msg.Header = []byte(`{"n":2}`), nats.Header{"X-Color": {"red", "blue"}}
	if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	r.writeAll(func(c *bridge.Config) {
		c.Columns = bridge.Columns{NoTime: true, Subject: true, Headers: true}
	})
	want(t, r.rows("t", "_nats_subject", "_nats_headers", "n"),
		`["persisting.t",null,1]`, `["persisting.t","{\"X-Color\":[\"red\",\"blue\"]}",2]`)
	if schema, err := r.table("t").Schema(); err != nil || strings.Contains(schema, "_nats_time") {
		t.Errorf("schema %s, %v", schema, err)
	}
}

func TestWhatDoesNotFitBecomesADeadLetter(t *testing.T) {
	r := newRig(t)
	bad := []string{`{"n":`, `[1]`, `{"n":"text"}`, `{"_nats_seq":1}`, `{"n":1,"n":2}`, "{\"s\":\"\xff\"}", `{"n":99999999999999999999}`, ``}
	r.send("t", `{"n":1}`)
	r.writeAll()
	r.send("t", bad...)
	r.send("t", `{"n":2}`)
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]", "[2]")
	dead := r.deadLetters("t")
	if len(dead) != len(bad) {
		t.Fatalf("%d dead letters, want %d", len(dead), len(bad))
	}
	for i, payload := range bad {
		msg := dead[fmt.Sprintf("persisting_dlq.t.0.%d", i+2)]
		if msg == nil || string(msg.Data) != payload || msg.Header.Get("Pst-Error-Class") == "" || msg.Header.Get("Nats-Sequence") != fmt.Sprint(i+2) {
			t.Errorf("dead letter of %q: %+v", payload, msg)
		}
	}
	r.send("t", `{"n":3}`)
	r.writeAll()
	info, err := r.table("t").Info()
	if err != nil {
		t.Fatal(err)
	}
	if entry := info.Config["pst.ledger.PERSISTING"]; strings.Contains(entry, "dead_pending") || !strings.Contains(entry, `"dead":8`) {
		t.Errorf("published dead letters are still pending: %s", entry)
	}
}

func TestOnlyDeadLettersStillMakeALedger(t *testing.T) {
	r := newRig(t)
	r.send("t", `nothing`, `of use`)
	r.writeAll()
	if n := len(r.deadLetters("t")); n != 2 {
		t.Errorf("%d dead letters", n)
	}
	if n, err := r.table("t").Count(""); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	r.send("t", `{"n":1}`)
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]")
}

// Without any metadata column, and before any message has a value, a table still
// needs a column.
func TestNoColumnAtAll(t *testing.T) {
	r := newRig(t)
	r.send("t", `{}`, `{"n":null}`, `bad`)
	bare := func(c *bridge.Config) { c.Columns = bridge.Columns{NoSeq: true, NoTime: true} }
	r.writeAll(bare)
	want(t, r.rows("t"), `[]`, `[]`)
	r.send("t", `{"n":1}`)
	r.writeAll(bare)
	if n, err := r.table("t").Count("n = 1 AND _nats_seq = 4"); err != nil || n != 1 { // a column that must have values gets them
		t.Errorf("%d rows, %v", n, err)
	}
}

// Two workers add different columns of one type at the same moment: Lance's own
// rules would give both the same field id, and readers one worker's values in the
// other's column.
func TestTwoWorkersAddDifferentColumns(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":0}`)
	r.writeAll()
	var conflicts atomic.Int64
	count := func(c *bridge.Config) {
		c.BatchRows = 1
		c.Events.Conflict = func(string, uint64) { conflicts.Add(1) }
	}
	a, b := r.bridge(count), r.bridge(count)
	rounds := 0
	for rounds == 0 || (conflicts.Load() == 0 && rounds < 400) {
		for range 40 {
			r.send("t", fmt.Sprintf(`{"a%d":%d}`, rounds, rounds), fmt.Sprintf(`{"b%d":%d}`, rounds, -rounds))
			rounds++
		}
		r.awaitAcked("pst-bridge-t")
	}
	a.drain()
	b.drain()
	columns := []string{"n"}
	expect := []string{"[0" + strings.Repeat(",null", 2*rounds) + "]"}
	for i := range rounds {
		columns = append(columns, fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))
	}
	for i := range 2 * rounds {
		row := make([]string, 2*rounds+1)
		for c := range row {
			row[c] = "null"
		}
		row[i+1] = fmt.Sprint(i / 2)
		if i%2 == 1 && i > 1 {
			row[i+1] = fmt.Sprint(-i / 2)
		}
		expect = append(expect, "["+strings.Join(row, ",")+"]")
	}
	want(t, r.rows("t", columns...), expect...)
	if conflicts.Load() == 0 {
		t.Error("no commit lost a race: the run proves nothing")
	}
}

func TestManyTopicsShareAStream(t *testing.T) {
	r := newRig(t)
	history := map[string][]natsenv.Acked{}
	for i := range 12 {
		topic := fmt.Sprintf("topic.%d", i)
		history[topic] = r.publish(topic, topic, 50+i)
	}
	r.writeAll()
	for topic, acked := range history {
		r.exact(topic, map[string][]natsenv.Acked{topic: acked})
	}
}
