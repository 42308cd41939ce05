package consumer

import (
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// maxDeliveriesSubject is where the server tells that it gives a message up, followed
// by stream and consumer.
const maxDeliveriesSubject = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES."

// OnMaxDeliveries calls f for each message that the server gives up because it was
// delivered as often as the consumer allows: it stays in the stream and nobody gets it
// again. Durables of this package have no such limit, but it can be set later. f runs
// on a goroutine of the connection until stop is called.
func (d *Durable) OnMaxDeliveries(f func(seq, deliveries uint64)) (stop func(), err error) {
	subject := maxDeliveriesSubject + d.stream.name + "." + d.name
	sub, err := d.stream.conn.nc.Subscribe(subject, func(m *nats.Msg) {
		var advisory struct {
			Seq        uint64 `json:"stream_seq"`
			Deliveries uint64 `json:"deliveries"`
		}
		if json.Unmarshal(m.Data, &advisory) == nil && advisory.Seq > 0 {
			f(advisory.Seq, advisory.Deliveries)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	return func() { _ = sub.Unsubscribe() }, nil // a closed connection has none any more
}
