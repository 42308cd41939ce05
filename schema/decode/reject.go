package decode

import "fmt"

// Classes of rejection.
const (
	ClassParse    = "parse"    // not a sequence of JSON objects in valid UTF-8
	ClassType     = "type"     // a value does not fit its column
	ClassLimit    = "limit"    // one of the limits of Options
	ClassReserved = "reserved" // a key that begins with _nats_
	ClassRequired = "required" // a row lacks a column that is not nullable
	ClassPanic    = "panic"    // a fault of the decoder itself
)

// Reject says why a message cannot become rows. Reason never holds bytes of the
// payload other than names of fields, so it is safe to log.
type Reject struct {
	Class  string // one of the Class constants
	Reason string // for people: the field and what is wrong with it, or the place
}

// Error gives the class and the reason.
func (r *Reject) Error() string { return r.Class + ": " + r.Reason }

func reject(class, format string, args ...any) *Reject {
	return &Reject{Class: class, Reason: fmt.Sprintf(format, args...)}
}

// misfit rejects a value of the kind named by what for column c.
func misfit(c *column, what string) *Reject {
	return reject(ClassType, "field %s: %s does not fit %s", c.path(), what, c.typeName())
}
