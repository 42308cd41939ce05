package bridge

import (
	"sync"
	"time"

	"github.com/pst-bridge/pst-bridge/consumer"
)

// dealt counts the deliveries of a consumer, from its first on, that came to this
// process, for as long as all did and none was acknowledged. What the consumer waits for
// shrinks with acks, purges and expiry alike; where all it delivered came here it was no
// ack. It outlives the pipelines of a topic, and is safe for concurrent use.
type dealt struct {
	mu struct {
		sync.Mutex
		consumer time.Time // when it was made
		upTo     uint64
		over     bool // one was acknowledged, or the numbers began anew
	}
}

// of begins anew where the consumer is another than before.
func (d *dealt) of(created time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.mu.consumer.Equal(created) {
		d.mu.consumer, d.mu.upTo, d.mu.over = created, 0, false
	}
}

// came counts messages in the order in which they were delivered.
func (d *dealt) came(msgs []consumer.Message) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range msgs {
		switch seq := msgs[i].ConsumerSeq; {
		case seq == d.mu.upTo+1:
			d.mu.upTo = seq
		case seq <= d.mu.upTo:
			d.mu.over = true
		}
	}
}

// acknowledged ends the count.
func (d *dealt) acknowledged() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.over = true
}

// acked reports whether a delivery may have been acknowledged, of a consumer that made so
// many and waits for none of the first acks of them. A redelivery elsewhere may have been
// acknowledged for one of ours, so each one counts that did not come here.
func (d *dealt) acked(made, acks uint64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return acks > 0 && (d.mu.over || made > d.mu.upTo)
}
