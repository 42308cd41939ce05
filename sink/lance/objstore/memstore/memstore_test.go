package memstore_test

import (
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/storetest"
)

func TestStore(t *testing.T) {
	storetest.Accept(t, func(*testing.T) objstore.Store { return memstore.New() })
}
