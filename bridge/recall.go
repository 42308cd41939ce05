package bridge

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink"
)

// rejections are the dead letters that a committed batch has to publish, by sequence.
// Of one that an earlier delivery decided, the ledger knows no class and no reason:
// these are found anew from the message.
func (p *pipeline) rejections(b *batch, res *sink.Result) (map[uint64]sink.Rejection, error) {
	out := make(map[uint64]sink.Rejection, len(res.Pending))
	for _, r := range res.Pending {
		if known, ok := out[r.Seq]; !ok || known.Class == sink.ClassPending {
			out[r.Seq] = r
		}
	}
	for _, m := range b.msgs {
		if r, ok := out[m.Seq]; ok && r.Class == sink.ClassPending {
			again, err := p.recall(m)
			if err != nil {
				return nil, err
			}
			if again != nil {
				out[m.Seq] = *again
			}
		}
	}
	return out, nil
}

// recall decodes a message by itself for the table as it is, and returns why it is a
// dead letter; nil if it would be none now, because the table or the settings changed
// since, or its neighbours were the cause.
func (p *pipeline) recall(m *held) (*sink.Rejection, error) {
	plan, err := replan([]*held{m}, p.sink.Schema(), p.decode, func(uint64) bool { return false })
	if err != nil {
		return nil, fmt.Errorf("find out why message %d is a dead letter: %w", m.Seq, err)
	}
	plan.Record.Release()
	if len(plan.Rejected) == 0 {
		return nil, nil //nolint:nilnil // no reason is an ordinary answer
	}
	return &plan.Rejected[0], nil
}
