package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/sink"
)

// topic that is measured.
const topic = "bench"

// rawBatch is the size of the raw run's fetches; above 2,000 it makes no difference.
const rawBatch = 5000

// fill publishes n messages and returns their bytes.
func fill(ctx context.Context, conn *consumer.Conn, subject string, payloads [][]byte, n int) (int, error) {
	js, bytes := conn.JetStream(), 0
	for i := range n {
		p := payloads[i%len(payloads)]
		bytes += len(p)
		if _, err := js.PublishAsync(subject, p); err != nil {
			return 0, fmt.Errorf("publish: %w", err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
		return bytes, nil
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

// rawRun fetches and acknowledges everything with the client library and no sink,
// until the server has all acks.
func rawRun(ctx context.Context, conn *consumer.Conn, stream *consumer.Stream, name string, n int) (time.Duration, error) {
	cons, err := conn.JetStream().CreateConsumer(ctx, stream.Name(), jetstream.ConsumerConfig{
		Durable: name, AckPolicy: jetstream.AckExplicitPolicy, FilterSubject: stream.Subject(topic),
		MaxAckPending: consumer.DefaultMaxAckPending, AckWait: consumer.DefaultAckWait,
	})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for got := 0; got < n; {
		batch, err := cons.Fetch(min(rawBatch, n-got), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return 0, err
		}
		for m := range batch.Messages() {
			got++
			if err := m.Ack(); err != nil {
				return 0, err
			}
		}
		if err := batch.Error(); err != nil {
			return 0, err
		}
	}
	if err := allAcked(ctx, conn, stream, name); err != nil {
		return 0, err
	}
	return time.Since(began), conn.JetStream().DeleteConsumer(ctx, stream.Name(), name)
}

// allAcked waits until the server has every ack.
func allAcked(ctx context.Context, conn *consumer.Conn, stream *consumer.Stream, name string) error {
	for {
		cons, err := conn.JetStream().Consumer(ctx, stream.Name(), name)
		if err != nil {
			return err
		}
		if info := cons.CachedInfo(); info.NumAckPending == 0 && info.NumPending == 0 {
			return nil
		}
	}
}

// bridgeRun moves everything into a new table, until the server has all acks.
func bridgeRun(ctx context.Context, o options, conn *consumer.Conn, stream *consumer.Stream, round int) (time.Duration, error) {
	var compression sink.Compression
	switch o.compression {
	case "none":
		compression = sink.None
	case "zstd":
		compression = sink.Zstd
	case "lz4":
		compression = sink.LZ4
	default:
		return 0, fmt.Errorf("unknown compression %q", o.compression)
	}
	var acked atomic.Int64
	var fault atomic.Pointer[bridge.TopicState]
	done := make(chan struct{})
	b, err := bridge.New(bridge.Config{
		Topics: []string{topic}, Storage: filepath.Join(o.dir, fmt.Sprintf("tables-%d", round)),
		ConsumerName: fmt.Sprintf("bridge-%d", round), Provision: true, Compression: compression,
		Events: bridge.Events{
			Acked: func(_ string, n int, _ error) {
				if acked.Add(int64(n)) == int64(o.messages) {
					close(done)
				}
			},
			State: func(_ string, s bridge.TopicState) {
				if s.Err != nil {
					fault.Store(&s)
				}
			},
		},
	}, consumer.Shared(stream))
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- b.Run(ctx) }()
	select {
	case <-done:
	case err := <-ended:
		return 0, errors.Join(errors.New("ended early"), err)
	case <-time.After(5 * time.Minute):
		return 0, fmt.Errorf("stuck at %d acks; %v", acked.Load(), b.Status())
	}
	name, err := consumer.ConsumerName(fmt.Sprintf("bridge-%d", round), topic)
	if err != nil {
		return 0, err
	}
	if err := allAcked(ctx, conn, stream, name); err != nil {
		return 0, err
	}
	took := time.Since(began)
	b.Drain()
	err = <-ended
	if s := fault.Load(); s != nil {
		err = errors.Join(err, s.Err)
	}
	return took, err
}
