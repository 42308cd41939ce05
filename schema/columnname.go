package schema

import "github.com/pst-bridge/pst-bridge/internal/escape"

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
func ColumnName(key string) string {
	if isSystemColumn(key) {
		return escape.Byte(key[0]) + key[1:]
	}
	return escape.Bytes(key, func(c byte) bool { return c != 0 && c != '.' && c != '`' })
}

// MemberName is the name of the struct member that a key below the top level
// becomes; see ColumnName.
func MemberName(key string) string {
	return escape.Bytes(key, func(c byte) bool { return c != 0 })
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
