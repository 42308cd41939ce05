package sink

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/uuid"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// errEvolve says that the rows need columns which the base lacks: they are added
// as a version of their own, then the rows are planned again.
var errEvolve = errors.New("columns have to be added first")

// rowsPlanner commits one batch: its rows, its dead letters, its ledger entry. It
// is asked again for every base that turns up, so it starts from that base alone.
type rowsPlanner struct {
	s   *Sink
	st  *Staged
	pos Position

	// Of the latest plan:
	pending   []uint64        // held by the base as dead letters that may not be published
	gone      map[uint64]bool // below the base's floor, and never recorded
	entry     *ledger.Entry   // what the base held; nil before the first
	proposed  bool
	stepped   uint64
	published ledger.Set

	tried []proposed // by this and earlier plans, and not known to be lost

	columns, widened []string // what was done to the table for the rows
}

var _ lance.Planner = (*rowsPlanner)(nil)

// Plan says what to commit on base, nothing where base holds the whole batch.
func (p *rowsPlanner) Plan(ctx context.Context, base *lance.Dataset) (*lance.Proposal, error) {
	p.proposed, p.stepped, p.published = false, 0, ledger.Set{}
	entry, err := p.s.admit(ctx, base, p.pos)
	if err != nil {
		return nil, err
	}
	if err := p.s.checkLength(ctx, entry, &p.pos); err != nil {
		return nil, err
	}
	p.forget(base, entry)
	fresh, err := p.split(ctx, entry)
	p.entry = entry
	if err != nil || len(fresh) == 0 {
		return nil, err
	}
	columns, err := p.fit(base, fresh)
	if err != nil {
		return nil, err
	}
	if p.st.plan.Record.NumRows() > 0 && !fileFits(p.st.file, base, columns) {
		if err := p.s.write(ctx, p.st, columns); err != nil {
			return nil, err
		}
	}
	p.proposed = true
	return p.propose(base, fresh, columns)
}

// fileFits reports whether a staged file, which may be nil, is one of base with
// the given fields.
func fileFits(f *lance.DataFile, base *lance.Dataset, columns *fields.Schema) bool {
	if f == nil || !sameFields(f.Schema, columns) {
		return false
	}
	return base == nil || base.FileVersion() == "" || base.FileVersion() == f.FileVersion()
}

// split sorts the batch's messages by what the entry knows of them, and returns
// those it does not know.
func (p *rowsPlanner) split(ctx context.Context, entry *ledger.Entry) (fresh []ledger.Mark, err error) {
	p.pending, p.gone = nil, map[uint64]bool{}
	for _, m := range p.st.batch.Marks {
		status := entry.Status(m.Seq)
		blind := mutant.On("ignore-ledger") || mutant.On("blind-rebase") && p.entry != nil && p.st.included.Has(m.Seq)
		if status == ledger.Unknown || blind {
			fresh = append(fresh, m)
			continue
		}
		if err := checkTime(entry, m); err != nil {
			if gone, err := p.s.purged(ctx, entry, m, err); !gone {
				return nil, err
			}
			p.gone[m.Seq] = true
		}
		if status == ledger.Pending {
			p.pending = append(p.pending, m.Seq)
		}
	}
	return fresh, nil
}

// fit makes the staged plan cover exactly fresh, in types that base takes, and
// returns the fields of its data file. It returns errEvolve where base lacks columns.
func (p *rowsPlanner) fit(base *lance.Dataset, fresh []ledger.Mark) (*fields.Schema, error) {
	want := seqsOf(fresh)
	if !p.st.included.Minus(want).Empty() || !want.Minus(p.st.included).Empty() {
		if err := p.replan(base, want); err != nil {
			return nil, err
		}
	}
	rec := p.st.plan.Record.Schema()
	merged, added, err := p.s.merge(base, rec)
	if err != nil || lacksRequired(base, rec) || lacksDefault(base, rec) || base != nil && tooWide(merged, added) {
		// The rows were planned for another schema than this.
		if err := p.replan(base, want); err != nil {
			return nil, err
		}
		rec = p.st.plan.Record.Schema()
		if merged, added, err = p.s.merge(base, rec); err != nil {
			return nil, p.misfit(base, rec, err)
		}
		if tooWide(merged, added) { // the decoder and this do not count alike: without an end
			return nil, p.s.tooWideFor(base)
		}
	}
	if mutant.On("columns-by-id") && sameIDs(p.st.file, base) {
		return p.st.file.Schema, nil
	}
	if len(added) > 0 && base != nil && p.st.plan.Record.NumRows() > 0 {
		return nil, evolution(added, rec)
	}
	return p.s.fileSchema(base, rec)
}

// evolution says how columns are added: with values for the rows that are there, or
// without.
func evolution(added []fields.Path, rec *arrow.Schema) error {
	row, err := defaultsFor(added, rec)
	if row != nil {
		row.Release()
		return errDefaults
	}
	member, _, err2 := memberDefault(added, rec)
	switch {
	case err != nil || err2 != nil:
		return errors.Join(err, err2)
	case member == nil:
		return errEvolve
	}
	member.Release()
	return errDefaults
}

