package file_test

import (
	"os"
	"testing"

	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

func TestMain(m *testing.M) { os.Exit(lanceref.Shared(m).Run()) }
