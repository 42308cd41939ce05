package scenario

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// Another program breaks the table, gives it a feature that nobody knows, or takes it
// away, while a worker writes to it: the topic stops, what the other left is not written
// over, and other topics go on.
func TestTableIsBrokenWhileRunning(t *testing.T) {
	t.Parallel()
	// next puts a manifest as another program's commit would, but not a sound one.
	next := func(spoil func(sound []byte, version uint64) []byte) func(*rig) error {
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
			return os.WriteFile(filepath.Join(filepath.Dir(names[0]), name), spoil(sound, math.MaxUint64-inverted+1), 0o600)
		}
	}
	for name, c := range map[string]struct {
		reason  string
		breakIt func(*rig) error
	}{
		"head without a byte": {"table_unreadable", next(func([]byte, uint64) []byte { return nil })},
		"head cut off":        {"table_unreadable", next(func(sound []byte, _ uint64) []byte { return sound[:len(sound)/2] })},
		"head with a bit turned": {"table_unreadable", next(func(sound []byte, _ uint64) []byte {
			sound = bytes.Clone(sound)
			sound[len(sound)-1] ^= 4
			return sound
		})},
		"feature for writers": {"unsupported", next(func(sound []byte, version uint64) []byte { return amended(sound, version, 10) })},
		"feature for readers": {"unsupported", next(func(sound []byte, version uint64) []byte { return amended(sound, version, 9) })},
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
			r.send("other", `{"n":0}`)
			r.send("t", `{"n":0}`)
			x := r.bridge()
			r.awaitRows("other", 1)
			r.awaitRows("t", 1)
			for n := 1; n < 3; n++ {
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
			r.send("other", `{"n":1}`)
			r.awaitRows("other", 2)
		})
	}
}

// amended is a manifest with another version number and a feature flag, in the field
// with the given number, that no release knows. Of a number that protobuf meets twice
// the last counts, so both are put at the end.
func amended(manifest []byte, version, flags uint64) []byte {
	const footer, strange = 16, 1 << 40
	at := binary.LittleEndian.Uint64(manifest[len(manifest)-footer:])
	end := len(manifest) - footer
	out := bytes.Clone(manifest[:end])
	for _, field := range [][2]uint64{{3, version}, {flags, strange}} {
		out = binary.AppendUvarint(out, field[0]<<3)
		out = binary.AppendUvarint(out, field[1])
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out))-uint32(at)-4) //nolint:gosec // a few kilobytes
	return append(out, manifest[end:]...)
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
