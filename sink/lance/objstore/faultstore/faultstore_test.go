package faultstore_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/storetest"
)

func noFault(faultstore.Op, string, int) faultstore.Fault { return faultstore.None }

func TestStoreWithoutFaults(t *testing.T) {
	storetest.Accept(t, func(*testing.T) objstore.Store { return faultstore.New(memstore.New(), noFault) })
}

func there(s objstore.Store, key string) bool {
	_, err := s.Open(context.Background(), key)
	return err == nil
}

func TestPutFaults(t *testing.T) {
	for _, c := range []struct {
		name                 string
		fault                faultstore.Fault
		notApplied           bool // the error says that nothing happened
		applied, afterSettle bool // whether the key is there
	}{
		{"refuse", faultstore.Refuse, true, false, false},
		{"before", faultstore.Before, false, false, false},
		{"after", faultstore.After, false, true, true},
		{"late", faultstore.Late, false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inner := memstore.New()
			s := faultstore.New(inner, func(op faultstore.Op, _ string, n int) faultstore.Fault {
				if op == faultstore.OpPut && n == 0 {
					return c.fault
				}
				return faultstore.None
			})
			err := s.PutIfAbsent(t.Context(), "k", []byte("x"), nil)
			if !errors.Is(err, faultstore.ErrInjected) || errors.Is(err, objstore.ErrNotApplied) != c.notApplied || errors.Is(err, objstore.ErrExist) {
				t.Errorf("got %v", err)
			}
			if there(inner, "k") != c.applied {
				t.Errorf("applied is %v", !c.applied)
			}
			if err := s.Settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if there(inner, "k") != c.afterSettle {
				t.Errorf("applied after Settle is %v", !c.afterSettle)
			}
		})
	}
}

func TestHangEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := faultstore.New(memstore.New(), func(faultstore.Op, string, int) faultstore.Fault { return faultstore.Hang })
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		err := s.PutIfAbsent(ctx, "k", nil, nil)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, objstore.ErrNotApplied) || time.Since(start) != time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
