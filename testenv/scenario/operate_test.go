package scenario

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// command runs the program beside the workers and returns what it printed.
func (r *rig) command(code int, args ...string) string {
	r.t.Helper()
	p := runner.Start(r.t, runner.Config{
		Path: runner.Build(r.t, runner.Bridge, "failpoint"),
		Args: args,
		Env:  []string{"NATS_URL=" + r.urls, "PST_STORAGE=" + r.storage},
	})
	if exit := p.Wait(patience); exit.Code != code {
		r.t.Fatalf("%s: exit code %d, want %d\n%s%s", strings.Join(args, " "), exit.Code, code, p.Stdout(), p.Stderr())
	}
	return p.Stdout().String() + p.Stderr().String()
}

// state is what "status" says of a topic.
type state struct {
	State, Detail, Remedy, Missing string
	Rows, Pending                  uint64
}

func (r *rig) status(topic string, code int) state {
	r.t.Helper()
	var s state
	line, _, _ := strings.Cut(r.command(code, "status", "--json", topic), "\n")
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		r.t.Fatalf("%s: %v", line, err)
	}
	return s
}

// Each stop state shows in status with the command that resolves it, and that command
// resolves it: what comes afterwards arrives, and nothing is there twice.
func TestOperators(t *testing.T) {
	remove := func(r *rig, elem ...string) {
		if err := os.RemoveAll(filepath.Join(append([]string{r.storage, "t.lance"}, elem...)...)); err != nil {
			r.t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name      string
		retention jetstream.RetentionPolicy
		breakIt   func(r *rig)
		state     string
		missing   string
		commands  [][]string // each begins with its exit code
		rows      []string
	}{
		{
			"table dropped on purpose", jetstream.LimitsPolicy, func(r *rig) { remove(r) }, "table_missing", "",
			[][]string{{"1", "doctor", "t"}, {"0", "doctor", "t", "--remove"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"damaged newest version", jetstream.LimitsPolicy, func(r *rig) { damageNewest(r, "t") }, "table_unreadable", "",
			[][]string{{"0", "doctor", "t", "--remove"}, {"0", "replay", "t", "--from", "3"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"ledger deleted", jetstream.WorkQueuePolicy, func(r *rig) {
				if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING": nil}); err != nil {
					t.Fatal(err)
				}
			}, "ledger_missing", "",
			[][]string{{"0", "rebuild-ledger", "t"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"ledger damaged", jetstream.LimitsPolicy, func(r *rig) {
				bad := "{"
				if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING": &bad}); err != nil {
					t.Fatal(err)
				}
			}, "ledger_unreadable", "",
			[][]string{{"0", "rebuild-ledger", "t"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"restored, replayed", jetstream.LimitsPolicy, func(r *rig) { r.restore(t, 1) }, "rolled_back",
			"sequences 2-3, taken by Restore in version 4",
			[][]string{{"0", "replay", "t", "--from", "2"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"restored, accepted", jetstream.LimitsPolicy, func(r *rig) { r.restore(t, 1) }, "rolled_back",
			"sequences 2-3, taken by Restore in version 4",
			[][]string{{"0", "rebind", "t", "--consumer"}},
			[]string{"[1]", "[4]"},
		},
		{
			"restored, nothing kept", jetstream.WorkQueuePolicy, func(r *rig) { r.restore(t, 1) }, "rolled_back",
			"sequences 2-3, taken by Restore in version 4",
			[][]string{{"1", "replay", "t", "--from", "2"}, {"0", "rebind", "t", "--consumer"}},
			[]string{"[1]", "[4]"},
		},
		{
			"consumer deleted", jetstream.LimitsPolicy, func(r *rig) {
				if err := r.js.DeleteConsumer(t.Context(), "PERSISTING", "pst-bridge-t"); err != nil {
					t.Fatal(err)
				}
			}, "consumer_missing", "",
			[][]string{{"0", "rebind", "t", "--consumer"}},
			[]string{"[1]", "[2]", "[3]", "[4]"},
		},
		{
			"stream recreated", jetstream.LimitsPolicy, func(r *rig) {
				if err := r.js.DeleteStream(t.Context(), "PERSISTING"); err != nil {
					t.Fatal(err)
				}
				r.stream(jetstream.LimitsPolicy)
				r.durable("t", ackWait)
			}, "stream_recreated", "",
			[][]string{{"1", "rebind", "t", "--consumer"}, {"2", "rebind", "t", "--new-epoch"}, {"0", "rebind", "t", "--new-epoch", "--start", "1"}},
			[]string{"[1]", "[4]", "[2]", "[3]"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRigWith(t, c.retention)
			for _, p := range []string{`{"n":1}`, `{"n":2}`, `{"n":3}`} {
				r.send("t", p)
				r.writeAll()
			}
			if s := r.status("t", 0); s.State != "ok" || s.Rows != 3 {
				t.Errorf("before: %+v", s)
			}
			c.breakIt(r)
			r.send("t", `{"n":4}`)
			s := r.status("t", 1)
			if s.State != c.state || s.Detail == "" || s.Remedy == "" || s.Missing != c.missing {
				t.Errorf("status %+v", s)
			}
			for _, cmd := range c.commands {
				code := int(cmd[0][0] - '0')
				t.Logf("%s\n%s", strings.Join(cmd[1:], " "), r.command(code, cmd[1:]...))
			}
			r.writeAll()
			if s := r.status("t", 0); s.State != "ok" || s.Pending != 0 {
				t.Errorf("after: %+v", s)
			}
			want(t, r.rows("t", "n"), c.rows...)
		})
	}
}

// What doctor takes away, and what it does not, is told with the next step.
func TestDoctorRemoves(t *testing.T) {
	r := newRigWith(t, jetstream.LimitsPolicy)
	r.send("t", `{"n":1}`)
	r.writeAll()
	expect := func(code int, part string) {
		t.Helper()
		if out := r.command(code, "doctor", "t", "--remove"); !strings.Contains(out, part) {
			t.Errorf("%q is not in\n%s", part, out)
		}
	}
	damageNewest(r, "t")
	expect(0, "it was the only one, so there is no table")
	expect(0, "consumer pst-bridge-t of stream PERSISTING is deleted")
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]")
	r.send("t", `{"n":2}`)
	r.writeAll()
	r.restore(t, 1)
	expect(1, "not resolved by removing something; `pst-bridge replay t --from SEQ`")
}

// restore takes a topic's table back to a version.
func (r *rig) restore(t *testing.T, version uint64) {
	t.Helper()
	if _, err := r.table("t").At(version).Restore(); err != nil {
		t.Fatal(err)
	}
}

// damageNewest cuts a table's newest manifest off, as a power failure under another
// writer would.
func damageNewest(r *rig, topic string) {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.storage, topic+".lance", "_versions", "*.manifest"))
	if err != nil || len(names) == 0 {
		r.t.Fatalf("%v, %v", names, err)
	}
	if err := os.Truncate(names[0], 0); err != nil { // names descend
		r.t.Fatal(err)
	}
}

// A dead letter can be seen and, once its cause is gone, becomes a row.
func TestDeadLettersAreReplayed(t *testing.T) {
	r := newRig(t)
	r.send("t", `{"n":1}`)
	r.writeAll()
	msg := nats.NewMsg("persisting.t")
	msg.Data = []byte(`{"n":"two"}`)
	msg.Header.Set("Trace", "abc")
	msg.Header.Set("Nats-Msg-Id", "once")
	if _, err := r.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	r.writeAll()
	r.send("t", `no json`)
	r.writeAll()
	list := r.command(0, "dlq", "list", "t")
	for _, part := range []string{"type", "parse", "ID", "t "} {
		if !strings.Contains(list, part) {
			t.Errorf("%q is not in\n%s", part, list)
		}
	}
	show := r.command(0, "dlq", "show", "1")
	for _, part := range []string{"sequence 2 of stream PERSISTING (epoch 0)", "Trace: abc", `{"n":"two"}`, "type: "} {
		if !strings.Contains(show, part) {
			t.Errorf("%q is not in\n%s", part, show)
		}
	}
	r.command(1, "dlq", "show", "7")
	r.command(2, "dlq", "replay")
	if _, err := r.table("t").DropColumns("n"); err != nil {
		t.Fatal(err)
	}
	r.command(0, "dlq", "replay", "t", "--class", "type")
	r.writeAll(func(c *bridge.Config) { c.Columns.Headers = true })
	want(t, r.rows("t", "n", "_nats_headers"), "[null,null]", `["two","{\"Nats-Expected-Stream\":[\"PERSISTING\"],\"Nats-Msg-Id\":[\"pst-replay-PERSISTING-0-2\"],\"Trace\":[\"abc\"]}"]`)
	left := r.deadLetters("t")
	if len(left) != 1 || left["persisting_dlq.t.0.3"] == nil {
		t.Errorf("dead letters left: %v", left)
	}
	// One that fails again is a new dead letter, and the old one is gone.
	r.command(0, "dlq", "replay", "--id", "2")
	r.writeAll()
	if left := r.deadLetters("t"); len(left) != 1 || left["persisting_dlq.t.0.5"] == nil {
		t.Errorf("dead letters left: %v", left)
	}
}
