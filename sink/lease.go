package sink

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/pst-bridge/pst-bridge/sink/lance"
)

// keyLease is the config key of the lease: while it stands, one worker rewrites
// columns, and the others wait with what needs them. It only saves work: whatever it
// says, two that rewrite at once end as one change, because a version has one winner.
const keyLease = "pst.lease"

// leaseTime is how long a lease lasts unless it is renewed.
const leaseTime = 30 * time.Second

// errLeaseLost says that another worker holds the lease by now.
var errLeaseLost = errors.New("another worker took the lease")

// lease is what the config says.
type lease struct {
	Holder  string    `json:"holder"`  // a UUID made for the occasion
	Expires time.Time `json:"expires"` // by the holder's clock
	Doing   string    `json:"doing"`   // for people
}

// leaseOf reads a version's lease; the text is "" where there is none. One that does
// not parse has no holder and no end.
func leaseOf(d *lance.Dataset) (lease, string) {
	text := d.Config()[keyLease]
	var l lease
	if text != "" && json.Unmarshal([]byte(text), &l) != nil {
		return lease{}, text
	}
	return l, text
}

// watch is how long this process has seen one lease unchanged: clocks of machines
// differ, and a lease of a dead worker must end by any of them.
type watch struct {
	text  string
	since time.Time
}

// over reports whether a lease of another has ended.
func (w *watch) over(l lease, text string, lasts time.Duration) bool {
	if text == "" {
		return true
	}
	if text != w.text {
		w.text, w.since = text, time.Now()
	}
	ended := !l.Expires.IsZero() && !time.Now().Before(l.Expires)
	return ended || time.Since(w.since) >= lasts
}

// tenancy is a worker's dealings with the lease of its table.
type tenancy struct {
	s       *Sink
	table   *lance.Table
	pos     Position
	holder  string
	doing   string
	held    bool
	renewed time.Time
}

func (s *Sink) tenant(table *lance.Table, pos Position) *tenancy {
	return &tenancy{s: s, table: table, pos: pos, holder: uuid.NewString()}
}

// take commits the lease, or what renews it, and reports whether it is ours. One that
// was lost is not taken again: what it was for may be done.
func (t *tenancy) take(ctx context.Context) (bool, error) {
	p := &leasePlanner{t: t, lease: lease{Holder: t.holder, Doing: t.doing}, renews: t.held}
	head, err := t.table.Commit(ctx, p)
	if err != nil {
		return false, err
	}
	t.s.setHead(head)
	l, _ := leaseOf(head)
	if t.held = l.Holder == t.holder; t.held {
		t.renewed = time.Now()
	}
	return t.held, nil
}

// renew is called between pieces of work.
func (t *tenancy) renew(ctx context.Context) error {
	t.s.rewriting()
	if time.Since(t.renewed) < t.s.leaseTime()/3 {
		return nil
	}
	held, err := t.take(ctx)
	if err == nil && !held {
		err = errLeaseLost
	}
	return err
}

// guard refuses a version in which the lease is not ours, and one that rows could not be
// committed on.
func (t *tenancy) guard(ctx context.Context, base *lance.Dataset) error {
	if _, err := t.s.admit(ctx, base, t.pos); err != nil {
		return err
	}
	if l, _ := leaseOf(base); l.Holder != t.holder {
		return errLeaseLost
	}
	return nil
}

// release removes the lease, if it is still ours. It is tried also where ctx has ended,
// for a moment: what it leaves behind costs others time.
func (t *tenancy) release(ctx context.Context) error {
	if !t.held {
		return nil
	}
	t.held = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	head, err := t.table.Commit(ctx, &leasePlanner{t: t, ends: true})
	if err == nil {
		t.s.setHead(head)
	}
	return err
}

const releaseTime = 2 * time.Second

func (s *Sink) leaseTime() time.Duration {
	if s.cfg.Lease > 0 {
		return s.cfg.Lease
	}
	return leaseTime
}

// leasePause is how long to wait before a lease of another is looked at again.
func (s *Sink) leasePause() time.Duration { return min(s.leaseTime()/30, time.Second) }

// leasePlanner commits a lease, or its end, where no other worker's stands against it.
type leasePlanner struct {
	t      *tenancy
	lease  lease
	renews bool
	ends   bool
	text   string // proposed last, "" for nothing
}

var _ lance.Planner = (*leasePlanner)(nil)

// Plan implements lance.Planner.
func (p *leasePlanner) Plan(ctx context.Context, base *lance.Dataset) (*lance.Proposal, error) {
	p.text = ""
	if base == nil {
		return nil, lance.ErrNoTable
	}
	if _, err := p.t.s.admit(ctx, base, p.t.pos); err != nil {
		return nil, err
	}
	now, text := leaseOf(base)
	ours := now.Holder == p.t.holder
	prop := &lance.Proposal{UUID: uuid.NewString(), Operation: lance.OpUpdateConfig}
	switch {
	case (p.ends || p.renews) && !ours, !p.ends && !ours && !p.t.s.seen.over(now, text, p.t.s.leaseTime()):
		return nil, nil //nolint:nilnil // the way to say that there is nothing to put
	case p.ends:
		prop.Metadata.Config.Delete = []string{keyLease}
		return prop, nil
	}
	p.lease.Expires = time.Now().Add(p.t.s.leaseTime()).UTC().Round(0)
	data, err := json.Marshal(p.lease)
	if err != nil {
		return nil, err
	}
	p.text = string(data)
	prop.SetConfig = map[string]string{keyLease: p.text}
	return prop, nil
}

// Landed implements lance.Planner.
func (p *leasePlanner) Landed(head *lance.Dataset) lance.Landing {
	now, text := leaseOf(head)
	if p.text != "" && text != p.text || p.ends && now.Holder == p.t.holder {
		return lance.LandedNone
	}
	return lance.LandedWhole
}
