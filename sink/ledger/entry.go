// Package ledger knows which sequences of a stream a table holds.
//
// One Entry per stream is a value in the table's own config map, written in the
// same manifest that adds the rows, so rows and entry cannot disagree: both are
// there or neither is. The package is pure: set algebra, a codec, and the rules by
// which an entry may change. docs/format/ledger.md describes the bytes.
package ledger

import (
	"errors"
	"time"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
)

// Format is the version of the entry's encoding that this package writes. It reads
// this one and those before it.
const Format = 1 + next

// KeyPrefix is followed by the stream's name in the table's config map.
const KeyPrefix = "pst.ledger."

// ErrRewound is wrapped by Entry.CheckRepeat when a sequence came again with
// another store time: the stream was rolled back and its numbers are used twice.
var ErrRewound = errors.New("stream sequences were used again")

// Key returns the config key of a stream's entry.
func Key(stream string) string { return KeyPrefix + stream }

// Identity says which incarnation of which stream and consumer an entry counts.
type Identity struct {
	Domain          string // JetStream domain or account; empty where there is none
	Stream          string
	StreamCreated   time.Time
	Consumer        string
	ConsumerCreated time.Time
}

// Mark is one sequence and the time at which the stream stored it.
type Mark struct {
	Seq  uint64
	Time time.Time
}

// Entry is what a table knows of one stream. It is a value: methods that change
// it return a new one, and copies may be shared between goroutines.
type Entry struct {
	Identity
	Epoch uint32 // counts incarnations of the sequence numbers

	// Floor: every sequence up to it will not be delivered again.
	Floor uint64
	// Held are the sequences above the floor that are rows or finished dead letters.
	Held Set
	// DeadPending are sequences decided to be dead letters whose publication is not known to be done.
	DeadPending Set

	MaxSeq uint64 // highest sequence ever recorded
	// Delivery is the consumer's number of the first delivery of MaxSeq, 0 where it is not
	// known. Each later sequence was delivered later, if at all.
	Delivery uint64
	MaxTime  time.Time // latest store time of any recorded sequence; store times are not monotone
	// Times are at most 64 recorded messages with their times, ascending by sequence: the
	// highest of recent commits, and of older ones fewer the older they are.
	Times []Checkpoint

	Rows uint64 // rows added in this epoch
	Dead uint64 // messages that became dead letters, pending ones included

	Version     uint64 // table version this entry was committed as
	Transaction string // UUID of that commit
	Table       string // the table's own id, given at its creation
}

// Status says what an entry knows of one sequence.
type Status uint8

// The statuses of a sequence.
const (
	Unknown Status = iota // not recorded: its rows may be added
	Held                  // recorded: rows or dead letter, all done
	Pending               // recorded as a dead letter that may not be published yet
)

// Status returns what the entry knows of seq.
func (e *Entry) Status(seq uint64) Status {
	switch {
	case e.DeadPending.Has(seq):
		return Pending
	case seq <= e.Floor || e.Held.Has(seq):
		return Held
	default:
		return Unknown
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// Commit is what one commit adds to an entry.
type Commit struct {
	Marks       []Mark // the messages recorded, ascending by sequence, rows and dead letters alike
	Delivery    uint64 // the consumer's number of the first delivery of the last mark, 0: not known
	Dead        Set    // those of them that are dead letters
	Rows        uint64
	Published   Set    // pending dead letters that are published and need no further care
	Version     uint64 // of the table, if this commit wins
	Transaction string
}

// With returns the entry as it stands after c. The marks must not be recorded yet.
func (e *Entry) With(c Commit) *Entry {
	next := *e
	seqs := make([]uint64, len(c.Marks))
	for i, m := range c.Marks {
		seqs[i] = m.Seq
		if m.Time.After(next.MaxTime) {
			next.MaxTime = m.Time
		}
	}
	recorded := SetOf(seqs...)
	published := e.DeadPending.Minus(e.DeadPending.Minus(c.Published))
	next.Held = e.Held.Union(recorded.Minus(c.Dead)).Union(published).Above(e.Floor)
	next.DeadPending = e.DeadPending.Minus(published).Union(c.Dead)
	if top, ok := recorded.Max(); ok {
		if top > next.MaxSeq {
			next.MaxSeq, next.Delivery = top, c.Delivery
		}
		next.Times = e.note(c)
		if mutant.On("max-ts-of-max-seq") {
			next.MaxTime = c.Marks[len(c.Marks)-1].Time
		}
	}
	next.Rows += c.Rows
	next.Dead += c.Dead.Len()
	next.Version, next.Transaction = c.Version, c.Transaction
	return &next
}

// Raise returns the entry with its floor at floor, or as high below it as pending
// dead letters and the highest recorded sequence allow, and how many sequences the
// floor passed that were never recorded here: other topics' on a shared stream, or
// messages that somebody else removed. It never lowers the floor.
//
// Beyond the highest recorded sequence a floor would save nothing, and a message
// that a peer holds while the stream is purged would look like one recorded.
func (e *Entry) Raise(floor uint64) (next *Entry, steppedOver uint64) {
	floor = min(floor, e.MaxSeq)
	if low, ok := e.DeadPending.Min(); ok && floor >= low {
		floor = low - 1
	}
	if floor <= e.Floor {
		return e, 0
	}
	raised := *e
	raised.Floor = floor
	raised.Held = e.Held.Above(floor)
	return &raised, floor - e.Floor - e.Held.Between(e.Floor+1, floor)
}

// NewEpoch returns the entry for a stream that gives out its sequence numbers a second
// time, from start on. What it knows of those below stays; of the others it knows
// nothing any more.
func (e *Entry) NewEpoch(start uint64) *Entry {
	below := func(s Set) Set { return s.Minus(s.Above(max(start, 1) - 1)) }
	last := max(start, 1) - 1
	next := &Entry{
		Identity: e.Identity, Epoch: e.Epoch + 1, Table: e.Table,
		Floor: min(e.Floor, last), Held: below(e.Held), DeadPending: below(e.DeadPending), MaxSeq: min(e.MaxSeq, last),
	}
	if next.MaxSeq > 0 {
		next.MaxTime = e.MaxTime
	}
	for _, c := range e.Times {
		if c.Seq <= last {
			next.Times = append(next.Times, c)
		}
	}
	return next
}

// Known returns every sequence of which the entry knows that it needs no delivery: up
// to the floor, held, or pending as a dead letter.
func (e *Entry) Known() Set {
	known := e.Held.Union(e.DeadPending)
	if e.Floor > 0 {
		below, _ := SetOfRuns(Run{First: 1, Last: e.Floor}) // one run is in order
		known = known.Union(below)
	}
	return known
}
