package deletion_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(lanceref.Shared(m)) }
