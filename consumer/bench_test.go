package consumer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/testenv/natsenv"
)

// BenchmarkFetchAck drains a stream of 170-byte messages, each acknowledged, in
// portions of 5,000: by a Source, and by the jetstream package for comparison.
// Run it with -benchtime 200000x, and compare only within one run.
func BenchmarkFetchAck(b *testing.B) {
	for _, way := range []string{"tcp", "inprocess"} {
		b.Run(way+"/source", func(b *testing.B) { benchmarkFetchAck(b, way, drainSource) })
		b.Run(way+"/jetstream", func(b *testing.B) { benchmarkFetchAck(b, way, drainJetStream) })
	}
}

func benchmarkFetchAck(b *testing.B, way string, drain func(*testing.B, *consumer.Durable, *consumer.Conn)) {
	n := natsenv.Start(b)
	cfg := consumer.Config{Servers: []string{n.URL()}}
	if way == "inprocess" {
		cfg.InProcess = n
	}
	c := connect(b, cfg)
	s := ensureStream(b, c, consumer.StreamConfig{Retention: consumer.Limits})
	payload := []byte(strings.Repeat("x", 170))
	if _, err := natsenv.Publish(b.Context(), c.JetStream(), "persisting.demo", "", b.N, func(int) []byte { return payload }); err != nil {
		b.Fatal(err)
	}
	d := create(b, s, consumer.DurableConfig{})
	b.ReportAllocs()
	b.ResetTimer()
	drain(b, d, c)
	if err := d.Confirm(b.Context()); err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		st, err := d.State(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if st.NumPending == 0 && st.NumAckPending == 0 {
			break
		}
		<-tick.C
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

const portion = 5000

func drainSource(b *testing.B, d *consumer.Durable, _ *consumer.Conn) {
	src, err := d.NewSource(consumer.SourceConfig{})
	if err != nil {
		b.Fatal(err)
	}
	for got := 0; got < b.N; {
		msgs, err := src.Fetch(b.Context(), min(portion, b.N-got), 16<<20)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := d.Ack(msgs...); err != nil {
			b.Fatal(err)
		}
		got += len(msgs)
	}
	if err := src.Close(); err != nil {
		b.Fatal(err)
	}
}

func drainJetStream(b *testing.B, d *consumer.Durable, c *consumer.Conn) {
	js, err := c.JetStream().Consumer(b.Context(), "PERSISTING", d.Name())
	if err != nil {
		b.Fatal(err)
	}
	for got := 0; got < b.N; {
		batch, err := js.Fetch(min(portion, b.N-got), jetstream.FetchMaxWait(time.Second))
		if err != nil {
			b.Fatal(err)
		}
		for m := range batch.Messages() {
			if err := m.Ack(); err != nil {
				b.Fatal(err)
			}
			got++
		}
	}
}
