//go:build unix

package main

import "testing"

// TestAllocations holds that decoders allocate for batches and messages of many rows,
// not for rows. Making the lines compares all values and tries what must be refused.
func TestAllocations(t *testing.T) {
	lines, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if err := l.measure(3 * distinct); err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		if n := l.allocs[0]; n > distinct/10 {
			t.Errorf("%s: %.0f allocations for a batch of %d rows", l.name, n, distinct)
		}
	}
}
