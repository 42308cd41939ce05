package natsenv_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, natsenv.Leaks()...) }

func payload(i int) []byte { return fmt.Appendf(nil, "message %d", i) }

var stream = jetstream.StreamConfig{Name: "S", Subjects: []string{"s.>"}, Storage: jetstream.FileStorage}

// A node keeps its stream, its port and its clients over a restart.
func TestNodeRestart(t *testing.T) {
	n := natsenv.Start(t)
	nc := natsenv.Dial(t, n.URL())
	js := natsenv.JetStream(t, nc)
	if _, err := js.CreateStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	acked, err := natsenv.Publish(t.Context(), js, "s.a", "", 1500, payload)
	if err != nil || len(acked) != 1500 || acked[1499].Seq != 1500 || acked[1499].Index != 1499 {
		t.Fatalf("published %d: %v", len(acked), err)
	}
	url := n.URL()
	n.Restart()
	if n.URL() != url {
		t.Errorf("URL became %s, was %s", n.URL(), url)
	}
	acked, err = natsenv.Publish(t.Context(), js, "s.a", "again", 1, payload)
	if err != nil || acked[0].Seq != 1501 {
		t.Errorf("after the restart: %+v, %v", acked, err)
	}
}

// Publishing with ids goes on over a SIGKILL of the server, and everything
// acknowledged is in the stream afterwards.
func TestProcessKill(t *testing.T) {
	p := natsenv.StartProcess(t)
	nc := natsenv.Dial(t, p.URL())
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	const n = 20_000
	half := make(chan struct{})
	done := make(chan error, 1)
	var acked []natsenv.Acked
	go func() {
		var err error
		acked, err = natsenv.Publish(t.Context(), js, "s.a", "x", n, func(i int) []byte {
			if i == n/2 {
				select {
				case <-half:
				default:
					close(half)
				}
			}
			return payload(i)
		})
		done <- err
	}()
	<-half
	p.Restart()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(acked) != n {
		t.Errorf("%d acknowledged, want %d", len(acked), n)
	}
	s, err := js.Stream(t.Context(), "S")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().State.Msgs; got != n {
		t.Errorf("stream holds %d, want %d", got, n)
	}
	p.Stop()
}

// A replicated stream survives that its leader stops.
func TestCluster(t *testing.T) {
	c := natsenv.StartCluster(t)
	nc := natsenv.Dial(t, c.URL())
	js := natsenv.JetStream(t, nc)
	cfg := stream
	cfg.Replicas = 3
	if _, err := js.CreateStream(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := natsenv.Publish(t.Context(), js, "s.a", "a", 100, payload); err != nil {
		t.Fatal(err)
	}
	c.StepDown(t.Context(), nc, "S", "")
	leader := c.StreamLeader("S")
	leader.Stop()
	acked, err := natsenv.Publish(t.Context(), js, "s.a", "b", 100, payload)
	if err != nil || len(acked) != 100 {
		t.Fatalf("with the leader stopped: %d, %v", len(acked), err)
	}
	leader.Restart()
	c.AwaitCurrent("S")
}
