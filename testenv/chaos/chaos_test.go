//go:build unix

package main

import (
	"os"
	"strconv"
	"testing"
	"time"
)

// TestChaos runs ten short seeds over the profiles and retentions, others each day.
// PST_SEED begins at another one; the schedule of a failed run is kept and printed.
func TestChaos(t *testing.T) {
	const seeds, length = 10, 15 * time.Second
	first := uint64(time.Now().Unix()/86400) * seeds
	if text := os.Getenv("PST_SEED"); text != "" {
		var err error
		if first, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	profiles := []string{"r1", "foreign", "r3"}
	retentions := []string{"work-queue", "limits"}
	dir := t.TempDir()
	var results []result
	for i := range seeds {
		s, err := draw(first+uint64(i), profiles[i%len(profiles)], retentions[i/len(profiles)%len(retentions)], 3, length)
		if err != nil {
			t.Fatal(err)
		}
		r := run(t.Context(), s, dir)
		if r.failure != "" {
			t.Errorf("go run ./testenv/chaos -seed %d -profile %s -retention %s -duration %v: %s", s.Seed, s.Profile, s.Retention, length, r.failure)
		}
		results = append(results, r)
	}
	if code := verdict(results); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A seed is a schedule: the same again, and another for another.
func TestSchedulesAreDrawnFromSeeds(t *testing.T) {
	text := func(seed uint64) string {
		s, err := draw(seed, "r1", "limits", 3, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		path := t.TempDir() + "/s.json"
		if err := s.save(path); err != nil {
			t.Fatal(err)
		}
		again, err := load(path)
		if err != nil || len(again.Events) != len(s.Events) || len(s.Events) < 20 {
			t.Fatalf("%d events, %d read again: %v", len(s.Events), len(again.Events), err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if first := text(1); first != text(1) || first == text(2) {
		t.Error("schedules do not follow from their seeds")
	}
	if _, err := draw(1, "r2", "limits", 3, time.Minute); err == nil {
		t.Error("a profile that is none was drawn")
	}
}
