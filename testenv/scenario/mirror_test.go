package scenario

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// The stream is gone while a worker holds messages of it, and a mirror takes its place
// and its name: with the numbers and times of the messages, and as another stream. The
// topic stops; after a rebind to a new epoch, which begins behind what was mirrored,
// every message is there once, those held then too.
func TestMirrorIsPromoted(t *testing.T) {
	t.Parallel()
	r := newRigWith(t, jetstream.LimitsPolicy)
	fetched := make(chan struct{}, 10)
	x := r.bridge(func(c *bridge.Config) {
		c.BatchRows, c.FlushInterval = 3, time.Hour
		c.Events.Fetched = func(string, bridge.Fetched) { fetched <- struct{}{} }
	})
	r.send("t", `{"n":1}`, `{"n":2}`, `{"n":3}`)
	r.awaitRows("t", 3)
	r.awaitAcked("pst-bridge-t")
	for len(fetched) > 0 {
		<-fetched
	}
	r.send("t", `{"n":4}`, `{"n":5}`)
	<-fetched
	mirror := func(name, of, subject string) {
		t.Helper()
		stream, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Mirror: &jetstream.StreamSource{Name: of}, AllowDirect: true})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the mirror has everything", func() bool {
			info, err := stream.Info(t.Context())
			return err == nil && info.State.LastSeq == 5
		})
		if err := r.js.DeleteStream(t.Context(), of); err != nil {
			t.Fatal(err)
		}
		if _, err := r.js.UpdateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{subject}, AllowDirect: true}); err != nil {
			t.Fatal(err)
		}
	}
	mirror("STANDBY", "PERSISTING", "standby")
	mirror("PERSISTING", "STANDBY", "persisting.>")
	r.send("t", `{"n":6}`)
	x.awaitStop("t")
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]")
	if s := r.status("t", 1); s.State != "stream_recreated" {
		t.Errorf("status %+v", s)
	}
	r.command(0, "rebind", "t", "--new-epoch", "--start", "6")
	r.writeAll()
	r.send("t", `{"n":7}`)
	r.writeAll()
	want(t, r.rows("t", "n"), "[1]", "[2]", "[3]", "[4]", "[5]", "[6]", "[7]")
}
