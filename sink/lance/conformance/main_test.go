// Package conformance_test holds the library against the reference reader:
// whatever one side writes, the other reads, value for value. The data is
// random; every test prints its seed, and PST_SEED repeats it.
package conformance_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(lanceref.Shared(m)) }

// newRand is a source of random data whose seed the test prints.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("PST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("PST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
