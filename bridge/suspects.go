package bridge

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pst-bridge/pst-bridge/sink"
)

// A message may end the process that works on it: memory runs out, or a fault cannot
// be recovered from. It comes again and ends the next. So what was delivered often is
// kept apart from the rest and tried under a durable note, in smaller groups each time
// a process died over it, and becomes a dead letter once it is certain.
const (
	// suspectFrom is the delivery from which on a message is tried apart from others.
	suspectFrom = 4
	// condemnFrom is the delivery from which on a message may be given up.
	condemnFrom = 10
	// condemnDeaths is over how many notes with it a process must have died; the last
	// of them named no other message.
	condemnDeaths = 4

	// ClassKillsWorker is the class of dead letters that ended the processes that
	// worked on them.
	ClassKillsWorker = "kills_worker"
)

// groupOf is how many messages are tried together over which so many processes died:
// a few rounds find the one among thousands that does it.
func groupOf(deaths int) int {
	switch deaths {
	case 0:
		return maxPull
	case 1:
		return 64
	case 2:
		return 8
	default:
		return 1
	}
}

// try makes batches of messages that were delivered often, after all that is open.
func (a *assembler) try(ctx context.Context, suspects []*held) error {
	if len(suspects) == 0 {
		return nil
	}
	if err := a.seal(ctx, RollSuspects); err != nil {
		return err
	}
	deaths, err := a.p.sink.FailedTrials(ctx)
	if err != nil {
		return a.postpone(ctx, suspects, err)
	}
	slices.SortStableFunc(suspects, func(x, y *held) int { return cmp.Compare(deaths[x.Seq], deaths[y.Seq]) })
	for len(suspects) > 0 {
		died := deaths[suspects[0].Seq]
		n := 1
		for n < min(len(suspects), groupOf(died)) && deaths[suspects[n].Seq] == died {
			n++
		}
		group := suspects[:n]
		suspects = suspects[n:]
		if err := a.tryGroup(ctx, group, died); err != nil {
			return err
		}
	}
	return nil
}

// tryGroup makes a batch of a group once everything before it is committed: nothing
// else can be lost with it, and nothing else is to blame.
func (a *assembler) tryGroup(ctx context.Context, group []*held, died int) error {
	if err := a.p.settled(ctx); err != nil {
		return err
	}
	s := Suspected{Seqs: seqs(group), Deaths: died}
	trial := ""
	if m := group[0]; m.Delivered >= condemnFrom && died >= condemnDeaths {
		s.Condemned = true
		m.condemned = &sink.Rejection{Seq: m.Seq, Class: ClassKillsWorker, Reason: fmt.Sprintf(
			"delivered %d times, and %d processes died while they worked on it", m.Delivered, died)}
	} else {
		var err error
		if trial, err = a.p.sink.BeginTrial(ctx, s.Seqs); err != nil {
			return a.postpone(ctx, group, err)
		}
	}
	if f := a.p.cfg.Events.Suspected; f != nil {
		f(a.p.topic, s)
	}
	a.trial, a.untried = trial, len(group)
	for _, m := range group {
		a.untried--
		if err := a.add(ctx, m); err != nil {
			return err
		}
	}
	return a.seal(ctx, RollSuspects)
}

// postpone gives suspects back that could not be noted, because of err: without a
// note nobody would learn what they did.
func (a *assembler) postpone(ctx context.Context, suspects []*held, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if a.p.cfg.Events.CommitRetried != nil {
		a.p.cfg.Events.CommitRetried(a.p.topic, err)
	}
	return a.p.giveBack(suspects, returnDelay)
}

// settled waits until every batch that was sealed is committed.
func (p *pipeline) settled(ctx context.Context) error {
	for p.unsettled.Load() > 0 {
		select {
		case <-p.settling:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// settle counts a batch that is committed.
func (p *pipeline) settle() {
	p.unsettled.Add(-1)
	select {
	case p.settling <- struct{}{}:
	default: // the assembler has a wake-up waiting
	}
}
