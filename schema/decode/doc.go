// Package decode turns payloads into Arrow columns. Each message becomes
// rows or is rejected as a whole, and a rejected message leaves no trace.
//
// # Formats
//
// The headers say how a payload is written and compressed; see formats. To add a
// format is to add a file with a value of the type format, and that value to formats.
//
// # Rows of JSON
//
// A payload is one or more JSON objects (RFC 8259) separated by white space, so
// newline-delimited JSON too, or one array of objects; each object is a row. Payloads
// are hostile: the text must be UTF-8 without a byte order mark, a key may occur once in an
// object, and depth, names, numbers and columns are limited by Options. Keys
// that differ in any byte are different columns, also if only by case. A column has
// the name of its key, but for what Lance readers refuse; see schema.ColumnName.
//
// # Types of new columns, from JSON and MessagePack
//
//	true, false           bool
//	1, -0                 int64; beyond it uint64; beyond that the message is rejected
//	1.5, 3.0, 1e3         float64, the nearest one; beyond its range rejected
//	"a"                   utf8
//	{...}                 struct
//	[...]                 list; fixed_size_list<float32> of the first length seen
//	                      for numbers in a field that schema.IsVector names
//
// A column of int64 that has no negative number becomes uint64 for one beyond int64.
// A column that has integers and then meets a number with a fraction or an
// exponent becomes float64 if that changes none of them; the other way round,
// an integer must be exact as a float64. Any other clash rejects the later
// message. So does a number that its column cannot hold: nothing is rounded but
// what is written as a fraction, and values of float vectors.
//
// A missing field and null are the same: null. A field of which only null, []
// or {} was seen in a batch has no type, so it does not become a column. The []
// and {} of that batch therefore read as null later. They are kept exactly as
// soon as the batch holds one element or member, and whenever the table has the
// column.
//
// # Declared columns
//
// Options.Declared names columns that are part of a new table from its first record,
// and that a table which lacks them gets with their first value. What it says of a
// column is in the metadata of the field, so that the table carries it, too. A field that
// an object lacks has the default of its column, if there is one; null stays null, and
// a column that is not nullable takes it from nobody. A column of JSON text keeps
// the text of any value as it is written, one with conflict: string does so for all
// but strings. Fields without a column become columns, or are checked and dropped,
// kept in schema.Extra, or reject the message.
//
// # Columns of a table
//
// A table may have any Arrow type. JSON has values for bool, integers (3.0 and 1e3 too, if exact), floats,
// utf8, binary (base64 of RFC 4648 with padding), date32 ("2006-01-02"),
// timestamp (RFC 3339, or an integer in the unit of the column; a time finer
// than the unit is rejected), fixed_size_list of numbers, list, struct, and the
// large variants; decimals from numbers and strings of digits, exact at the scale of
// the column; float16 as float32; time32 and time64 ("15:04:05.123", or an integer in
// the unit), duration (an integer in the unit), date64 as date32 and in milliseconds of
// whole days, fixed_size_binary as binary of its length. A date is the instant of its midnight in UTC where the column has
// timestamps. A value for a column of another type is rejected.
//
// Where Options.Widen allows it, a column takes the next type that holds the value:
// a wider integer, float64 for a fraction if all integers of the batch stay exact,
// float64 for what float32 cannot hold, timestamp[us, UTC] for a date with a time of
// day. The record then has the wider type, and the table is to be changed before it.
//
// # How it works
//
// One pass over the payload writes values straight into plain slices, one set
// per column. Nulls are not written when they occur but when a later value of
// the column, or the record, needs them. To undo a message, every column is cut
// back to the number of rows there were, which for nested columns follows from
// the offsets of the lists around them; the few changes that cutting does not
// undo (a column that was added, got its type or was widened) are in a log. The
// field that followed another one last time is expected next, so that finding
// the column of a key is mostly one comparison. An undeclared key is expected in
// the same way: it has a column of its own that is part of nothing. Keys, digits
// and plain text are looked at eight bytes at a time.
package decode
