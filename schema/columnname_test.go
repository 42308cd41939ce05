package schema

import (
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

func TestColumnName(t *testing.T) {
	for _, c := range []struct {
		key  string
		top  bool
		want string
	}{
		{"plain_name", true, "plain_name"},
		{"a.b", true, "a_x2Eb"},
		{"a.b", false, "a.b"},
		{"a`b", true, "a_x60b"},
		{"a\x00b", false, "a_x00b"},
		{"_rowid", true, "_x5Frowid"},
		{"_rowid", false, "_rowid"},
		{"_rowids", true, "_rowids"},
		{"a_x2Eb", true, "a_x5Fx2Eb"},
		{"a_x2Eb", false, "a_x5Fx2Eb"},
		{"a_x2eb", true, "a_x2eb"},
		{"é ü", true, "é ü"},
	} {
		name := MemberName
		if c.top {
			name = ColumnName
		}
		if got := name(c.key); got != c.want {
			t.Errorf("%q at the top %v becomes %q, want %q", c.key, c.top, got, c.want)
		}
	}
}

// Injective, because it can be undone.
func FuzzColumnName(f *testing.F) {
	for _, s := range []string{"a.b", "_x2E", "__x5F_", "_rowid", "_x5Frowid", "a\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, key string) {
		for _, name := range []string{ColumnName(key), MemberName(key)} {
			if back := escape.Undo(name); back != key {
				t.Fatalf("%q became %q, which reads as %q", key, name, back)
			}
			if strings.ContainsRune(name, 0) {
				t.Fatalf("%q became %q", key, name)
			}
		}
		if name := ColumnName(key); strings.ContainsAny(name, ".`") || isSystemColumn(name) {
			t.Fatalf("%q became %q", key, name)
		}
	})
}
