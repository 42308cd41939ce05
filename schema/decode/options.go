package decode

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// Defaults of the limits in Options: far above what honest rows have, and low
// enough that a hostile message costs little.
const (
	DefaultMaxDepth        = 60    // pyarrow imports a table of 63 levels, and nothing of one of 64
	DefaultMaxVector       = 32768 // every row costs as much, with a vector or without
	DefaultMaxNewColumns   = 256   // a batch is one schema change
	DefaultMaxColumns      = schema.MaxColumns
	DefaultMaxNameBytes    = 512      // names are stored in every manifest
	DefaultMaxNumberBytes  = 1000     // no float64 or uint64 needs more
	DefaultMaxMessageBytes = 64 << 20 // Arrow data; see Options
	DefaultMaxInflated     = 32 << 20 // bytes; half of what NATS can be made to take
	DefaultMaxRatio        = 100      // JSON of real rows gets 5 to 30 times smaller
	DefaultMaxWindow       = 8 << 20  // bytes; what RFC 8878 recommends to support
)

// inflatedFree is how many bytes a compressed payload may become at any ratio.
const inflatedFree = 1 << 20

// Options says which columns of message metadata a batch has and how much one
// message may ask for. The zero value has no metadata columns and the default
// limits.
type Options struct {
	Seq, Time, Subject, Headers bool // fill schema.Seq, schema.Time, ...

	// Epoch says which incarnation of the stream's sequences the messages have; other
	// than 0 it fills schema.Epoch beside schema.Seq.
	Epoch uint32

	// Declared says which columns the table shall have, and what becomes of other fields.
	Declared *schema.Declaration

	MaxDepth       int // objects and arrays inside each other, the row included; at most 1,000
	MaxNewColumns  int // columns that one batch may add, nested ones counted
	MaxColumns     int // columns of the table in all, nested ones counted
	MaxVector      int // values of a vector that makes a new column
	MaxNameBytes   int // length of a field name
	MaxNumberBytes int // length of a number as written

	MaxInflated int // bytes that a payload with a Content-Encoding may become
	MaxRatio    int // how many times as long as before, if that is more than 1 MiB
	MaxWindow   int // bytes that a zstd frame may refer back to

	// Holds, unless nil, tells why the table cannot hold a new column of a type that a
	// payload names itself.
	Holds func(arrow.Field) error

	// Unsplit is for messages that were taken together once and must stay so when
	// they are decoded again, for another table or in another order: Append never
	// returns ErrFull then. A message that could be a batch of its own is taken
	// whatever the rows before it make it cost.
	Unsplit bool

	// Widen, unless nil, allows a column of the table to take a wider type for a value
	// that it cannot hold, or says why not; see schema.Widens. It is asked whenever
	// there is such a value.
	Widen func(w schema.Widening) error

	// MaxMessageBytes is how many bytes of Arrow data the rows of one message
	// may add to the batch. It bounds what a small payload can cost: nulls of
	// many columns or of long vectors for thousands of empty rows. A message
	// may always add eight times the length of its payload, what was compressed
	// taken as it is when it no longer is.
	MaxMessageBytes int
}

func (o Options) withDefaults() Options {
	set := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	set(&o.MaxDepth, DefaultMaxDepth)
	set(&o.MaxVector, DefaultMaxVector)
	set(&o.MaxNewColumns, DefaultMaxNewColumns)
	set(&o.MaxColumns, DefaultMaxColumns)
	set(&o.MaxNameBytes, DefaultMaxNameBytes)
	set(&o.MaxNumberBytes, DefaultMaxNumberBytes)
	set(&o.MaxMessageBytes, DefaultMaxMessageBytes)
	set(&o.MaxInflated, DefaultMaxInflated)
	set(&o.MaxRatio, DefaultMaxRatio)
	set(&o.MaxWindow, DefaultMaxWindow)
	o.MaxDepth = min(o.MaxDepth, 1000) // the decoder recurses
	return o
}
