package consumer_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// A server that stops and starts again on its store is a pause: Fetch returns
// none meanwhile, without error, and everything comes afterwards.
func TestServerRestart(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{AckWait: 2 * time.Second})
	src := source(t, d, consumer.SourceConfig{Expiry: 300 * time.Millisecond})
	w.publish(5000, 100)
	f := fetched{}
	msgs, err := src.Fetch(t.Context(), 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.check(f, msgs)
	if _, err := d.Ack(msgs...); err != nil {
		t.Fatal(err)
	}
	if err := d.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := d.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.node.Stop()
	for range 3 {
		if msgs, err := src.Fetch(t.Context(), 1000, 0); err != nil || len(msgs) != 0 {
			t.Fatalf("without a server: %d messages, %v", len(msgs), err)
		}
	}
	if w.conn.Connected() {
		t.Error("connected to a stopped server")
	}
	w.node.Restart()
	start := time.Now()
	w.drain(f, d, src, 1000, 0)
	t.Logf("recovered in %v", time.Since(start))
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("recovery took %v", took)
	}
	after, err := d.State(t.Context())
	if err != nil || !after.ConsumerCreated.Equal(before.ConsumerCreated) || !after.StreamCreated.Equal(before.StreamCreated) {
		t.Errorf("a restart changed created times: %+v, %+v, %v", before, after, err)
	}
}

// A killed server forgets acks of its last moments, and no message.
func TestServerKill(t *testing.T) {
	p := natsenv.StartProcess(t)
	c := connect(t, consumer.Config{Servers: []string{p.URL()}})
	w := &world{t: t, conn: c, acked: map[uint64]natsenv.Sum{}, stream: ensureStream(t, c, consumer.StreamConfig{})}
	d := create(t, w.stream, consumer.DurableConfig{AckWait: 2 * time.Second})
	src := source(t, d, consumer.SourceConfig{Expiry: 300 * time.Millisecond})
	w.publish(5000, 100)
	f := fetched{}
	for range 3 {
		msgs, err := src.Fetch(t.Context(), 500, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.check(f, msgs)
		if _, err := d.Ack(msgs...); err != nil {
			t.Fatal(err)
		}
		p.Restart()
	}
	w.drain(f, d, src, 1000, 0)
}

// A consumer's leader that steps down, and a server that goes, are a pause too.
func TestClusterLeaderChange(t *testing.T) {
	cl := natsenv.StartCluster(t)
	c := connect(t, consumer.Config{Servers: []string{cl.URL()}})
	w := &world{t: t, conn: c, acked: map[uint64]natsenv.Sum{}, stream: ensureStream(t, c, consumer.StreamConfig{Replicas: 3})}
	d := create(t, w.stream, consumer.DurableConfig{AckWait: 3 * time.Second})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(3000, 100)
	nc := natsenv.Dial(t, cl.URL())
	f := fetched{}
	for step := range 4 {
		msgs, err := src.Fetch(t.Context(), 500, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.check(f, msgs)
		if _, err := d.Ack(msgs...); err != nil {
			t.Fatal(err)
		}
		switch step {
		case 0, 1:
			cl.StepDown(t.Context(), nc, "PERSISTING", d.Name())
		case 2:
			cl.StepDown(t.Context(), nc, "PERSISTING", "")
		case 3:
			cl.ConsumerLeader("PERSISTING", d.Name()).Stop()
		}
	}
	start := time.Now()
	w.drain(f, d, src, 500, 0)
	t.Logf("after the leader was gone: %v", time.Since(start))
	for _, n := range cl.Nodes {
		if n.Server() == nil {
			n.Restart()
		}
	}
	cl.AwaitCurrent("PERSISTING")
}

// A step-down under a waiting Fetch does not end it.
func TestClusterStepDownUnderFetch(t *testing.T) {
	cl := natsenv.StartCluster(t)
	c := connect(t, consumer.Config{Servers: []string{cl.URL()}})
	w := &world{t: t, conn: c, acked: map[uint64]natsenv.Sum{}, stream: ensureStream(t, c, consumer.StreamConfig{Replicas: 3})}
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: 20 * time.Second})
	nc := natsenv.Dial(t, cl.URL())
	got := make(chan error, 1)
	go func() {
		msgs, err := src.Fetch(t.Context(), 1, 0)
		if err == nil && len(msgs) != 1 {
			err = errors.New("no message")
		}
		got <- err
	}()
	w.awaitPull(d)
	cl.StepDown(t.Context(), nc, "PERSISTING", d.Name())
	w.publish(1, 10)
	start := time.Now()
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the message came after %v", took)
	}
	cl.AwaitCurrent("PERSISTING")
}

// The server's newer format of acknowledgement subjects works as well.
func TestAckFormatV2(t *testing.T) {
	n := natsenv.Start(t, func(o *server.Options) {
		o.JetStreamDomain = "hub"
		o.FeatureFlags = map[string]bool{server.FeatureFlagJsAckFormatV2: true}
	})
	c := connect(t, consumer.Config{Servers: []string{n.URL()}, Domain: "hub"})
	w := &world{t: t, node: n, conn: c, acked: map[uint64]natsenv.Sum{}, stream: ensureStream(t, c, consumer.StreamConfig{})}
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{})
	w.publish(100, 10)
	f := fetched{}
	w.drain(f, d, src, 30, 0)
	w.once(f)
	if err := d.Confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := d.State(t.Context()); err != nil || st.NumAckPending != 0 || st.AckFloor != 100 {
		t.Errorf("state %+v, %v", st, err)
	}
	if info, err := w.stream.Info(t.Context()); err != nil || info.Domain != "hub" {
		t.Errorf("info %+v, %v", info, err)
	}
}

// A connection that is closed ends what waits on it.
func TestClosedConnection(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	src := source(t, d, consumer.SourceConfig{Expiry: 20 * time.Second})
	got := make(chan error, 1)
	go func() {
		_, err := src.Fetch(t.Context(), 1, 0)
		got <- err
	}()
	w.awaitPull(d)
	w.conn.Close()
	if err := <-got; !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("fetch: %v", err)
	}
	if _, err := d.State(t.Context()); !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("state: %v", err)
	}
	if n, err := d.Ack(consumer.Message{}); n != 0 || err == nil {
		t.Errorf("ack: %d, %v", n, err)
	}
	if err := d.Confirm(t.Context()); !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("confirm: %v", err)
	}
	if _, err := d.NewSource(consumer.SourceConfig{}); !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("new source: %v", err)
	}
	if _, err := w.conn.EnsureStream(t.Context(), consumer.StreamConfig{}); !errors.Is(err, consumer.ErrClosed) {
		t.Errorf("ensure stream: %v", err)
	}
}

// While no server is there a call says so, and ends with its context.
func TestCallWithoutServer(t *testing.T) {
	w := newWorld(t)
	d := create(t, w.stream, consumer.DurableConfig{})
	w.node.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := d.State(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("state: %v", err)
	}
	if err := d.Confirm(ctx); err == nil {
		t.Error("confirmed without a server")
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}
