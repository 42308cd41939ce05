package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// history is what the stream acknowledged: for each sequence the hash of the
// record it holds. It is the truth the table is compared with.
type history struct {
	seed maphash.Seed
	sums map[uint64]uint64
}

// demoOutstanding bounds the publishes without acknowledgement.
const demoOutstanding = 1000

// publishRecords publishes the records 1 to n and returns their history. acked
// follows the number acknowledged.
func publishRecords(ctx context.Context, js jetstream.JetStream, subject string, n int64, acked *atomic.Int64) (*history, error) {
	h := &history{seed: maphash.MakeSeed(), sums: make(map[uint64]uint64, n)}
	type sent struct {
		sum uint64
		ack jetstream.PubAckFuture
	}
	queue := make([]sent, 0, demoOutstanding)
	settle := func(keep int) error {
		for len(queue) > keep {
			select {
			case ack := <-queue[0].ack.Ok():
				if _, taken := h.sums[ack.Sequence]; taken || ack.Duplicate {
					return fmt.Errorf("the stream acknowledged sequence %d twice", ack.Sequence)
				}
				h.sums[ack.Sequence] = queue[0].sum
			case err := <-queue[0].ack.Err():
				return fmt.Errorf("publish to %s: %w", subject, err)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			queue = queue[1:]
			acked.Add(1)
		}
		return nil
	}
	for id := int64(1); id <= n; id++ {
		rec := makeRecord(id)
		ack, err := js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: rec.json(nil)})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("publish to %s: %w", subject, err), settle(0))
		}
		queue = append(queue, sent{rec.sum(h.seed), ack})
		if err := settle(demoOutstanding - 1); err != nil {
			return nil, err
		}
	}
	return h, settle(0)
}
