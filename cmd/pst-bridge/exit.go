package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// Exit codes other than 0.
const (
	exitFailure = 1
	exitUsage   = 2
)

// usageError says that the command line asks for something that cannot be.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

// usagef makes a usageError.
func usagef(format string, args ...any) error {
	return &usageError{msg: fmt.Sprintf(format, args...)}
}

// adviceError is an error with what to do next.
type adviceError struct {
	err  error
	next string
}

func (e *adviceError) Error() string { return e.err.Error() + "; " + e.next }
func (e *adviceError) Unwrap() error { return e.err }

// advise adds to err what to do next, if anything is known. A nil err stays nil.
func advise(err error, next string) error {
	if err == nil || next == "" {
		return err
	}
	return &adviceError{err: err, next: next}
}

// report prints err, if there is one, as one line and returns the exit code.
func report(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(w, "pst-bridge:", oneLine(err.Error()))
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailure
}

// oneLine joins the lines of a message, as errors.Join makes them.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}
