package scenario

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A message that ends every process that works on it becomes a dead letter, while its
// neighbours become rows.
func TestMessageThatKillsWorkers(t *testing.T) {
	r := newRig(t)
	r.durable("t", 500*time.Millisecond)
	r.send("t", `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`)
	deaths := 0
	for {
		failpoints := "decoding:3=kill@1"
		if deaths == 9 { // it is given up, and that is recorded, and the dead letter is not published
			failpoints += ",dead-letter=kill@1"
		}
		p := r.worker(failpoints, "--once")
		exit := p.Wait(patience)
		if exit.Signal != syscall.SIGKILL {
			if exit.Code != 0 {
				t.Fatalf("%+v\n%s", exit, p.Stderr())
			}
			break
		}
		if deaths++; deaths > 12 {
			t.Fatalf("%d processes died\n%s", deaths, p.Stderr())
		}
	}
	if deaths != 10 {
		t.Errorf("%d processes died, want 10: the tenth delivery is the last to be decoded", deaths)
	}
	want(t, r.rows("t", "n"), "[1]", "[2]", "[4]")
	dead := r.deadLetters("t")
	if m := dead["persisting_dlq.t.0.3"]; len(dead) != 1 || m == nil || m.Header.Get("Pst-Error-Class") != "kills_worker" {
		t.Errorf("dead letters %v", dead)
	}
	notes, err := os.ReadDir(filepath.Join(r.storage, "t.lance", "_pst", "trials"))
	if err != nil || len(notes) == 0 {
		t.Fatalf("no process left a note: %v", err)
	}
	r.send("t", `{"n":5}`)
	r.once() // its commit says that the dead letter is published
	// Whoever looks next finds that the notes are settled.
	r.send("t", `{"n":6}`)
	for range 3 {
		if exit := r.worker("decoding:6=kill@1", "--once").Wait(patience); exit.Signal != syscall.SIGKILL {
			t.Fatalf("%+v", exit)
		}
	}
	r.once()
	if notes, err = os.ReadDir(filepath.Join(r.storage, "t.lance", "_pst", "trials")); err != nil || len(notes) != 0 {
		t.Errorf("notes stay: %v, %v", notes, err)
	}
	want(t, r.rows("t", "n"), "[1]", "[2]", "[4]", "[5]", "[6]")
}
