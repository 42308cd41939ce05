package bridge

import "time"

// Moment is a point on the way of a batch where a test may want to act, or to
// end the process: the fault tests kill real processes at each of them.
type Moment string

// The moments of a batch, in the order in which it passes them.
const (
	MomentFetched    Moment = "fetched"     // messages arrived, none decoded
	MomentSealed     Moment = "sealed"      // a batch is full and decoded
	MomentStaged     Moment = "staged"      // its data file is written and durable
	MomentRewriting  Moment = "rewriting"   // part of a column is written anew, in a wider type or as a default
	MomentBeforePut  Moment = "before-put"  // everything is durable but the manifest's name
	MomentAfterPut   Moment = "after-put"   // the manifest is published, nobody has read it back
	MomentCommitted  Moment = "committed"   // read back; no ack has left
	MomentAcking     Moment = "acking"      // half of the batch's acks have left
	MomentAcked      Moment = "acked"       // all of them have
	MomentDeadLetter Moment = "dead-letter" // recorded as pending in the ledger, not yet published
)

// Events are hooks that metrics, logs and tests listen to. Each may be nil. They
// are called on the pipeline's own goroutines, so they must be quick; they may be
// called for several topics at once.
type Events struct {
	Decoding  func(topic string, seq uint64) // before each message is decoded
	Suspected func(topic string, s Suspected)
	Reached   func(topic string, m Moment)
	Fetched   func(topic string, f Fetched)
	Buffered  func(topic string, rows int64) // rows received and not yet committed, after each change
	Committed func(topic string, c Committed)
	Conflict  func(topic string, version uint64) // a put lost its race for version
	// Unknown: the storage could not say whether version was published; reading tells.
	Unknown func(topic string, version uint64, err error)
	// CommitRetried: the storage failed, and the commit is tried again.
	CommitRetried func(topic string, err error)
	// GivenUp: the server delivers the message no more, because the consumer's MaxDeliver
	// was set. It is told to one of the listening processes or to all.
	GivenUp      func(topic string, seq, deliveries uint64)
	Acked        func(topic string, messages int, err error)
	DeadLettered func(topic string, d DeadLettered)
	State        func(topic string, s TopicState)
	Lag          func(topic string, l Lag) // about every 5 s
}

// Fetched describes one pull's messages.
type Fetched struct {
	Messages, Bytes int
	Redelivered     int
	Repeats         int // messages this process still holds from an earlier delivery
}

// Suspected describes messages that were delivered so often that one of them may end
// the processes that work on it. They are tried by themselves.
type Suspected struct {
	Seqs      []uint64
	Deaths    int  // processes that died over the first of them
	Condemned bool // it becomes a dead letter, and is not tried again
}

// Committed describes one read-back commit.
type Committed struct {
	Version     uint64        // table version that holds the batch
	Rows        int64         // rows added by this process
	Messages    int           // messages of the batch, duplicates and dead letters included
	Duplicates  int           // messages the table held already
	DeadLetters int           // messages recorded as dead letters
	Bytes       int64         // bytes of data files added
	Reason      string        // what sealed the batch: rows, bytes, age, drain
	Flush       time.Duration // from seal to read-back
	Oldest      time.Time     // store time of the oldest message of the batch
	NewColumns  []string      // full paths added before the rows
	Widened     []string      // columns that got wider types before the rows, with both types
	LedgerBytes int           // size of the ledger entry in the manifest
	LedgerRuns  int           // runs above the ledger's floor
	SteppedOver uint64        // sequences the floor passed without holding them
}

// DeadLettered describes one message that became a dead letter.
type DeadLettered struct {
	Seq           uint64
	Class, Reason string
	Err           error // publishing failed; the message stays pending and comes again
}

// Lag describes what the stream still holds for a topic.
type Lag struct {
	Pending    uint64 // messages not yet delivered to any worker
	AckPending int    // messages delivered and not acked
	WALBytes   uint64 // the bytes of the topic's own stream, or its share of the shared one's
}

// Phase is what a topic's pipeline is doing.
type Phase string

// The phases of a topic.
const (
	PhaseStarting Phase = "starting"
	PhaseRunning  Phase = "running"
	PhaseRetrying Phase = "retrying" // a passing error, the storage's perhaps; Err says which, and it is tried again
	PhaseStopped  Phase = "stopped"  // a contradiction; an operator has to resolve it
	PhaseDone     Phase = "done"     // drained
)

// TopicState is a topic's phase and, where there is one, the reason.
type TopicState struct {
	Phase  Phase
	Reason string // a stop state's name, such as "table_missing"; empty otherwise
	Err    error
	Since  time.Time
}

func (e *Events) reached(topic string, m Moment) {
	if e.Reached != nil {
		e.Reached(topic, m)
	}
}
