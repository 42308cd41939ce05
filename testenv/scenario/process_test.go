package scenario

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// SIGTERM drains: what was decoded is committed and acknowledged, the rest given
// back at once, exit 0.
func TestDrain(t *testing.T) {
	r := newRig(t)
	r.durable("t", time.Hour) // what is not given back comes again long after the test
	acked := r.publish("t", "p", 20_000)
	p := r.worker("", "--flush-interval", "1h", "--batch-size", "3000")
	p.Stderr().WaitFor(t, patience, `"msg":"committed"`)
	p.Terminate()
	if exit := p.Wait(patience); exit.Code != 0 {
		t.Fatalf("drained with %+v\n%s", exit, p.Stderr())
	}
	r.once()
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
}

// A worker killed between the ledger's decision and the dead letter's publication
// leaves it pending: exactly one dead letter comes of it, with the first decision's
// class and reason.
func TestKilledBeforeTheDeadLetter(t *testing.T) {
	r := newRig(t)
	r.durable("t", ackWait)
	r.send("t", `{"n":1}`, `bad`, `{"n":2}`, `{"n":"text"}`)
	p := r.worker(string(bridge.MomentDeadLetter) + "=kill@1")
	if exit := p.Wait(patience); exit.Signal != syscall.SIGKILL {
		t.Fatalf("%+v\n%s", exit, p.Stderr())
	}
	if entry := r.ledger("t"); !strings.Contains(entry, "dead_pending") {
		t.Fatalf("the ledger decides first, yet it has no pending dead letter: %s", entry)
	}
	r.once()
	r.send("t", `{"n":3}`, `bad`, `{"n":"text"}`)
	r.once()
	r.send("t", `{"n":4}`)
	r.once()
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]")
	dead := r.deadLetters("t")
	if len(dead) != 4 {
		t.Fatalf("dead letters %v", dead)
	}
	// What the second delivery found is what it says of the same payload at the first.
	for again, first := range map[string]string{"2": "6", "4": "7"} {
		for _, name := range []string{"Pst-Error-Class", "Pst-Error"} {
			got, want := dead["persisting_dlq.t.0."+again].Header.Get(name), dead["persisting_dlq.t.0."+first].Header.Get(name)
			if got != want || got == "" || got == sink.ClassPending {
				t.Errorf("message %s, killed over: %s is %q, want %q", again, name, got, want)
			}
		}
	}
	if entry := r.ledger("t"); strings.Contains(entry, "dead_pending") || !strings.Contains(entry, `"dead":4`) {
		t.Errorf("the dead letter is not settled: %s", entry)
	}
}

// The table cannot be written for a while: nothing is acknowledged, and when it can
// be again everything arrives once.
func TestServerRestartsUnderLoad(t *testing.T) {
	r := newRig(t)
	x := r.bridge(func(c *bridge.Config) {
		c.BatchRows = 500
	})
	acked := r.publish("t", "p", 5000)
	began := time.Now()
	for range 3 {
		r.restart(func() {})
		acked = append(acked, r.publishFrom("t", "p", len(acked), 5000)...)
	}
	r.awaitAcked("pst-bridge-t")
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v: a question that died with a server held up the commit", took)
	}
	x.drain()
	r.exact("t", map[string][]natsenv.Acked{"p": acked})
}

// Memory stays bounded at full speed, whatever the messages are.
func TestMemory(t *testing.T) {
	const limit = 400 << 20
	vector := func(i int) string {
		parts := make([]string, 128)
		for d := range parts {
			parts[d] = fmt.Sprintf("%.5f", float64((i*31+d*7)%1000)/1000)
		}
		return fmt.Sprintf(`{"id":%d,"embedding":[%s]}`, i, strings.Join(parts, ","))
	}
	thousand := func(i int) string {
		var b strings.Builder
		for j := range 1000 {
			b.Write(payload("m", i*1000+j))
			b.WriteByte('\n')
		}
		return b.String()
	}
	for _, c := range []struct {
		name     string
		messages int
		payload  func(int) string
	}{
		{"rows", 300_000, func(i int) string { return string(payload("m", i)) }},
		{"lines", 2_000, thousand},
		{"vectors", 60_000, vector},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			if _, err := natsenv.Publish(t.Context(), r.js, "persisting.t", "", c.messages, func(i int) []byte { return []byte(c.payload(i)) }); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p := r.once()
			exit := p.Wait(time.Second)
			t.Logf("peak RSS %d MB, %.0f messages/s", exit.PeakRSS>>20, float64(c.messages)/time.Since(began).Seconds())
			if exit.PeakRSS == 0 || exit.PeakRSS > limit {
				t.Errorf("peak RSS %d MB, the limit is %d MB", exit.PeakRSS>>20, limit>>20)
			}
		})
	}
}
