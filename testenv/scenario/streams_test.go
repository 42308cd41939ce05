package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
	"github.com/pst-bridge/pst-bridge/testenv/runner"
)

// padded is a row of about a kilobyte.
func padded() []byte { return fmt.Appendf(nil, `{"pad":%q}`, strings.Repeat("x", 1000)) }

// turnedAway publishes one padded row, and reports whether the stream was full.
func (r *rig) turnedAway(topic string) bool {
	r.t.Helper()
	_, err := r.js.Publish(r.t.Context(), "persisting."+topic, padded())
	var api *jetstream.APIError
	if errors.As(err, &api) && api.Description == "maximum bytes exceeded" {
		return true
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return false
}

// A topic that is stopped fills its stream. Publishers of another topic go on where each
// has a stream of its own, and are refused where both share one.
func TestStoppedTopicFillsItsStream(t *testing.T) {
	const size = 128 // rows that a stream has room for, about
	for _, perTopic := range []bool{true, false} {
		t.Run(fmt.Sprintf("per topic %v", perTopic), func(t *testing.T) {
			r := newBareRig(t)
			r.perTopic = perTopic
			run := []string{"--topics", "stuck,fine", "--flush-interval", "50ms", fmt.Sprintf("--stream-per-topic=%v", perTopic)}
			r.once(append(run, "--max-wal-size", fmt.Sprintf("%dKiB", size))...)
			r.send("stuck", `{"n":1}`)
			r.once(run...)
			damageNewest(r, "stuck")
			p := r.worker("", run...)
			p.Stderr().WaitFor(t, patience, "topic stopped")
			for !r.turnedAway("stuck") {
			}
			if !perTopic {
				r.awaitAcked("pst-bridge-fine")
				if !r.turnedAway("fine") {
					t.Error("a stream that another topic filled takes a message")
				}
				p.Terminate()
				return
			}
			for range 2 * size {
				eventually(t, "the topic that runs takes a message", func() bool { return !r.turnedAway("fine") })
			}
			r.awaitRows("fine", 2*size)
			if !r.turnedAway("stuck") {
				t.Error("the full stream takes a message")
			}
			p.Terminate()
		})
	}
}

// Streams of topics are found while the bridge runs, and the bytes it tells of a topic
// are those of its stream.
func TestStreamsOfTopicsAppear(t *testing.T) {
	r := newBareRig(t)
	r.perTopic = true
	t.Setenv("PST_STREAM_PER_TOPIC", "true")
	var bytes atomic.Uint64
	r.bridge(func(c *bridge.Config) {
		c.Events.Lag = func(topic string, l bridge.Lag) {
			if topic == "DLQ" {
				bytes.Store(l.WALBytes)
			}
		}
	})
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("{\"n\":1}\n{\"n\":2}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"a.b", "DLQ"} {
		r.command(0, "pub", topic, file, "--retention", "limits")
		r.awaitRows(topic, 2)
	}
	stream, err := r.js.Stream(t.Context(), "PERSISTING__x44LQ")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the size of the stream is told", func() bool { return bytes.Load() == stream.CachedInfo().State.Bytes })
}

// Each command works on the stream of its topic.
func TestOperatorsOnStreamsOfTopics(t *testing.T) {
	r := newBareRig(t)
	r.perTopic = true
	t.Setenv("PST_STREAM_PER_TOPIC", "true")
	r.once("--topics", "t,u", "--retention", "limits")
	r.send("u", `{"n":9}`)
	r.send("t", `{"n":1}`, `bad`, `{"n":2}`)
	r.once()
	want(t, r.rows("t", "n"), "[1]", "[2]")
	says := func(code int, parts []string, args ...string) {
		t.Helper()
		out := r.command(code, args...)
		for _, part := range parts {
			if !strings.Contains(out, part) {
				t.Errorf("%s: %q is not in\n%s", strings.Join(args, " "), part, out)
			}
		}
	}
	// A table of a topic that never had a stream is nobody's fault.
	if err := os.CopyFS(filepath.Join(r.storage, "old.lance"), os.DirFS(filepath.Join(r.storage, "t.lance"))); err != nil {
		t.Fatal(err)
	}
	says(0, []string{"stream PERSISTING_t", "stream PERSISTING_u", "clock", "consumer of u"}, "check")
	says(0, []string{"old", "t  ", "u  "}, "status")
	says(0, []string{"nothing is wrong"}, "doctor", "t")
	says(0, []string{"parse"}, "dlq", "list", "t")
	says(0, []string{"of stream PERSISTING_t"}, "dlq", "show", "1")
	says(0, []string{"1 dead letters"}, "dlq", "replay", "--id", "1")
	says(0, []string{"1 messages were there already"}, "replay", "t", "--from", "3")

	if err := r.js.DeleteConsumer(t.Context(), "PERSISTING_t", "pst-bridge-t"); err != nil {
		t.Fatal(err)
	}
	says(1, []string{"consumer_missing"}, "status", "t")
	says(0, []string{"of stream PERSISTING_t"}, "rebind", "t", "--consumer")
	if _, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING_t": nil}); err != nil {
		t.Fatal(err)
	}
	says(0, nil, "rebuild-ledger", "t")
	r.once()
	want(t, r.rows("t", "n"), "[1]", "[2]")

	if err := os.RemoveAll(filepath.Join(r.storage, "t.lance")); err != nil {
		t.Fatal(err)
	}
	says(0, []string{"of stream PERSISTING_t is deleted"}, "doctor", "t", "--remove")
	r.once()
	want(t, r.rows("t", "n"), "[1]", "[2]")

	if err := r.js.DeleteStream(t.Context(), "PERSISTING_u"); err != nil {
		t.Fatal(err)
	}
	says(1, []string{"stream_unusable", "create it on subjects", "--topics u"}, "status", "u")
	says(1, []string{"PERSISTING_u", "does not exist"}, "run", "--once", "--http", "", "--topics", "u", "--provision=false")
	says(1, []string{"stream of u", "does not exist"}, "check", "--topics", "u", "--provision=false")
	says(1, []string{"stream_recreated"}, "run", "--once", "--http", "", "--topics", "u")
	says(0, nil, "rebind", "u", "--new-epoch", "--start", "1")
	r.send("u", `{"n":10}`)
	r.once()
	want(t, r.rows("u", "n"), "[9]", "[10]")
}

