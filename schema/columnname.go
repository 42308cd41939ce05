package schema

import (
	"fmt"
	"strings"
)

// ColumnName is the name of the column that a JSON key becomes: the key itself,
// but for what the reference reader of the table refuses (measured with pylance
// 14.0.2). There a byte becomes _xHH, two upper-case hex digits:
//
//   - the zero byte, at any depth;
//   - '.' and '`' in a key at the top level, where they would read as a path;
//   - the first '_' of a top-level key that is a column of every Lance table,
//     such as _rowid;
//   - a '_' that would read as the start of such an escape.
//
// ColumnName is for keys at the top level, MemberName for those below. Each is
// injective.
func ColumnName(key string) string { return rename(key, true) }

// MemberName is the name of the struct member that a key below the top level
// becomes; see ColumnName.
func MemberName(key string) string { return rename(key, false) }

func rename(key string, top bool) string {
	if isColumnName(key, top) {
		return key
	}
	var b strings.Builder
	for i := range len(key) {
		if escaped(key, i, top) {
			fmt.Fprintf(&b, "_x%02X", key[i])
		} else {
			b.WriteByte(key[i])
		}
	}
	return b.String()
}

// isColumnName reports whether rename leaves key as it is.
func isColumnName(key string, top bool) bool {
	for i := range len(key) {
		if escaped(key, i, top) {
			return false
		}
	}
	return true
}

func escaped(key string, i int, top bool) bool {
	switch key[i] {
	case 0:
		return true
	case '.', '`':
		return top
	case '_':
		return ReadsAsEscape(key[i:]) || (top && i == 0 && isSystemColumn(key))
	default:
		return false
	}
}

// ReadsAsEscape reports whether s begins like an escape of ColumnName.
func ReadsAsEscape(s string) bool {
	hex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }
	return len(s) >= 4 && s[0] == '_' && s[1] == 'x' && hex(s[2]) && hex(s[3])
}

// isSystemColumn tells the names that a Lance table gives to columns of its own.
func isSystemColumn(name string) bool {
	switch name {
	case "_rowid", "_rowaddr", "_rowoffset", "_row_created_at_version", "_row_last_updated_at_version":
		return true
	default:
		return false
	}
}
