package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Commit makes a staged batch part of the table and returns when the latest
// version was read and its ledger holds every message of the batch. pos must have
// been asked of the consumer before. It takes over the staged batch, also when it
// fails; then nothing may be acknowledged, and nothing was deleted.
//
// It tries until ctx ends, also while the storage fails, which it tells
// Config.Retrying. A StopError means that trying again cannot help.
func (s *Sink) Commit(ctx context.Context, st *Staged, pos Position) (*Result, error) {
	defer st.release()
	rows := &rowsPlanner{s: s, st: st, pos: pos}
	var columns []string
	var last error // of the storage
	for failures := 0; ctx.Err() == nil; {
		head, added, err := s.attempt(ctx, rows)
		columns = append(columns, added...)
		switch {
		case err == nil && head != nil:
			res, err := s.result(head, rows)
			if err != nil {
				return nil, err
			}
			res.NewColumns = columns
			return res, nil
		case err == nil: // a step on the way
		case !passing(err):
			return nil, s.classify(fmt.Errorf("commit to %s: %w", s.dir, err))
		case ctx.Err() == nil:
			last = err
			if s.cfg.Retrying != nil {
				s.cfg.Retrying(err)
			}
			if pause(ctx, failures) != nil {
				return nil, s.gaveUp(ctx, last)
			}
			failures++
		}
	}
	return nil, s.gaveUp(ctx, last)
}

// attempt takes one step towards a commit. It returns the version that was read back
// and holds the batch, or nil if another step is needed; columns are those it added.
func (s *Sink) attempt(ctx context.Context, rows *rowsPlanner) (head *lance.Dataset, columns []string, err error) {
	// A table that nobody made yet still needs its directory for the first version.
	table, err := s.table(ctx, true)
	if err != nil {
		return nil, nil, err
	}
	head, err = table.Commit(ctx, rows)
	switch {
	case errors.Is(err, errEvolve):
		columns, err = s.addColumns(ctx, table, rows.st, rows.pos)
		return nil, columns, err
	case errors.Is(err, lance.ErrStaleFile):
		rows.st.file = nil // somebody's clean-up took it: write it again
		return nil, nil, nil
	}
	return head, nil, err
}

func (s *Sink) addColumns(ctx context.Context, table *lance.Table, st *Staged, pos Position) ([]string, error) {
	columns := &columnsPlanner{s: s, rec: st.plan.Record.Schema(), pos: pos}
	head, err := table.Commit(ctx, columns)
	if err != nil {
		return nil, s.classify(fmt.Errorf("add columns to %s: %w", s.dir, err))
	}
	s.setHead(head)
	return columns.names(), nil
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
		SteppedOver: p.stepped,
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
		res.Pending = append(res.Pending, Rejection{Seq: seq, Class: ClassPending, Reason: "recorded as a dead letter by an earlier delivery"})
	}
	return res, nil
}

func (s *Sink) forgetPublished(done ledger.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.published = s.mu.published.Minus(done)
}
