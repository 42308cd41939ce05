package sink

import (
	"context"
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/google/uuid"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// columnsPlanner adds the columns that a record has and the table lacks, as
// nullable ones without values: a version of its own, before any row needs them.
type columnsPlanner struct {
	s     *Sink
	rec   *arrow.Schema
	pos   Position
	added []fields.Path
}

var _ lance.Planner = (*columnsPlanner)(nil)

// Plan proposes the missing columns, nothing where another worker was faster.
func (p *columnsPlanner) Plan(ctx context.Context, base *lance.Dataset) (*lance.Proposal, error) {
	p.added = nil
	if _, err := p.s.admit(ctx, base, p.pos); err != nil || base == nil {
		return nil, err
	}
	merged, added, err := p.s.merge(base, p.rec)
	if err != nil || len(added) == 0 || tooWide(merged, added) {
		return nil, nil //nolint:nilerr,nilnil // types that clash, and too many columns, are planned again with the rows
	}
	p.added = added
	return &lance.Proposal{
		UUID: uuid.NewString(), Operation: lance.OpProject, Schema: merged,
		SetConfig: map[string]string{keyMaxFieldID: strconv.Itoa(int(merged.MaxID()))},
	}, nil
}

// Landed reports whether head has every column that the rows need.
func (p *columnsPlanner) Landed(head *lance.Dataset) lance.Landing {
	if p.s.bound && head.Config()[keyTable] != p.s.tableID {
		return lance.LandedNone
	}
	if merged, added, err := p.s.merge(head, p.rec); err == nil && len(added) > 0 && !tooWide(merged, added) {
		return lance.LandedNone
	}
	return lance.LandedWhole
}

// tooWide reports whether columns were added to a table beyond the number it may
// have. A batch is decoded for the table as it was; those before it in the pipeline,
// and other workers, may have added columns since.
func tooWide(merged *fields.Schema, added []fields.Path) bool {
	if len(added) == 0 {
		return false
	}
	all, err := merged.Arrow()
	return err == nil && schema.Count(all.Fields()) > schema.MaxColumns
}

// tooWideFor says that a batch is still too wide after it was decoded for base itself.
func (s *Sink) tooWideFor(base *lance.Dataset) error {
	return stop(Unsupported, "rows for version %d of %s need more than %d columns", base.Version(), s.dir, schema.MaxColumns)
}

// names returns the added paths for people.
func (p *columnsPlanner) names() []string {
	out := make([]string, len(p.added))
	for i, path := range p.added {
		out[i] = path.String()
	}
	return out
}
