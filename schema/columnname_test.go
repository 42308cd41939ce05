package schema

import (
	"strings"
	"testing"
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
		if got := rename(c.key, c.top); got != c.want {
			t.Errorf("rename(%q, %v) = %q, want %q", c.key, c.top, got, c.want)
		}
	}
}

// Injective, because it can be undone.
func FuzzColumnName(f *testing.F) {
	for _, s := range []string{"a.b", "_x2E", "__x5F_", "_rowid", "_x5Frowid", "a\x00"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, key string, top bool) {
		name := rename(key, top)
		var back strings.Builder
		for i := 0; i < len(name); i++ {
			if !ReadsAsEscape(name[i:]) {
				back.WriteByte(name[i])
				continue
			}
			const digits = "0123456789ABCDEF"
			back.WriteByte(byte(strings.IndexByte(digits, name[i+2])<<4 | strings.IndexByte(digits, name[i+3])))
			i += 3
		}
		if back.String() != key {
			t.Fatalf("%q became %q, which reads as %q", key, name, back.String())
		}
		if strings.ContainsRune(name, 0) || (top && strings.ContainsAny(name, ".`")) {
			t.Fatalf("%q became %q", key, name)
		}
	})
}
