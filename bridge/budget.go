package bridge

import (
	"context"
	"sync"

	"github.com/pst-bridge/pst-bridge/consumer"
)

const (
	// minPullBytes is what a pull may bring however little memory is left: the
	// pipelines would starve each other otherwise.
	minPullBytes = 1 << 20
	// copies is how often a message is in memory at most, in its own size: raw, as Arrow
	// data, and as pages while they are written.
	copies = 3
	// messageOverhead is what a held message takes beside that.
	messageOverhead = 256
)

// budget is the memory that the pipelines of a process share: what pulls may bring, and
// messages from receipt to acknowledgement with all that is made of them meanwhile. A
// pipeline fetches only while there is some left, and when there is none, the largest
// open batch is sealed, whoever's it is. Safe for concurrent use.
type budget struct {
	limit int64
	mu    struct {
		sync.Mutex
		used, most int64
		pipelines  map[*pipeline]int64 // bytes of each one's open batch
		freed      chan struct{}       // closed when memory was freed, and replaced
	}
}

func newBudget(limit int64) *budget {
	b := &budget{limit: limit}
	b.mu.pipelines = map[*pipeline]int64{}
	b.mu.freed = make(chan struct{})
	return b
}

// join and leave say which pipelines share the budget.
func (b *budget) join(p *pipeline) { b.opened(p, 0) }

func (b *budget) leave(p *pipeline) {
	b.mu.Lock()
	delete(b.mu.pipelines, p)
	b.mu.Unlock()
}

// opened notes the size of a pipeline's open batch.
func (b *budget) opened(p *pipeline, bytes int64) {
	b.mu.Lock()
	b.mu.pipelines[p] = bytes
	b.mu.Unlock()
}

// add counts memory taken (positive) or freed.
func (b *budget) add(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(bytes)
	if bytes < 0 {
		close(b.mu.freed)
		b.mu.freed = make(chan struct{})
	}
}

func (b *budget) count(bytes int64) {
	b.mu.used += bytes
	b.mu.most = max(b.mu.most, b.mu.used)
}

// reserve waits until there is memory left, and returns how many bytes a pull may bring,
// whose copies it has counted already: free gives that back. All pipelines, also those
// whose pulls bring nothing, together reserve half of what is left.
func (b *budget) reserve(ctx context.Context) (bytes int, free func(), err error) {
	for {
		b.mu.Lock()
		left, sharers, freed := b.limit-b.mu.used, len(b.mu.pipelines), b.mu.freed
		var largest *pipeline
		var size int64
		for p, bytes := range b.mu.pipelines {
			if bytes > size {
				largest, size = p, bytes
			}
		}
		if left > 0 {
			bytes := min(max(left/int64(2*copies*max(sharers, 1)), minPullBytes), maxPullBytes)
			b.count(copies * bytes)
			b.mu.Unlock()
			return int(bytes), func() { b.add(-copies * bytes) }, nil
		}
		b.mu.Unlock()
		if largest != nil {
			largest.press(RollMemory)
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return 0, nil, context.Cause(ctx)
		}
	}
}

// pressAll has every pipeline seal its open batch.
func (b *budget) pressAll(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.mu.pipelines {
		p.press(reason)
	}
}

// press has the pipeline seal its open batch, for a reason. It does not wait.
func (p *pipeline) press(reason string) {
	select {
	case p.pressed <- reason:
	default: // it knows
	}
}

// Memory returns how many bytes the process counts for messages and what is made of
// them, and the most it ever counted.
func (b *Bridge) Memory() (used, most int64) {
	b.budget.mu.Lock()
	defer b.budget.mu.Unlock()
	return b.budget.mu.used, b.budget.mu.most
}

// charge counts memory that the pipeline takes (positive) or frees.
func (p *pipeline) charge(bytes int64) {
	if bytes != 0 {
		p.charged.Add(bytes)
		p.budget.add(bytes)
	}
}

// weight is what a held message takes.
func weight(m *consumer.Message) int64 {
	n := int64(len(m.Data) + len(m.Subject))
	for name, values := range m.Header {
		n += int64(len(name))
		for _, v := range values {
			n += int64(len(v))
		}
	}
	return copies*n + messageOverhead
}

// weigh counts what the open batch takes more than its messages were counted for: rows
// of few bytes may be wide.
func (a *assembler) weigh() {
	arrow := int64(a.dec.Bytes())
	excess := max((copies-1)*(arrow-a.open.bytes), 0)
	a.p.charge(excess - a.open.excess)
	a.open.excess = excess
	a.p.budget.opened(a.p, a.open.bytes+arrow)
}
