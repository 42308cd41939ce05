package fields

import (
	"fmt"
	"strings"
)

// CheckName refuses a name with which the reference does not open a table (measured
// with pylance 14.0.2): a zero byte anywhere; at the top level '.' and '`', which read as
// a path, and the names of the columns that every table has. The error wraps
// ErrUnsupported.
func CheckName(name string, top bool) error {
	var what string
	switch {
	case strings.ContainsRune(name, 0):
		what = "has a zero byte"
	case top && strings.ContainsAny(name, ".`"):
		what = "has a '.' or '`', which reads as a path"
	case top && isSystemColumn(name):
		what = "is a column of every table"
	default:
		return nil
	}
	return fmt.Errorf("column name %q %s: %w", name, what, ErrUnsupported)
}

func isSystemColumn(name string) bool {
	switch name {
	case "_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version":
		return true
	default:
		return false
	}
}
