package sink

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/internal/escape"
)

func TestTableName(t *testing.T) {
	for topic, want := range map[string]string{
		"demo":        "demo",
		"user_events": "user_events",
		"a.b-c":       "a.b-c",
		"x_x41":       "x_x5Fx41", // would read as the escape of A
		"x_x4g":       "x_x4g",
		"x_x4a":       "x_x4a", // escapes have upper-case digits
		"caf\xc3\xa9": "caf_xC3_xA9",
		"a/b":         "a_x2Fb",
		"Demo":        "Demo",
	} {
		if got, err := TableName(topic); err != nil || got != want {
			t.Errorf("TableName(%q) = %q, %v, want %q", topic, got, err, want)
		}
	}
	for _, topic := range []string{"", ".", "..", strings.Repeat("a", MaxTableName+1), strings.Repeat("/", 51)} {
		if got, err := TableName(topic); !errors.Is(err, ErrTableName) {
			t.Errorf("TableName(%q) = %q, %v", topic, got, err)
		}
	}
}

// A link makes two names lead to one directory, as a file system does that does not
// tell letter case apart.
func TestTopicsThatDifferInCaseAlone(t *testing.T) {
	storage := t.TempDir()
	if err := os.Mkdir(filepath.Join(storage, "Demo.lance"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"demo", "Demo", "other"} {
		if err := checkFolding(storage, name); err != nil {
			t.Errorf("%s is refused beside Demo: %v", name, err)
		}
	}
	if err := os.Symlink("Demo.lance", filepath.Join(storage, "demo.lance")); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), Config{Storage: storage, Topic: "demo"})
	var stop *StopError
	if !errors.As(err, &stop) || stop.Reason != NameRefused || !strings.Contains(err.Error(), "Demo.lance") {
		t.Errorf("demo and Demo share a directory: %v", err)
	}
	if err := checkFolding(filepath.Join(storage, "absent"), "demo"); err != nil {
		t.Errorf("a storage directory that is not there yet: %v", err)
	}
}

var accepted = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// Injective, because it can be undone; and inside the storage directory.
func FuzzTableName(f *testing.F) {
	for _, s := range []string{"a", "_x41", "__x5F", "../a", "a\x00b", "_x_x5F41", "con"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, topic string) {
		name, err := TableName(topic)
		if err != nil {
			return
		}
		if !accepted.MatchString(name) || !filepath.IsLocal(name) || filepath.Base(name) != name {
			t.Fatalf("TableName(%q) = %q", topic, name)
		}
		if back := escape.Undo(name); back != topic {
			t.Fatalf("%q became %q, which reads as %q", topic, name, back)
		}
	})
}
