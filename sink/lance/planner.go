package lance

import (
	"context"

	"github.com/pst-bridge/pst-bridge/sink/lance/commit"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// Planner knows what to commit and by what to recognise it. Its methods are called
// one at a time, by the goroutine that called Commit.
type Planner interface {
	// Plan returns what to put after base, which is nil where there is no table.
	// It is asked anew for every base, and leaves out what base holds already.
	// (nil, nil) says that base holds all of it; the commit then ends after a
	// read-back.
	Plan(ctx context.Context, base *Dataset) (*Proposal, error)
	// Landed says how much of the last proposal, or of what the last Plan found to
	// be there, head holds. It must tell by head's content alone.
	Landed(head *Dataset) Landing
}

// Commit publishes what p plans, and returns the head that was read back and holds
// it, durable. It tries until ctx ends; see package commit for the promise and for
// what its errors say.
func (t *Table) Commit(ctx context.Context, p Planner) (*Dataset, error) {
	head, err := t.log.Commit(ctx, planner{t, p})
	if err != nil {
		return nil, err
	}
	return t.dataset(head)
}

// planner shows manifests to a Planner as datasets.
type planner struct {
	table *Table
	inner Planner
}

var _ commit.Planner = planner{}

// Plan implements commit.Planner.
func (p planner) Plan(ctx context.Context, base *manifest.Manifest) (*Proposal, error) {
	if base == nil {
		return p.inner.Plan(ctx, nil)
	}
	d, err := p.table.dataset(base)
	if err != nil {
		return nil, err
	}
	return p.inner.Plan(ctx, d)
}

// Landed implements commit.Planner.
func (p planner) Landed(_ context.Context, head *manifest.Manifest) (Landing, error) {
	d, err := p.table.dataset(head)
	if err != nil {
		return LandedNone, err
	}
	return p.inner.Landed(d), nil
}
