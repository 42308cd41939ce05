package bridge

import (
	"context"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink"
)

// stagedBatch is a batch whose data file is written.
type stagedBatch struct {
	*batch
	staged *sink.Staged
}

// stage writes the data files of sealed batches. Several stages may share in and out.
func (p *pipeline) stage(ctx context.Context, in <-chan sealedBatch, out chan<- stagedBatch) error {
	for {
		var b sealedBatch
		select {
		case next, ok := <-in:
			if !ok {
				return nil
			}
			b = next
		case <-ctx.Done(): // another stage failed, and no batch may ever come
			return context.Cause(ctx)
		}
		staged, err := p.sink.Stage(ctx, b.sink)
		if err != nil {
			return fmt.Errorf("stage: %w", err)
		}
		p.cfg.Events.reached(p.topic, MomentStaged)
		select {
		case out <- stagedBatch{b.batch, staged}:
		case <-ctx.Done():
			staged.Discard()
			return context.Cause(ctx)
		}
	}
}
