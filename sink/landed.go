package sink

import (
	"context"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// proposed is a version that a commit tried to put, and what it would record.
type proposed struct {
	version     uint64
	transaction string
	seqs        ledger.Set
	rows, bytes int64
	rejected    []Rejection
	published   ledger.Set
	stepped     uint64
}

// note keeps a proposal until it is known to be lost: its put may have an unknown
// outcome, and a later plan finds its messages in the ledger.
func (p *rowsPlanner) note(version uint64, transaction string, fresh []ledger.Mark) {
	t := proposed{
		version: version, transaction: transaction, seqs: seqsOf(fresh), rows: p.st.plan.Record.NumRows(),
		rejected: p.st.plan.Rejected, published: p.published, stepped: p.stepped,
	}
	if t.rows > 0 {
		t.bytes = int64(p.st.file.Size) //nolint:gosec // bounded by the file system
	}
	p.tried = append(p.tried, t)
}

// forget drops the proposals that base shows to be lost.
func (p *rowsPlanner) forget(base *lance.Dataset, entry *ledger.Entry) {
	kept := p.tried[:0]
	for _, t := range p.tried {
		if base == nil || base.Version() < t.version || t.seqs.Minus(entry.Known()).Empty() {
			kept = append(kept, t)
		}
	}
	p.tried = kept
}

// landed returns the proposal that made a version of the table, nil if others recorded
// the batch. entry is what was read back, and holds the whole of it. Where what a
// version did cannot be read, the last proposal counts, if the last plan made one.
func (p *rowsPlanner) landed(ctx context.Context, entry *ledger.Entry) *proposed {
	for i := len(p.tried) - 1; i >= 0; i-- {
		t := &p.tried[i]
		if t.transaction == entry.Transaction {
			return t
		}
		table, err := p.s.table(ctx, false)
		if err != nil || table == nil {
			continue
		}
		tx, err := table.Transaction(ctx, t.version)
		if err == nil && tx.UUID == t.transaction || err != nil && p.proposed && i == len(p.tried)-1 {
			return t
		}
	}
	return nil
}

func seqsOf(marks []ledger.Mark) ledger.Set {
	seqs := make([]uint64, len(marks))
	for i, m := range marks {
		seqs[i] = m.Seq
	}
	return ledger.SetOf(seqs...)
}
