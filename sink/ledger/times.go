package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
)

const (
	// maxTimes is how many checkpoints an entry keeps.
	maxTimes = 64
	// maxOwn is how many messages of one commit get a checkpoint of their own, beside the highest.
	maxOwn = 8
)

// Checkpoint is what an entry keeps of the store times of the sequences up to its own
// and above the checkpoint before.
type Checkpoint struct {
	Mark            // a message that was recorded, with its very time
	Below time.Time // no other message recorded there was stored later
}

// CheckRepeat verifies that a delivered message whose sequence the entry holds really
// is the message that was recorded. No true redelivery fails, however clocks jumped:
// each recorded message is a checkpoint or was stored no later than its checkpoint
// says. It returns an error that wraps ErrRewound.
func (e *Entry) CheckRepeat(m Mark) error {
	limit := e.MaxTime
	if at, exact := find(e.Times, m.Seq); exact {
		if known := e.Times[at].Time; !known.Equal(m.Time) {
			return fmt.Errorf("%w: sequence %d was stored at %s and came again as stored at %s",
				ErrRewound, m.Seq, stamp(known), stamp(m.Time))
		}
		return nil
	} else if at < len(e.Times) {
		limit = e.Times[at].Below
	}
	if m.Time.After(limit) {
		return fmt.Errorf("%w: sequence %d is recorded, none recorded near it was stored after %s, yet it came as stored at %s",
			ErrRewound, m.Seq, stamp(limit), stamp(m.Time))
	}
	return nil
}

// find returns the first checkpoint that is not below seq, and whether it is at seq.
func find(list []Checkpoint, seq uint64) (int, bool) {
	return slices.BinarySearchFunc(list, seq, func(c Checkpoint, seq uint64) int {
		switch {
		case c.Seq < seq:
			return -1
		case c.Seq > seq:
			return 1
		default:
			return 0
		}
	})
}

// note returns the checkpoints as they stand once c's messages are recorded.
func (e *Entry) note(c Commit) []Checkpoint {
	list := append(make([]Checkpoint, 0, maxTimes+maxOwn+1), e.Times...)
	last := uint64(0)
	if n := len(list); n > 0 {
		last = list[n-1].Seq
	}
	if top := c.Marks[len(c.Marks)-1]; top.Seq > last {
		below := top.Time
		if e.MaxSeq > last {
			below = later(below, e.MaxTime) // an entry made anew has no checkpoints of what it holds
		}
		list = append(list, Checkpoint{top, below})
	}
	list = pick(list, c, last)
	before := uint64(0)
	for i, at := range list {
		if e.Status(at.Seq) == Unknown && !e.holdsBetween(before, at.Seq) {
			list[i].Below = earlier(at.Below, at.Time) // all between is c's
		}
		before = at.Seq
	}
	for _, m := range c.Marks {
		if at, exact := find(list, m.Seq); !exact && !mutant.On("max-ts-of-max-seq") {
			list[at].Below = later(list[at].Below, m.Time)
		}
	}
	for len(list) > maxTimes {
		list = thin(list)
	}
	return list
}

// pick gives some messages checkpoints of their own. One that was stored later than
// what is known around it is what a rewound stream brings: its neighbours, if they come
// again as others, shall still stand out. The highest and the lowest of a commit below
// last may have been held by a worker since before the stream was rewound. Dead letters
// are published anew when they come again.
func pick(list []Checkpoint, c Commit, last uint64) []Checkpoint {
	own := maxOwn
	for i := len(c.Marks) - 1; i >= 0 && own > 0; i-- {
		m := c.Marks[i]
		at, exact := find(list, m.Seq)
		if exact {
			continue
		}
		end := m.Seq <= last && (i == 0 || i == len(c.Marks)-1)
		if end || c.Dead.Has(m.Seq) || m.Time.After(list[at].Below) && m.Seq <= last {
			list = slices.Insert(list, at, Checkpoint{m, list[at].Below})
			own--
		}
	}
	return list
}

// holdsBetween reports whether anything between two sequences may be recorded.
func (e *Entry) holdsBetween(low, high uint64) bool {
	return e.Floor > low || e.Held.Between(low+1, high-1) > 0 || e.DeadPending.Between(low+1, high-1) > 0
}

// thin drops the checkpoint that tells least, never the first or the last: without it
// the limit for what lies around it would be loosest by what its age allows. So the
// recent past is known closely, and a long past roughly.
func thin(list []Checkpoint) []Checkpoint {
	newest := list[len(list)-1].Time
	drop, least := 0, 0.0
	for i := 1; i < len(list)-1; i++ {
		before, at, next := list[i-1], list[i], list[i+1]
		spread := later(later(at.Time, at.Below), next.Below).Sub(earlier(before.Time, next.Below))
		age := max(newest.Sub(at.Time), 0) + time.Second
		if loss := float64(spread) / float64(age); drop == 0 || loss < least {
			drop, least = i, loss
		}
	}
	gone, next := list[drop], &list[drop+1]
	next.Below = later(later(gone.Time, gone.Below), next.Below)
	return slices.Delete(list, drop, drop+1)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
