package sink

import "fmt"

// Reason names a contradiction between a table, its stream and its consumer. A
// topic in one stops acknowledging until an operator resolves it; docs/guarantees.md
// says what each means and what to do.
type Reason string

// The stop states.
const (
	TableMissing     Reason = "table_missing"     // messages were acknowledged, and there is no table
	TableReplaced    Reason = "table_replaced"    // another table stands where ours stood
	TableUnreadable  Reason = "table_unreadable"  // the newest version is damaged
	LedgerMissing    Reason = "ledger_missing"    // messages were acknowledged, and the table holds no ledger
	LedgerNewer      Reason = "ledger_newer"      // a later release wrote the ledger
	LedgerUnreadable Reason = "ledger_unreadable" // the ledger does not parse
	RolledBack       Reason = "rolled_back"       // someone restored or overwrote the table
	StreamRewound    Reason = "stream_rewound"    // sequences were used again
	StreamRecreated  Reason = "stream_recreated"
	ConsumerMissing  Reason = "consumer_missing"  // the table knows a consumer that the stream lacks
	ConsumerReplaced Reason = "consumer_replaced" // another consumer, or the same name made again
	Unsupported      Reason = "unsupported"       // the table holds something this release must not touch
	NameRefused      Reason = "name_refused"      // the topic cannot have a table here
	// SchemaContradiction: the table holds a column in another type than declared.
	SchemaContradiction Reason = "schema_contradiction"
)

// StopError says that a topic must stop, and why.
type StopError struct {
	Reason Reason
	Err    error
}

// Error gives the state's name, then what was found.
func (e *StopError) Error() string { return fmt.Sprintf("%s: %v", e.Reason, e.Err) }

// Unwrap returns what was found.
func (e *StopError) Unwrap() error { return e.Err }

func stop(reason Reason, format string, args ...any) *StopError {
	return &StopError{Reason: reason, Err: fmt.Errorf(format, args...)}
}
