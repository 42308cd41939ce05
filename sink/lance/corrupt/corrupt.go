// Package corrupt reports damage in stored bytes: always where, never a panic.
package corrupt

import "fmt"

// Error says that stored bytes are damaged or hostile. It is the only way this
// library reports damage, so a caller can branch on it with errors.As and a
// reader of a log can find the place.
type Error struct {
	Key     string // object key, relative to the table ("data/x.lance"); may be empty
	Section string // what was being decoded ("footer", "page 3 of column 2, chunk 7")
	Offset  int64  // byte offset inside the object, or inside the section where the object is unknown; -1 if neither
	Err     error  // what is wrong with it
}

// Errorf makes an Error whose cause is formatted as by fmt.Errorf.
func Errorf(key, section string, offset int64, format string, args ...any) *Error {
	return &Error{Key: key, Section: section, Offset: offset, Err: fmt.Errorf(format, args...)}
}

// Error names the key, the section and the offset, then the cause.
func (e *Error) Error() string {
	where := e.Section
	if e.Key != "" {
		where = e.Key + ": " + where
	}
	if e.Offset >= 0 {
		where = fmt.Sprintf("%s at byte %d", where, e.Offset)
	}
	return fmt.Sprintf("corrupt %s: %v", where, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
