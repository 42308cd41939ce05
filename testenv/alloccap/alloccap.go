// Package alloccap fails a test whose code allocates more than hostile input may
// cost.
package alloccap

import (
	"runtime"
	"testing"
)

// Limit is what one input of a fuzz target may make the code under test allocate,
// all allocations counted, also those given back.
const Limit = 64 << 20

// Check runs f and fails the test if f allocated more than Limit bytes. What other
// goroutines allocate meanwhile counts too, so they should be idle.
func Check(t testing.TB, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > Limit {
		t.Errorf("%d bytes were allocated, more than the %d that one input may cost", n, Limit)
	}
}
