package sink_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink"
)

// A trial counts while it is under way, and for good once its process is dead.
func TestTrials(t *testing.T) {
	storage := t.TempDir()
	open := func() *sink.Sink {
		s, err := sink.Open(t.Context(), sink.Config{Storage: storage, Topic: "t"})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	begin := func(s *sink.Sink, seqs ...uint64) string {
		id, err := s.BeginTrial(t.Context(), seqs)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	other := open()
	defer other.Close()
	failed := func(want map[uint64]int) {
		t.Helper()
		got, err := other.FailedTrials(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint64(10) {
			if got[seq] != want[seq] {
				t.Errorf("%d processes died over %d, want %d", got[seq], seq, want[seq])
			}
		}
	}
	failed(nil) // there is no table yet
	s := open()
	first := begin(s, 3, 4)
	if own, err := s.FailedTrials(t.Context()); err != nil || len(own) != 0 {
		t.Errorf("its own trial counts: %v, %v", own, err)
	}
	other.Close() // it had no directory
	other = open()
	failed(map[uint64]int{3: 1, 4: 1})
	begin(s, 4)
	failed(map[uint64]int{3: 1, 4: 2})
	s.EndTrial(t.Context(), first)
	failed(map[uint64]int{4: 1})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	failed(nil)

	dir := filepath.Join(storage, "t.lance", "_pst", "trials")
	write := func(name, data string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cut", `{"stream":"","sequences":[1,`)
	write("dead", `{"stream":"","sequences":[5,6]}`)
	write("elsewhere", `{"stream":"OTHER","sequences":[5]}`)
	failed(map[uint64]int{5: 1, 6: 1})
	write("long", strings.Repeat(" ", 2<<20))
	if _, err := other.FailedTrials(t.Context()); err == nil || !strings.Contains(err.Error(), "_pst/trials/long") {
		t.Errorf("a note of 2 MiB: %v", err)
	}
}
