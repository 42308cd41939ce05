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
// have to become wider are rewritten first, or waited for, however long that takes; see
// Batch.Yields.
func (s *Sink) Commit(ctx context.Context, st *Staged, pos Position) (*Result, error) {
	defer st.release()
	rows := &rowsPlanner{s: s, st: st, pos: pos}
	t := &trials{s: s}
	for {
		head, err := s.attempt(ctx, t, rows)
		if err == nil && head != nil {
			return s.result(ctx, head, rows)
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
		made, err = s.widen(ctx, table, rows, wider.list)
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
func (s *Sink) result(ctx context.Context, head *lance.Dataset, p *rowsPlanner) (*Result, error) {
	text := head.Config()[ledger.Key(s.id.Stream)]
	entry, err := s.decode(text)
	if err != nil {
		return nil, err
	}
	s.remember(head, entry)
	res := &Result{
		Version: head.Version(), Epoch: entry.Epoch,
		Duplicates: len(p.st.batch.Marks), LedgerBytes: len(text), LedgerRuns: entry.Held.RunCount(),
		NewColumns: p.columns, Widened: p.widened,
	}
	var rejected []Rejection
	if p.proposed {
		rejected = p.st.plan.Rejected
	}
	if ours := p.landed(ctx, entry); ours != nil {
		res.Rows, res.Bytes, res.DeadLetters = ours.rows, ours.bytes, len(ours.rejected)
		res.Duplicates -= int(ours.seqs.Len()) //nolint:gosec // a part of the batch
		res.SteppedOver = ours.stepped
		rejected = ours.rejected
		s.forgetPublished(ours.published.Minus(entry.DeadPending))
	}
	res.Pending = p.undecided(entry, rejected)
	return res, nil
}

// undecided are the batch's dead letters that entry says are to be published, with the
// reasons of those that this commit knows.
func (p *rowsPlanner) undecided(entry *ledger.Entry, rejected []Rejection) (list []Rejection) {
	var seqs []uint64
	for _, r := range rejected {
		// Where the outcome was unknown, what the head holds may be another
		// worker's doing, and that worker may have made rows of the message.
		if entry.Status(r.Seq) == ledger.Pending {
			list = append(list, r)
			seqs = append(seqs, r.Seq)
		}
	}
	known := ledger.SetOf(seqs...)
	for _, seq := range p.pending {
		if !known.Has(seq) {
			list = append(list, Rejection{Seq: seq, Class: ClassPending, Reason: "it was recorded as a dead letter by an earlier delivery"})
		}
	}
	return list
}

func (s *Sink) forgetPublished(done ledger.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.published = s.mu.published.Minus(done)
}
