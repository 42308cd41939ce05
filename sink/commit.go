package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Commit makes a staged batch part of the table and returns when the latest
// version was read and its ledger holds every message of the batch. pos must have
// been asked of the consumer before. It takes over the staged batch, also when it
// fails; then nothing may be acknowledged, and nothing was deleted.
//
// It tries until ctx ends, also while the storage fails, which it tells
// Config.Retrying; GiveUpAfter bounds that. A StopError means that trying again cannot help. Columns that
// have to become wider are rewritten first, or waited for, however long that takes.
func (s *Sink) Commit(ctx context.Context, st *Staged, pos Position) (*Result, error) {
	defer st.release()
	rows := &rowsPlanner{s: s, st: st, pos: pos}
	t := &trials{s: s}
	for {
		head, err := s.attempt(ctx, t, rows)
		if err == nil && head != nil {
			return s.result(head, rows)
		}
		if err = t.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// attempt takes one step towards a commit. It returns the version that was read back
// and holds the batch, or nil if another step is needed.
func (s *Sink) attempt(ctx context.Context, t *trials, rows *rowsPlanner) (*lance.Dataset, error) {
	// A table that nobody made yet still needs its directory for the first version.
	table, err := s.table(ctx, true)
	if err != nil {
		return nil, err
	}
	bounded, cancel := t.bound(ctx)
	defer cancel()
	head, err := table.Commit(bounded, rows)
	var wider *wideningError
	switch {
	case errors.Is(err, errEvolve):
		return nil, s.addColumns(bounded, table, rows)
	case errors.Is(err, lance.ErrStaleFile):
		rows.st.file = nil // somebody's clean-up took it: write it again
		return nil, nil
	case errors.Is(err, errDefaults):
		err = s.addDefaults(ctx, table, rows)
	case errors.As(err, &wider):
		var made []string
		made, err = s.widen(ctx, table, wider.list)
		rows.widened = append(rows.widened, made...)
	default:
		return head, err
	}
	t.began = time.Time{} // that may have taken long
	return nil, err
}

func (s *Sink) addColumns(ctx context.Context, table *lance.Table, rows *rowsPlanner) error {
	columns := &columnsPlanner{s: s, rec: rows.st.plan.Record.Schema(), pos: rows.pos}
	head, err := table.Commit(ctx, columns)
	if err != nil {
		return s.classify(fmt.Errorf("add columns to %s: %w", s.dir, err))
	}
	s.setHead(head)
	rows.columns = append(rows.columns, columns.names()...)
	return nil
}

// result reads off head what became of the batch, and remembers head.
func (s *Sink) result(head *lance.Dataset, p *rowsPlanner) (*Result, error) {
	text := head.Config()[ledger.Key(s.id.Stream)]
	entry, err := s.decode(text)
	if err != nil {
		return nil, err
	}
	s.remember(head, entry)
	res := &Result{
		Version: head.Version(), Epoch: entry.Epoch,
		Duplicates: len(p.duplicates), LedgerBytes: len(text), LedgerRuns: entry.Held.RunCount(),
		SteppedOver: p.stepped, NewColumns: p.columns, Widened: p.widened,
	}
	if p.proposed {
		res.Rows = p.st.plan.Record.NumRows()
		res.DeadLetters = len(p.st.plan.Rejected)
		if res.Rows > 0 {
			res.Bytes = int64(p.st.file.Size) //nolint:gosec // bounded by the file system
		}
		for _, r := range p.st.plan.Rejected {
			// Where the outcome was unknown, what the head holds may be another
			// worker's doing, and that worker may have made rows of the message.
			if entry.Status(r.Seq) == ledger.Pending {
				res.Pending = append(res.Pending, r)
			}
		}
		s.forgetPublished(p.published.Minus(entry.DeadPending))
	}
	for _, seq := range p.pending {
		res.Pending = append(res.Pending, Rejection{Seq: seq, Class: ClassPending, Reason: "it was recorded as a dead letter by an earlier delivery"})
	}
	return res, nil
}

func (s *Sink) forgetPublished(done ledger.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.published = s.mu.published.Minus(done)
}
