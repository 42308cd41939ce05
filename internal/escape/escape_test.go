package escape

import "testing"

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func TestBytes(t *testing.T) {
	for s, want := range map[string]string{
		"user_events": "user_events",
		"a/b":         "a_x2Fb",
		"x_x41":       "x_x5Fx41",
		"x_x4g":       "x_x4g",
		"x_x4a":       "x_x4a",
		"__x2F":       "__x5Fx2F",
		"_/":          "__x2F",
		"\xc3\xa9":    "_xC3_xA9",
	} {
		if got := Bytes(s, plain); got != want {
			t.Errorf("Bytes(%q) = %q, want %q", s, got, want)
		}
	}
}

// Injective, because it can be undone.
func FuzzBytes(f *testing.F) {
	for _, s := range []string{"a", "_x41", "__x5F", "_x_x5F41", "\x00_x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := Bytes(s, plain)
		for i := range len(name) {
			if !plain(name[i]) {
				t.Fatalf("%q became %q", s, name)
			}
		}
		if back := Undo(name); back != s {
			t.Fatalf("%q became %q, which reads as %q", s, name, back)
		}
	})
}