// A shared stream on the same subjects is told, with what to do, before and while topics
// would get theirs; and publishers that lack the flag, or have it too many, are told so.
func TestStreamsOfTopicsBesideASharedOne(t *testing.T) {
	r := newRig(t)
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte("{\"n\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says := func(part string, args ...string) {
		t.Helper()
		if out := r.command(1, args...); !strings.Contains(out, part) {
			t.Errorf("%s: %q is not in\n%s", strings.Join(args, " "), part, out)
		}
	}
	says("leave out --stream-per-topic", "run", "--once", "--http", "", "--stream-per-topic")
	says("leave out --stream-per-topic", "check", "--stream-per-topic")
	says("PERSISTING already takes persisting.t", "run", "--once", "--http", "", "--stream-per-topic", "--topics", "t")
	says("leave out --stream-per-topic, as the bridge does", "pub", "t", file, "--stream-per-topic", "--provision=false")
	if err := r.js.DeleteStream(t.Context(), "PERSISTING"); err != nil {
		t.Fatal(err)
	}
	says("--topics, or a pub that may, makes it", "pub", "t", file, "--stream-per-topic", "--provision=false")
	r.command(0, "pub", "t", file, "--stream-per-topic")
	says("use --stream-per-topic", "check")
	says("use --stream-per-topic", "run", "--once", "--http", "")
	says("use --stream-per-topic as the bridge does", "pub", "t", file, "--provision=false")
}

// A topic whose stream has lost its server holds up neither the start nor the others.
func TestStreamOfATopicWithoutServer(t *testing.T) {
	tags := 0
	cluster := natsenv.StartCluster(t, func(o *server.Options) {
		o.Tags.Add(fmt.Sprintf("t%d", tags))
		tags++
	})
	r := &rig{t: t, js: natsenv.JetStream(t, natsenv.Dial(t, cluster.Nodes[2].URL())), storage: filepath.Join(t.TempDir(), "data"), perTopic: true}
	for i, topic := range []string{"t0", "t1"} {
		r.place(jetstream.StreamConfig{Name: r.home(topic), Subjects: []string{"persisting." + topic}, Placement: &jetstream.Placement{Tags: []string{topic}}})
		if cluster.StreamLeader(r.home(topic)) != cluster.Nodes[i] {
			t.Fatalf("the stream of %s is not where it was to be", topic)
		}
		r.send(topic, `{"n":1}`)
	}
	r.place(jetstream.StreamConfig{Name: "PERSISTING_DLQ", Subjects: []string{"persisting_dlq.>"}, Replicas: 3})
	cluster.Nodes[0].Stop()
	p := runner.Start(t, runner.Config{
		Path: runner.Build(t, runner.Bridge, "failpoint"),
		Args: []string{"run", "--server", cluster.Nodes[2].URL(), "--storage", r.storage, "--http", "", "--stream-per-topic"},
	})
	r.awaitRows("t1", 1)
	cluster.Nodes[0].Restart()
	r.awaitRows("t0", 1)
	p.Terminate()
}