// misfit says why rows that were just planned for base do not fit it: columns have to
// be widened first, which the plan was allowed to ask for.
func (p *rowsPlanner) misfit(base *lance.Dataset, rec *arrow.Schema, why error) error {
	if base == nil { // no version of the table can ever begin with them
		return stop(Unsupported, "make table %s: %w", p.s.dir, why)
	}
	list := schema.Widenings(schemaOf(base), rec)
	for _, w := range list {
		if err := p.s.MayWiden(w); err != nil {
			why, list = errors.Join(why, err), nil
			break
		}
	}
	if len(list) == 0 {
		return fmt.Errorf("fit rows into version %d of %s: %w", base.Version(), p.s.dir, why)
	}
	return &wideningError{list}
}

// sameIDs is a deliberate bug: it takes columns with one id for one column.
func sameIDs(f *lance.DataFile, base *lance.Dataset) bool {
	return f != nil && base != nil && f.Schema.MaxID() <= base.Fields().MaxID()
}

func (p *rowsPlanner) replan(base *lance.Dataset, want ledger.Set) error {
	p.st.release()
	plan, err := p.st.batch.Replan(schemaOf(base), func(seq uint64) bool { return !want.Has(seq) })
	if err != nil {
		return fmt.Errorf("decode batch again: %w", err)
	}
	p.st.plan, p.st.included, p.st.file = plan, want, nil
	return nil
}

// propose builds the version: the rows, if any, and the entry that counts them.
func (p *rowsPlanner) propose(base *lance.Dataset, fresh []ledger.Mark, columns *fields.Schema) (*lance.Proposal, error) {
	prop := &lance.Proposal{UUID: uuid.NewString(), SetConfig: map[string]string{}}
	version, tableID := uint64(1), p.s.tableID
	switch {
	case base == nil:
		prop.Operation, prop.Schema = lance.OpCreate, columns
		tableID = uuid.NewString()
		prop.SetConfig[keyMaxFieldID] = strconv.Itoa(int(columns.MaxID()))
	case p.st.plan.Record.NumRows() > 0:
		prop.Operation = lance.OpAppend
	default:
		prop.Operation = lance.OpUpdateConfig
	}
	if base != nil {
		version = base.Version() + 1
		if tableID = base.Config()[keyTable]; tableID == "" {
			tableID = uuid.NewString() // the table was made by someone else: it becomes ours here
		}
		top, err := maxFieldID(base)
		if err != nil {
			return nil, err
		}
		prop.SetConfig[keyMaxFieldID] = strconv.Itoa(int(top))
	}
	if p.st.plan.Record.NumRows() > 0 {
		prop.Files = []*lance.DataFile{p.st.file}
	}
	next := p.nextEntry(base, fresh, version, prop.UUID)
	next.Table = tableID
	text, err := next.Encode()
	if err != nil {
		return nil, err
	}
	prop.SetConfig[keyTable] = tableID
	prop.SetConfig[ledger.Key(p.s.id.Stream)] = text
	p.note(version, prop.UUID, fresh)
	return prop, nil
}

func (p *rowsPlanner) nextEntry(base *lance.Dataset, fresh []ledger.Mark, version uint64, transaction string) *ledger.Entry {
	p.published = p.s.publishedSet()
	// The server will not deliver a pending dead letter below its ack floor again:
	// it was acknowledged, which happens only after its publication.
	p.published = p.published.Union(p.entry.DeadPending.Minus(p.entry.DeadPending.Above(p.pos.AckFloor)))
	delivery := uint64(0)
	if marks := p.st.batch.Marks; fresh[len(fresh)-1].Seq == marks[len(marks)-1].Seq {
		delivery = p.st.batch.Delivery
	}
	next := p.entry.With(ledger.Commit{
		Marks: fresh, Delivery: delivery, Dead: rejectedSet(p.st.plan), Rows: uint64(p.st.plan.Record.NumRows()), //nolint:gosec // never negative
		Published: p.published, Version: version, Transaction: transaction,
	})
	if !p.s.mayRaise(base, p.entry) && !mutant.On("floor-after-restore") {
		return next
	}
	floor := p.pos.AckFloor
	if p.pos.InFlight > 0 {
		floor = min(floor, p.pos.InFlight-1)
	}
	next, p.stepped = next.Raise(floor)
	return next
}

func rejectedSet(plan *Plan) ledger.Set {
	seqs := make([]uint64, len(plan.Rejected))
	for i, r := range plan.Rejected {
		seqs[i] = r.Seq
	}
	return ledger.SetOf(seqs...)
}

// Landed says how much of the batch head's ledger knows, whoever committed it.
func (p *rowsPlanner) Landed(head *lance.Dataset) lance.Landing {
	text, ok := head.Config()[ledger.Key(p.s.id.Stream)]
	if !ok || (p.s.bound && head.Config()[keyTable] != p.s.tableID) {
		return lance.LandedNone
	}
	entry, err := ledger.Decode(text)
	if err != nil {
		return lance.LandedNone
	}
	known := 0
	for _, m := range p.st.batch.Marks {
		if entry.Status(m.Seq) != ledger.Unknown && (p.gone[m.Seq] || checkTime(entry, m) == nil) {
			known++
		}
	}
	switch known {
	case len(p.st.batch.Marks):
		return lance.LandedWhole
	case 0:
		return lance.LandedNone
	default:
		return lance.LandedPart
	}
}
