package schema

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Names of the columns that the bridge itself fills.
const (
	Prefix  = "_nats_"        // a payload may not have a top-level key that begins so
	Seq     = "_nats_seq"     // stream sequence of the row's message: uint64
	Time    = "_nats_time"    // time at which the stream stored the message: timestamp[us, UTC]
	Subject = "_nats_subject" // subject of the message: utf8
	Epoch   = "_nats_epoch"   // incarnation of the stream's sequences, null for the first: uint32; only where there was a second
	Headers = "_nats_headers" // its headers, a JSON object of arrays of strings, null without headers: utf8
)

// MetaField is the Arrow field of one of the columns above as a new table
// has it. In an existing table that lacks it, the column is nullable, because
// the older rows have no value. The bool is false for any other name.
func MetaField(name string) (arrow.Field, bool) {
	f := arrow.Field{Name: name}
	switch name {
	case Seq:
		f.Type = arrow.PrimitiveTypes.Uint64
	case Time:
		f.Type = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case Subject:
		f.Type = arrow.BinaryTypes.String
	case Epoch:
		f.Type, f.Nullable = arrow.PrimitiveTypes.Uint32, true
	case Headers:
		f.Type, f.Nullable = arrow.BinaryTypes.String, true
	default:
		return arrow.Field{}, false
	}
	return f, true
}

// IsVector tells whether an array of numbers in a field of this name is a
// vector, fixed_size_list<float32>, and not a list: the names are "vector" and
// "embedding" and those that end in "_vector" or "_embedding". Other arrays
// stay exact, for coordinates and counts are not vectors.
func IsVector(name string) bool {
	return name == "vector" || name == "embedding" ||
		strings.HasSuffix(name, "_vector") || strings.HasSuffix(name, "_embedding")
}
