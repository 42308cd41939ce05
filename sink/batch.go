package sink

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Batch is a set of messages on their way into the table. The caller keeps the
// messages themselves until Commit has returned, because a lost race may make it
// necessary to decode them again.
type Batch struct {
	// Marks are the batch's messages, ascending by sequence, each sequence once.
	Marks []ledger.Mark
	// Delivery is the consumer's number of the first delivery of the last mark, 0 where it
	// was delivered before, or without the consumer.
	Delivery uint64
	// Plan is the batch decoded for the schema that the sink had when it was sealed.
	// The sink takes over the reference to its record.
	Plan *Plan
	// Replan decodes the messages again, for another table schema (nil: no table yet)
	// and without those that skip names. It may be called any number of times.
	Replan func(table *arrow.Schema, skip func(seq uint64) bool) (*Plan, error)
	// Yields: Commit returns a BusyError in place of waiting for another worker that
	// rewrites a column, so that the messages that do not need it can be committed.
	Yields bool
}

// Plan is what the messages of a batch become.
type Plan struct {
	// Record holds the rows, ascending by sequence; the rows of one message stand
	// together. It has columns but may have no rows.
	Record arrow.Record
	// Rejected are the messages that become dead letters instead.
	Rejected []Rejection
}

// ClassPending is the class of a message that an earlier delivery decided to be a
// dead letter, and whose publication is not known to be done. The ledger does not say why.
const ClassPending = "pending"

// Rejection says why a message becomes a dead letter.
type Rejection struct {
	Seq           uint64
	Class, Reason string
}

// Position is what the consumer reported, asked before the commit it is used in.
type Position struct {
	Identity ledger.Identity
	// AckFloor: the server will not deliver messages up to this stream sequence again.
	AckFloor uint64
	// StreamLast is the last sequence of the stream.
	StreamLast uint64
	// Deliveries is how many the consumer has made, and AckedDeliveries up to which of
	// them it has nothing to wait for.
	Deliveries, AckedDeliveries uint64
	// Acked is true once anything was acknowledged on this consumer, or may have been.
	Acked bool
	// InFlight is the lowest sequence that this process holds outside the batch, 0 if none.
	InFlight uint64
}

// Staged is a batch whose data file is written. It ends in exactly one of Commit
// or Discard.
type Staged struct {
	batch    *Batch
	plan     *Plan
	included ledger.Set // sequences that plan covers
	file     *lance.DataFile
}

// Discard releases the memory of a batch that will not be committed. Its data
// file stays behind, as after a crash; the table's clean-up takes it.
func (s *Staged) Discard() { s.release() }

func (s *Staged) release() {
	if s.plan != nil && s.plan.Record != nil {
		s.plan.Record.Release()
	}
	s.plan, s.file = nil, nil
}

// Result says what became of a batch. All its messages are in the ledger of the
// latest version, which is durable: they may be acknowledged, the pending dead
// letters after their publication.
type Result struct {
	Version     uint64      // latest version when it was read back
	Epoch       uint32      // of the stream's sequences
	Rows        int64       // added by this commit
	Bytes       int64       // of the data file added
	Duplicates  int         // messages that the table held already
	DeadLetters int         // messages that this commit recorded as dead letters
	Pending     []Rejection // dead letters to publish, older undecided ones included
	NewColumns  []string    // full paths this commit added first
	Widened     []string    // columns this commit gave wider types first, with both types
	LedgerBytes int         // size of the encoded entry
	LedgerRuns  int         // runs above its floor
	SteppedOver uint64      // sequences the floor passed unrecorded
}
