package scenario

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// checked runs "check --as-publisher" and returns the level of each finding.
func (r *rig) checked(code int, args ...string) map[string]string {
	r.t.Helper()
	levels := map[string]string{}
	for line := range strings.Lines(r.command(code, append([]string{"check", "--as-publisher"}, args...)...)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] != "pst-bridge:" {
			levels[fields[1]] = fields[0]
		}
	}
	return levels
}

func wantLevels(t *testing.T, have map[string]string, acks, api, inboxes, messages string) {
	t.Helper()
	for what, want := range map[string]string{"acknowledgements": acks, "JetStream": api, "inboxes": inboxes, "messages": messages} {
		if have[what] != want {
			t.Errorf("%s is %q, want %q", what, have[what], want)
		}
	}
}

// The publisher that nats-permissions prints may do nothing else, and the other users
// may, which is found with the rights they have.
func TestCheckAsPublisher(t *testing.T) {
	for _, c := range []struct{ name, domain, perTopic string }{{"shared", "", "false"}, {"domain", "hub", "false"}, {"stream per topic", "", "true"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PST_STREAM_PER_TOPIC", c.perTopic)
			g := newGuarded(t, c.domain, "--topics", "t,u")
			g.program("operator", "run", "--once", "--http", "", "--topics", "t,u")
			publisher := g.as("publisher-t", "--topics", "t,u")
			wantLevels(t, g.checked(0, publisher...), "ok", "ok", "ok", "ok")
			wantLevels(t, g.checked(1, g.as("bridge", "--topics", "t")...), "error", "error", "error", "ok")
			wantLevels(t, g.checked(1, g.as("operator", "--topics", "t")...), "error", "error", "error", "ok")
		})
	}
}

// A user who may do anything is told all of it, and nothing was done to what is there:
// what was delivered is still unacknowledged.
func TestCheckAsPublisherDoesNoHarm(t *testing.T) {
	r := newRig(t)
	r.durable("t", patience)
	r.send("t", `{"n":1}`, `{"n":2}`)
	c, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
	if err != nil {
		t.Fatal(err)
	}
	batch, err := c.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	for range batch.Messages() { //nolint:revive // they are not acknowledged
	}
	look := func() (info jetstream.ConsumerInfo, held uint64) {
		t.Helper()
		state, err := c.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream, err := r.js.Stream(t.Context(), "PERSISTING")
		if err != nil {
			t.Fatal(err)
		}
		return *state, stream.CachedInfo().State.Msgs
	}
	before, held := look()
	wantLevels(t, r.checked(1, "--topics", "t"), "error", "error", "error", "warning")
	after, still := look()
	if before.NumAckPending != 1 || after.NumAckPending != 1 || after.NumRedelivered != 0 || after.AckFloor.Stream != 0 ||
		!after.Created.Equal(before.Created) || held != 2 || still != 2 {
		t.Errorf("%d messages and %+v, were %d and %+v", still, after, held, before)
	}
	if n := len(streamNames(r)); n != 1 {
		t.Errorf("%d streams", n)
	}
}

func streamNames(r *rig) (names []string) {
	r.t.Helper()
	list := r.js.StreamNames(r.t.Context())
	for name := range list.Name() {
		names = append(names, name)
	}
	if err := list.Err(); err != nil {
		r.t.Fatal(err)
	}
	return names
}
