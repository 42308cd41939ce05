package decode

import (
	"errors"
	"fmt"
)

// ErrFull is returned by Append for a message that the batch has no room for,
// but an empty one may have: the rows before it would need too many nulls in
// the columns that it adds, or they added too many columns themselves. The
// batch is as before. The caller hands it over and appends the message to the
// next one.
var ErrFull = errors.New("decode: the message needs a batch of its own")

// Classes of rejection.
const (
	ClassFormat     = "format"     // the headers name a format or an encoding that is not known
	ClassParse      = "parse"      // not what the format asks for
	ClassType       = "type"       // a value does not fit its column
	ClassLimit      = "limit"      // one of the limits of Options
	ClassReserved   = "reserved"   // a key that begins with _nats_
	ClassRequired   = "required"   // a row lacks a column that is not nullable
	ClassUndeclared = "undeclared" // a field that is not declared, where the declaration refuses those
	ClassPanic      = "panic"      // a fault of the decoder itself
)

// Reject says why a message cannot become rows. Reason never holds bytes of the
// payload other than names of fields, so it is safe to log.
type Reject struct {
	Class  string // one of the Class constants
	Reason string // for people: the field and what is wrong with it, or the place

	shared bool // the rows of other messages have a share in it
}

// Error gives the class and the reason.
func (r *Reject) Error() string { return r.Class + ": " + r.Reason }

func reject(class, format string, args ...any) *Reject {
	return &Reject{Class: class, Reason: fmt.Sprintf(format, args...)}
}

// overflow rejects a message for a limit that it reaches together with the
// messages before it.
func overflow(format string, args ...any) *Reject {
	rej := reject(ClassLimit, format, args...)
	rej.shared = true
	return rej
}

// misfit rejects a value of the kind named by what for column c.
func misfit(c *column, what string) *Reject {
	return reject(ClassType, "field %s: %s does not fit %s", c.path(), what, c.typeName())
}
