package bridge

import (
	"errors"
	"testing"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// Between a worker's look at the consumer and its look at the table, another may have
// made both: that is no consumer that went missing. One that was deleted is.
func TestConsumerMadeSinceTheFirstLook(t *testing.T) {
	ctx := t.Context()
	conn, err := consumer.Connect(ctx, consumer.Config{Servers: []string{natsenv.Start(t).URL()}, Instance: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	stream, err := conn.EnsureStream(ctx, consumer.StreamConfig{Provision: true})
	if err != nil {
		t.Fatal(err)
	}
	js := natsenv.JetStream(t, natsenv.Dial(t, conn.Server()))
	if _, err := js.Publish(ctx, "persisting.t", []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	b, err := New(Config{Storage: t.TempDir(), Provision: true, Once: true}, consumer.Shared(stream))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Run(ctx); err != nil {
		t.Fatal(err)
	}

	from, err := b.origin(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	p := b.newPipeline("t", from)
	defer p.drain()
	if p.sink, err = sink.Open(ctx, p.sinkConfig()); err != nil {
		t.Fatal(err)
	}
	defer p.sink.Close() //nolint:errcheck // nothing was written
	cfg := consumer.DurableConfig{Topic: "t", Name: "pst-bridge-t"}
	durable, err := p.create(ctx, cfg)
	if err != nil || durable.Name() != cfg.Name {
		t.Fatalf("the consumer is there, and yet: %v", err)
	}
	if err := js.DeleteConsumer(ctx, stream.Name(), cfg.Name); err != nil {
		t.Fatal(err)
	}
	_, err = p.create(ctx, cfg)
	var stop *sink.StopError
	if !errors.As(err, &stop) || stop.Reason != sink.ConsumerMissing {
		t.Errorf("the consumer of the table was deleted: %v", err)
	}
}
