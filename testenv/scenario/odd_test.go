package scenario

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/pst-bridge/pst-bridge/bridge"
)

// Objects that do not belong under a table turn up there while a worker runs. They are
// passed over, or the topic stops with a reason; the table stays whole, and when they
// are gone the rest arrives once.
func TestOddObjects(t *testing.T) {
	t.Parallel()
	v2 := func(version uint64) string { return fmt.Sprintf("%020d.manifest", math.MaxUint64-version) }
	for name, c := range map[string]struct {
		reason string // "": they are passed over
		again  string // what a worker says that starts now
		put    func(versions string, head []byte) (path string, err error)
	}{
		"folder with a version's name of long ago": {"", "", folder(v2(0))},
		"folder with a later version's name":       {"", "", folder(v2(1000))},
		"folder with the next version's name":      {"table_unreadable", "table_unreadable", folder(v2(2))},
		"folder":                                   {"", "", folder("odd")},
		"hint to a version that is not there": {"", "", func(versions string, _ []byte) (string, error) {
			path := filepath.Join(versions, "latest_version_hint.json")
			return path, os.WriteFile(path, []byte(`{"version":999999}`), 0o600)
		}},
		"hint that is no JSON": {"", "", func(versions string, _ []byte) (string, error) {
			path := filepath.Join(versions, "latest_version_hint.json")
			return path, os.WriteFile(path, []byte("\x00{{"), 0o600)
		}},
		"detached version":               {"", "", copied(fmt.Sprintf("d%d.manifest", uint64(1)<<63|42))},
		"name of the other scheme, low":  {"table_unreadable", "table_unreadable", copied("1.manifest")},
		"name of the other scheme, high": {"", "table_unreadable", copied("999999.manifest")},
		"greatest number":                {"table_unreadable", "table_unreadable", copied(v2(math.MaxUint64))},
		"number with the highest bit":    {"table_unreadable", "table_unreadable", copied(v2(1<<63 | 1))},
		"number beyond 64 bits":          {"", "", copied("99999999999999999999.manifest")},
		"temporary names":                {"", "", copied(v2(1000) + ".tmp")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			x := r.bridge()
			r.send("t", `{"n":1}`)
			r.awaitRows("t", 1)
			r.awaitAcked("pst-bridge-t")
			versions := filepath.Join(r.storage, "t.lance", "_versions")
			names, err := filepath.Glob(filepath.Join(versions, "*.manifest"))
			if err != nil || len(names) != 1 {
				t.Fatalf("%v, %v", names, err)
			}
			head, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			path, err := c.put(versions, head)
			if err != nil {
				t.Fatal(err)
			}
			r.send("t", `{"n":2}`)
			var state bridge.TopicState
			eventually(t, "the topic stops or the row is written", func() bool {
				state = x.b.Status()["t"]
				consumer, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
				if err != nil {
					return false
				}
				return state.Phase == bridge.PhaseStopped || consumer.CachedInfo().AckFloor.Stream >= 2
			})
			if state.Reason != c.reason {
				t.Errorf("stopped as %q, want %q: %v", state.Reason, c.reason, state.Err)
			}
			x.b.Drain()
			_ = x.wait() // a stop is its error
			if c.again != "" {
				if got := r.refused("t"); got != c.again {
					t.Errorf("started anew it stops as %q, want %q", got, c.again)
				}
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			r.send("t", `{"n":3}`)
			r.writeAll()
			want(t, r.rows("t", "n"), "[1]", "[2]", "[3]")
		})
	}
}

// folder makes a folder of a name among the versions.
func folder(name string) func(string, []byte) (string, error) {
	return func(versions string, _ []byte) (string, error) {
		path := filepath.Join(versions, name)
		return path, os.Mkdir(path, 0o750)
	}
}

// copied puts a copy of the newest version under a name.
func copied(name string) func(string, []byte) (string, error) {
	return func(versions string, head []byte) (string, error) {
		path := filepath.Join(versions, name)
		return path, os.WriteFile(path, head, 0o600)
	}
}
