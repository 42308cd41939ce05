package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Rollback says what a foreign restore or overwrite took from a table.
type Rollback struct {
	Version   uint64 // that did it; 0: none was found among the versions that can be read
	Operation string // restore or overwrite
	// Missing are the sequences whose rows or dead letters the table knew before and
	// does not know now. Exact is false where the version before is gone: what it held
	// beyond the ledger cannot be told then.
	Missing ledger.Set
	Exact   bool
}

// Rollback finds the first restore or overwrite after the ledger entry of a stream was
// written, and what it took. After an overwrite the ledger stands and the rows are gone:
// then everything it held is missing from the table, and none of it from the ledger.
func (s *Sink) Rollback(ctx context.Context, stream string) (*Rollback, error) {
	r := &Rollback{}
	head, err := s.latest(ctx)
	if err != nil || head == nil {
		return r, err
	}
	table, err := s.table(ctx, false)
	if err != nil {
		return r, err
	}
	now, err := s.entryOf(head, stream)
	if err != nil {
		return r, err
	}
	for v := now.Version + 1; v <= head.Version(); v++ {
		tx, err := table.Transaction(ctx, v)
		switch {
		case errors.Is(err, lance.ErrNoVersion), errors.Is(err, lance.ErrNoTransaction):
			continue
		case err != nil:
			return r, fmt.Errorf("read what version %d of %s did: %w", v, s.dir, err)
		case tx.Operation != lance.OpRestore && tx.Operation != lance.OpOverwrite:
			continue
		}
		r.Version, r.Operation = v, tx.Operation.String()
		break
	}
	if r.Version == 0 {
		return r, nil
	}
	before, err := table.Version(ctx, r.Version-1)
	if errors.Is(err, lance.ErrNoVersion) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read version %d of %s: %w", r.Version-1, s.dir, err)
	}
	was, err := s.entryOf(before, stream)
	if err != nil {
		return r, err
	}
	r.Exact, r.Missing = true, was.Known()
	if r.Operation == lance.OpRestore.String() {
		r.Missing = r.Missing.Minus(now.Known())
	}
	return r, nil
}

// entryOf is the ledger entry of a stream in a version, an empty one where it has none.
func (s *Sink) entryOf(d *lance.Dataset, stream string) (*ledger.Entry, error) {
	text, ok := d.Config()[ledger.Key(stream)]
	if !ok {
		return &ledger.Entry{}, nil
	}
	return ledger.Decode(text)
}
