package natsenv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Sum identifies a payload.
type Sum = [sha256.Size]byte

// Acked is one message the server acknowledged to its publisher.
type Acked struct {
	Subject   string
	Seq       uint64
	Sum       Sum
	Index     int  // of the publisher's count
	Duplicate bool // stored by an earlier attempt whose answer was lost
}

// Publish publishes n messages to subject, payload(i) the i-th, up to 1,000 of
// them under way, and returns what was acknowledged, by index. With a non-empty
// id the messages carry Nats-Msg-Id <id>-<i>, and what is not acknowledged is
// published again until ctx ends: so servers may be stopped meanwhile, within
// the duplicate window of the stream. Without one, the first failure is returned
// with what was acknowledged so far.
func Publish(ctx context.Context, js jetstream.JetStream, subject, id string, n int, payload func(int) []byte) ([]Acked, error) {
	const window = 1000
	acked := make([]Acked, 0, n)
	for from := 0; from < n; from += window {
		todo := make([]int, 0, window)
		for i := from; i < min(from+window, n); i++ {
			todo = append(todo, i)
		}
		for len(todo) > 0 {
			done, failed, err := publishSome(ctx, js, subject, id, todo, payload)
			acked = append(acked, done...)
			if len(failed) > 0 && (id == "" || ctx.Err() != nil) {
				return acked, fmt.Errorf("publish to %s: %d messages not acknowledged: %w", subject, len(failed), err)
			}
			todo = failed
		}
	}
	return acked, nil
}

func publishSome(ctx context.Context, js jetstream.JetStream, subject, id string, todo []int, payload func(int) []byte) (done []Acked, failed []int, err error) {
	futures := make([]jetstream.PubAckFuture, len(todo))
	sums := make([]Sum, len(todo))
	for at, i := range todo {
		m := &nats.Msg{Subject: subject, Data: payload(i)}
		sums[at] = sha256.Sum256(m.Data)
		// A node may hear later than the one that was asked that there is a stream.
		opts := []jetstream.PublishOpt{jetstream.WithRetryAttempts(100), jetstream.WithRetryWait(100 * time.Millisecond)}
		if id != "" {
			opts = append(opts, jetstream.WithMsgID(fmt.Sprintf("%s-%d", id, i)))
		}
		f, e := js.PublishMsgAsync(m, opts...)
		if e != nil {
			err = errors.Join(err, e)
			continue
		}
		futures[at] = f
	}
	for at, i := range todo {
		if futures[at] == nil {
			failed = append(failed, i)
			continue
		}
		select {
		case a := <-futures[at].Ok():
			done = append(done, Acked{Subject: subject, Seq: a.Sequence, Sum: sums[at], Index: i, Duplicate: a.Duplicate})
		case e := <-futures[at].Err():
			failed, err = append(failed, i), e
		case <-ctx.Done():
			failed, err = append(failed, i), context.Cause(ctx)
		}
	}
	return done, failed, err
}
