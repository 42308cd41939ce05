package scenario

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// Another program breaks the table, or takes it away, while a worker writes to it: the
// topic stops, and what the other left is not written over.
func TestTableIsBrokenWhileRunning(t *testing.T) {
	t.Parallel()
	// next puts a manifest as another program's commit would, but not a sound one.
	next := func(spoil func(sound []byte) []byte) func(*rig) error {
		return func(r *rig) error {
			names, err := filepath.Glob(filepath.Join(r.storage, "t.lance", "_versions", "*.manifest"))
			if err != nil || len(names) == 0 {
				return fmt.Errorf("%v, %w", names, err)
			}
			sound, err := os.ReadFile(names[0]) // names descend
			if err != nil {
				return err
			}
			var inverted uint64
			if _, err := fmt.Sscanf(filepath.Base(names[0]), "%d.manifest", &inverted); err != nil {
				return err
			}
			name := fmt.Sprintf("%020d.manifest", inverted-1)
			return os.WriteFile(filepath.Join(filepath.Dir(names[0]), name), spoil(sound), 0o600)
		}
	}
	for name, c := range map[string]struct {
		reason  string
		breakIt func(*rig) error
	}{
		"head without a byte": {"table_unreadable", next(func([]byte) []byte { return nil })},
		"head cut off":        {"table_unreadable", next(func(sound []byte) []byte { return sound[:len(sound)/2] })},
		"head with a bit turned": {"table_unreadable", next(func(sound []byte) []byte {
			sound = bytes.Clone(sound)
			sound[len(sound)-1] ^= 4
			return sound
		})},
		"ledger deleted": {"ledger_missing", func(r *rig) error {
			_, err := r.table("t").UpdateConfig(map[string]*string{"pst.ledger.PERSISTING": nil})
			return err
		}},
		"table dropped": {"table_replaced", func(r *rig) error { // its folder is not the one that is open
			return os.RemoveAll(filepath.Join(r.storage, "t.lance"))
		}},
		"table overwritten": {"rolled_back", func(r *rig) error {
			schema, rec := oneColumn(t, 7)
			defer rec.Release()
			_, err := r.table("t").Overwrite(lanceref.WriteOptions{}, schema, rec)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			x := r.bridge()
			for n := range 3 {
				r.send("t", fmt.Sprintf(`{"n":%d}`, n))
				r.awaitRows("t", uint64(n+1))
			}
			r.awaitAcked("pst-bridge-t")
			if err := c.breakIt(r); err != nil {
				t.Fatal(err)
			}
			broken := content(t, r.storage)
			r.send("t", `{"n":3}`)
			state := x.awaitStop("t")
			if state.Reason != c.reason {
				t.Errorf("stopped as %v: %v", state, state.Err)
			}
			now := content(t, r.storage)
			for file, was := range broken {
				if now[file] != was {
					t.Errorf("%s was written over or removed", file)
				}
			}
			for file := range now {
				if _, old := broken[file]; !old && strings.HasSuffix(file, ".manifest") {
					t.Errorf("%s was published all the same", file)
				}
			}
			consumer, err := r.js.Consumer(t.Context(), "PERSISTING", "pst-bridge-t")
			if err != nil {
				t.Fatal(err)
			}
			if info := consumer.CachedInfo(); info.NumPending+uint64(info.NumAckPending) != 1 {
				t.Errorf("the last message is acknowledged: %+v", info)
			}
		})
	}
}

// content reads all files of a folder.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names := []string{"*/*", "*/*/*"}
	for _, pattern := range names {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				out[f] = string(data)
			}
		}
	}
	return out
}
