package bridge

import (
	"context"
	"sync"

	"github.com/pst-bridge/pst-bridge/consumer"
	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink"
)

// held is a message this process received and has not acknowledged. The message
// never changes; what else there is, is guarded by holdings.mu.
type held struct {
	consumer.Message
	again *consumer.Message // a later delivery of it, which is the one to acknowledge
	batch *batch            // nil until it is sealed

	condemned *sink.Rejection // it is a dead letter, and is not decoded; the assembler's
	weight    int64           // charged for it
}

// holdings are all messages that a pipeline holds, from receipt to acknowledgement.
// They bound how many it may hold, and recognise a second delivery of one it has.
type holdings struct {
	limit int
	freed chan struct{} // capacity 1: room was made

	mu struct {
		sync.Mutex
		bySeq map[uint64]*held
	}
}

func newHoldings(limit int) *holdings {
	h := &holdings{limit: limit, freed: make(chan struct{}, 1)}
	h.mu.bySeq = map[uint64]*held{}
	return h
}

// room waits until at least one more message may be held and returns how many.
func (h *holdings) room(ctx context.Context) (int, error) {
	for {
		h.mu.Lock()
		n := h.limit - len(h.mu.bySeq)
		h.mu.Unlock()
		if n > 0 {
			return n, nil
		}
		select {
		case <-h.freed:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

// add takes over the messages that are not held yet. A second delivery of one that
// is held only brings a newer way to acknowledge it, and what such deliveries weigh
// is returned. Two messages with one sequence cannot be: the error is a stop state.
func (h *holdings) add(msgs []consumer.Message) (fresh []*held, repeated int64, err error) {
	fresh = make([]*held, 0, len(msgs))
	block := make([]held, len(msgs)) // one allocation for all
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, m := range msgs {
		if old, ok := h.mu.bySeq[m.Seq]; ok && !mutant.On("no-dedup-in-batch") {
			if !old.Time.Equal(m.Time) {
				return nil, 0, rewound("sequence %d is held as stored at %v and came again as stored at %v", m.Seq, old.Time, m.Time)
			}
			repeated += weight(&m)
			again := m
			again.Data, again.Header = nil, nil
			old.again = &again
			continue
		}
		block[i].Message, block[i].weight = m, weight(&m)
		h.mu.bySeq[m.Seq] = &block[i]
		fresh = append(fresh, &block[i])
	}
	return fresh, repeated, nil
}

// claim notes that msgs are part of b.
func (h *holdings) claim(b *batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range b.msgs {
		m.batch = b
	}
}

// deliveries returns the newest delivery of each message, for an acknowledgement.
func (h *holdings) deliveries(msgs []*held) []consumer.Message {
	out := make([]consumer.Message, len(msgs))
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, m := range msgs {
		out[i] = m.Message
		if m.again != nil {
			out[i] = *m.again
		}
		out[i].Data, out[i].Header = nil, nil
	}
	return out
}

// release forgets messages: they are acknowledged or given back. It returns what they
// weighed.
func (h *holdings) release(msgs []*held) (bytes int64) {
	h.mu.Lock()
	for _, m := range msgs {
		if h.mu.bySeq[m.Seq] == m {
			delete(h.mu.bySeq, m.Seq)
			bytes += m.weight
		}
	}
	h.mu.Unlock()
	select {
	case h.freed <- struct{}{}:
	default:
	}
	return bytes
}

// lowestOutside returns the lowest sequence held that is not part of b, 0 if none.
func (h *holdings) lowestOutside(b *batch) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	low := uint64(0)
	for seq, m := range h.mu.bySeq {
		if m.batch != b && (low == 0 || seq < low) {
			low = seq
		}
	}
	return low
}

// all returns everything held.
func (h *holdings) all() []*held {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*held, 0, len(h.mu.bySeq))
	for _, m := range h.mu.bySeq {
		out = append(out, m)
	}
	return out
}
