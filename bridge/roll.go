package bridge

import "time"

// Why a batch was sealed.
const (
	RollRows     = "rows"
	RollBytes    = "bytes"
	RollAge      = "age"
	RollMessages = "messages" // as many as this process may hold at once, less a share for the next batch
	RollColumns  = "columns"  // the next message needs columns that this batch has no room for
	RollMemory   = "memory"   // the process is out of memory, and this was its largest open batch
	RollPressure = "pressure" // the stream is nearly full
	RollSuspects = "suspects" // messages that were delivered often go by themselves, after what was gathered before
	RollDrain    = "drain"
)

// roll decides when a batch is full. It is pure; the assembler asks it after each
// message and when its timer fires.
type roll struct {
	rows     int
	bytes    int64
	messages int
	age      time.Duration
}

// full returns why a batch of this size should be sealed, "" if it should not yet.
func (r roll) full(rows int, bytes int64, messages int) string {
	switch {
	case rows >= r.rows:
		return RollRows
	case bytes >= r.bytes:
		return RollBytes
	case messages >= r.messages:
		return RollMessages
	default:
		return ""
	}
}
