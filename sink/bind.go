package sink

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// errRebound says that an operator gave the table another epoch while this
// process ran: the pipeline has to start again.
var errRebound = errors.New("the table was bound to another epoch meanwhile")

// HasEntry reports whether the table, as Open or Bind saw it, holds a ledger entry
// for the stream. Only where it holds none may a consumer be created.
func (s *Sink) HasEntry(stream string) bool {
	head := s.head()
	if head == nil {
		return false
	}
	_, ok := head.Config()[ledger.Key(stream)]
	return ok
}

// Bind decides whether the consumer at pos may fill this table, and reads the
// table to do so: pos has to be asked before.
func (s *Sink) Bind(ctx context.Context, pos Position) (Bound, error) {
	head, err := s.latest(ctx)
	if err != nil {
		return Bound{}, err
	}
	s.id = pos.Identity
	entry, err := s.admit(ctx, head, pos)
	if err != nil {
		return Bound{}, err
	}
	if err := s.checkLength(ctx, entry, &pos); err != nil {
		return Bound{}, err
	}
	s.remember(head, entry)
	return Bound{Epoch: entry.Epoch}, nil
}

// Bound is what the ledger says of the stream that a sink was bound to.
type Bound struct {
	Epoch uint32 // which incarnation of the stream's sequences this is
}

// admit returns the ledger entry that base (nil: no table) holds for our stream,
// or a new one where it may begin here. Everything else is a contradiction.
func (s *Sink) admit(ctx context.Context, base *lance.Dataset, pos Position) (*ledger.Entry, error) {
	if err := s.sameConsumer(s.id, pos.Identity, "this process began with"); err != nil {
		return nil, err
	}
	if base == nil {
		if s.bound || pos.Acked {
			return nil, stop(TableMissing, "messages of %s were acknowledged, or gone before anything was committed, and %s holds no table; if it was dropped on purpose or never made, delete the consumer %s to start anew",
				s.id.Stream, s.dir, s.id.Consumer)
		}
		return &ledger.Entry{Identity: s.id}, nil
	}
	tableID := base.Config()[keyTable]
	if s.bound && tableID != s.tableID {
		return nil, stop(TableReplaced, "%s was table %q and is table %q now", s.dir, s.tableID, tableID)
	}
	text, ok := base.Config()[ledger.Key(s.id.Stream)]
	if !ok {
		if s.entered || pos.Acked {
			return nil, stop(LedgerMissing, "messages of %s were acknowledged and version %d of %s has no ledger entry for it",
				s.id.Stream, base.Version(), s.dir)
		}
		return &ledger.Entry{Identity: s.id, Table: tableID}, nil
	}
	entry, err := s.decode(text)
	if err != nil {
		return nil, err
	}
	if err := s.sameConsumer(entry.Identity, pos.Identity, "the ledger was written for"); err != nil {
		return nil, err
	}
	if entry.Table != tableID {
		return nil, stop(TableReplaced, "the ledger in %s belongs to table %q, this is %q", s.dir, entry.Table, tableID)
	}
	if s.entered && entry.Epoch != s.epoch {
		return nil, errRebound
	}
	return entry, s.walk(ctx, base, entry, pos)
}

// decode reads an entry, by memory where it is the one last seen.
func (s *Sink) decode(text string) (*ledger.Entry, error) {
	if s.last.entry != nil && s.last.text == text {
		return s.last.entry, nil
	}
	entry, err := ledger.Decode(text)
	switch {
	case errors.Is(err, ledger.ErrNewer):
		return nil, &StopError{LedgerNewer, err}
	case err != nil:
		return nil, &StopError{LedgerUnreadable, err}
	}
	s.last.text, s.last.entry = text, entry
	return entry, nil
}

func (s *Sink) sameConsumer(known, now ledger.Identity, how string) error {
	switch {
	case known.Stream != now.Stream, known.Domain != now.Domain, !known.StreamCreated.Equal(now.StreamCreated):
		return stop(StreamRecreated, "%s stream %s, domain %q, created %s; it is now %s, domain %q, created %s",
			how, known.Stream, known.Domain, when(known.StreamCreated), now.Stream, now.Domain, when(now.StreamCreated))
	case known.Consumer != now.Consumer, !known.ConsumerCreated.Equal(now.ConsumerCreated):
		return stop(ConsumerReplaced, "%s consumer %s, created %s; it is now %s, created %s: a table takes one consumer per stream",
			how, known.Consumer, when(known.ConsumerCreated), now.Consumer, when(now.ConsumerCreated))
	}
	return nil
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// walk looks at what was committed since entry was written. Rows and ledger went
// back together in a restore, and an overwrite keeps the ledger without the rows,
// so after either nothing may be acknowledged until an operator has decided.
func (s *Sink) walk(ctx context.Context, base *lance.Dataset, entry *ledger.Entry, pos Position) error {
	table, err := s.table(ctx, false)
	if err != nil {
		return err
	}
	whole := true // so far
	for v := max(entry.Version, s.walked) + 1; v <= base.Version(); v++ {
		tx, err := table.Transaction(ctx, v)
		switch {
		case errors.Is(err, lance.ErrNoVersion), errors.Is(err, lance.ErrNoTransaction):
			if top := highest(entry); pos.AckFloor > top && !nothingAfter(entry, pos) && !s.cfg.Accept {
				return stop(RolledBack, "version %d of %s cannot be read any more, and sequences up to %d were acknowledged while its ledger ends at %d",
					v, s.dir, pos.AckFloor, top)
			}
			// The floor is not raised past what cannot be read. Those after it can be,
			// and a restore may be among them.
			whole = false
			continue
		case err != nil:
			return fmt.Errorf("read what version %d of %s did: %w", v, s.dir, err)
		case !s.cfg.Accept && !mutant.On("floor-after-restore") && (tx.Operation == lance.OpRestore || tx.Operation == lance.OpOverwrite):
			return stop(RolledBack, "version %d of %s is a foreign %s: the rows that the ledger counted are gone, and the stream was told they are safe",
				v, s.dir, tx.Operation)
		}
		if whole {
			s.walked = v
		}
	}
	return nil
}

// nothingAfter reports whether the consumer's own count of deliveries says that nothing
// above what entry holds was acknowledged: the ack floor, a sequence of the stream,
// passes other topics' messages and what is purged, also while a topic is idle. A count
// below the entry's was begun anew, and says nothing.
func nothingAfter(entry *ledger.Entry, pos Position) bool {
	return entry.Delivery > 0 && pos.AckedDeliveries <= entry.Delivery && entry.Delivery <= pos.Deliveries
}

// mayRaise reports whether everything between entry and base was seen and harmless.
func (s *Sink) mayRaise(base *lance.Dataset, entry *ledger.Entry) bool {
	return base == nil || max(entry.Version, s.walked) >= base.Version()
}

func highest(e *ledger.Entry) uint64 {
	top := e.Floor
	for _, set := range []ledger.Set{e.Held, e.DeadPending} {
		if last, ok := set.Max(); ok {
			top = max(top, last)
		}
	}
	return top
}

// remember keeps what must not change from now on.
func (s *Sink) remember(head *lance.Dataset, entry *ledger.Entry) {
	if head == nil {
		return
	}
	s.setHead(head)
	if id := head.Config()[keyTable]; id != "" {
		s.bound, s.tableID = true, id
	}
	if _, ok := head.Config()[ledger.Key(s.id.Stream)]; ok {
		s.entered, s.epoch = true, entry.Epoch
		s.mu.Lock()
		s.mu.entry = entry
		s.mu.Unlock()
	}
}
