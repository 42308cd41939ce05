package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// ErrRefused is wrapped where a repair that an operator asked for would lose or
// double rows, or has nothing to work on.
var ErrRefused = errors.New("refused")

// Rebinding is what an operator decided about a contradiction.
type Rebinding struct {
	Identity Identity // stream and consumer as they are now
	// NewEpoch: the stream gives out sequence numbers a second time, from Start on, so
	// what the ledger holds of them says nothing about the messages that have them now.
	NewEpoch bool
	Start    uint64
}

// Rebind writes a ledger entry for another consumer, or for another epoch of the
// stream's sequences, and returns it as it stands in the table. Without NewEpoch the
// stream must be the one that the ledger knows; epoch, floor and set stay. The entry
// is newer than every restore and overwrite there was, so these are accepted with it.
func (s *Sink) Rebind(ctx context.Context, r Rebinding) (*ledger.Entry, error) {
	return s.edit(ctx, r.Identity, func(base *lance.Dataset) (*ledger.Entry, error) {
		text, ok := base.Config()[ledger.Key(r.Identity.Stream)]
		if !ok {
			return nil, fmt.Errorf("%w: version %d of %s has no ledger entry for stream %s; see rebuild-ledger",
				ErrRefused, base.Version(), s.dir, r.Identity.Stream)
		}
		entry, err := s.decode(text)
		if err != nil {
			return nil, err
		}
		next := *entry
		next.Identity, next.Delivery = r.Identity, 0 // the count is the old consumer's
		if r.NewEpoch {
			return next.NewEpoch(r.Start), nil
		}
		if entry.Domain != r.Identity.Domain || !entry.StreamCreated.Equal(r.Identity.StreamCreated) {
			return nil, fmt.Errorf("%w: the ledger counts stream %s of domain %q created %s, this is one of domain %q created %s: its sequences are others, use --new-epoch",
				ErrRefused, entry.Stream, entry.Domain, when(entry.StreamCreated), r.Identity.Domain, when(r.Identity.StreamCreated))
		}
		return &next, nil
	})
}

// edit commits a ledger entry that change makes from the latest version, without any
// rows, and returns it.
func (s *Sink) edit(ctx context.Context, id Identity, change func(base *lance.Dataset) (*ledger.Entry, error)) (*ledger.Entry, error) {
	table, err := s.table(ctx, false)
	if err != nil {
		return nil, err
	}
	if table == nil {
		return nil, fmt.Errorf("%w: there is no table %s", ErrRefused, s.dir)
	}
	p := &editPlanner{s: s, id: id, change: change}
	head, err := table.Commit(ctx, p)
	if err != nil {
		return nil, s.classify(fmt.Errorf("write ledger of %s: %w", s.dir, err))
	}
	return s.decode(head.Config()[ledger.Key(id.Stream)])
}

// editPlanner commits one ledger entry.
type editPlanner struct {
	s           *Sink
	id          Identity
	change      func(base *lance.Dataset) (*ledger.Entry, error)
	transaction string
}

var _ lance.Planner = (*editPlanner)(nil)

// Plan proposes the entry that follows from base.
func (p *editPlanner) Plan(_ context.Context, base *lance.Dataset) (*lance.Proposal, error) {
	if base == nil {
		return nil, fmt.Errorf("%w: %s has no version", ErrRefused, p.s.dir)
	}
	next, err := p.change(base)
	if err != nil {
		return nil, err
	}
	next.Table = base.Config()[keyTable]
	if next.Table == "" {
		next.Table = uuid.NewString()
	}
	p.transaction = uuid.NewString()
	next.Version, next.Transaction = base.Version()+1, p.transaction
	text, err := next.Encode()
	if err != nil {
		return nil, err
	}
	return &lance.Proposal{
		UUID: p.transaction, Operation: lance.OpUpdateConfig,
		SetConfig: map[string]string{keyTable: next.Table, ledger.Key(p.id.Stream): text},
	}, nil
}

// Landed reports whether head holds the entry.
func (p *editPlanner) Landed(head *lance.Dataset) lance.Landing {
	if e, err := ledger.Decode(head.Config()[ledger.Key(p.id.Stream)]); err == nil && e.Transaction == p.transaction {
		return lance.LandedWhole
	}
	return lance.LandedNone
}

// State is what the table of a topic holds, for people.
type State struct {
	Dir     string
	Version uint64 // latest; 0 without a table
	Rows    uint64 // that are not deleted
	Entry   *ledger.Entry
}

// State reads the table, and its ledger entry for a stream where it has one.
func (s *Sink) State(ctx context.Context, stream string) (*State, error) {
	st := &State{Dir: s.dir}
	head, err := s.latest(ctx)
	if err != nil || head == nil {
		return st, err
	}
	st.Version, st.Rows = head.Version(), head.LiveRows()
	if text, ok := head.Config()[ledger.Key(stream)]; ok {
		st.Entry, err = s.decode(text)
	}
	return st, err
}

// asideDir is where damaged versions are put.
const asideDir = "_pst/aside"

// SetAside takes the newest version out of the table if it is damaged, so that the one
// before is the newest, and returns where its bytes are now. It is refused for a version
// that can be read.
func (s *Sink) SetAside(ctx context.Context) (key string, err error) {
	table, err := s.table(ctx, false)
	if err != nil {
		return "", err
	}
	if table == nil {
		return "", fmt.Errorf("%w: there is no table %s", ErrRefused, s.dir)
	}
	key, err = table.SetAside(ctx, asideDir)
	switch {
	case errors.Is(err, lance.ErrIntact), errors.Is(err, lance.ErrNoTable):
		return "", fmt.Errorf("%w: %s: %w", ErrRefused, s.dir, err)
	case err != nil:
		return "", fmt.Errorf("set the newest version of %s aside: %w", s.dir, err)
	}
	return key, nil
}
