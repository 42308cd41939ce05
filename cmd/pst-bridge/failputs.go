//go:build failpoint && unix

package main

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"

	"github.com/pst-bridge/pst-bridge/bridge"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
)

// putsVar is how many of a hundred puts fail in such a binary: refused, or with an
// unknown outcome, of those that happened, did not, or happen before the next put.
const putsVar = "PST_PUTS"

// failingStore is a directory whose puts fail now and then. The probe does not.
type failingStore struct {
	*faultstore.Store
	local sink.Store
}

func (s *failingStore) Probe(ctx context.Context) error { return s.local.Probe(ctx) }
func (s *failingStore) Close() error                    { return s.local.Close() }

// armPuts makes puts fail as the environment says.
func armPuts(cfg *bridge.Config) error {
	text := os.Getenv(putsVar)
	if text == "" {
		return nil
	}
	percent, err := strconv.Atoi(text)
	if err != nil || percent < 0 || percent > 100 {
		return usagef("%s: %q is no percentage", putsVar, text)
	}
	faults := []faultstore.Fault{faultstore.Refuse, faultstore.Before, faultstore.After, faultstore.Late}
	plan := func(op faultstore.Op, _ string, _ int) faultstore.Fault {
		if op != faultstore.OpPut || rand.IntN(100) >= percent { //nolint:gosec // chance, not a secret
			return faultstore.None
		}
		return faults[rand.IntN(len(faults))] //nolint:gosec // chance, not a secret
	}
	cfg.Open = func(dir string, create bool) (sink.Store, error) {
		local, err := sink.OpenLocal(dir, create)
		if err != nil {
			return nil, err
		}
		return &failingStore{faultstore.New(local, plan), local}, nil
	}
	return nil
}
