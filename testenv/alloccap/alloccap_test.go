package alloccap_test

import (
	"testing"

	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// recorder notes whether a check failed.
type recorder struct {
	testing.TB
	failed bool
}

func (*recorder) Helper()                 {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestCheck(t *testing.T) {
	var keep []byte
	for _, c := range []struct {
		size   int
		failed bool
	}{{1 << 20, false}, {alloccap.Limit + 1, true}} {
		r := &recorder{TB: t}
		alloccap.Check(r, func() { keep = make([]byte, c.size) })
		if r.failed != c.failed {
			t.Errorf("%d bytes: failed is %t", len(keep), r.failed)
		}
	}
}
