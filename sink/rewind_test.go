package sink_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

func rewound(t *testing.T, err error, want bool) {
	t.Helper()
	var stop *sink.StopError
	if got := errors.As(err, &stop) && stop.Reason == sink.StreamRewound; got != want || (!want && err != nil) {
		t.Errorf("stopped as rewound: %t, want %t: %v", got, want, err)
	}
}

// A worker may be the first to write what a rewound stream stored after the numbers
// used twice. Those are found out all the same, when another worker is dealt them.
func TestSequenceUsedAgainAfterLaterOnes(t *testing.T) {
	storage := t.TempDir()
	const old = 100 // more than are known one by one
	for seq := range uint64(old) {
		task{stream: "S", seq: seq + 1, at: time.Duration(seq)}.commit(t, storage)
	}
	task{stream: "S", seq: old + 1, at: 3 * old}.commit(t, storage)
	for seq := uint64(1); seq < old; seq += 11 {
		_, err := task{stream: "S", seq: seq + 1, at: 2*old + time.Duration(seq)}.try(t, storage)
		rewound(t, err, true)
		_, err = task{stream: "S", seq: seq + 1, at: time.Duration(seq)}.try(t, storage)
		rewound(t, err, false)
	}
}

// A stream that ends below what the table holds is looked at twice, before every commit.
func TestStreamShorterThanTheLedger(t *testing.T) {
	for name, c := range map[string]struct {
		last  []uint64 // what the stream answers; the last of them from then on
		after time.Duration
		stop  bool
	}{
		"long enough":      {[]uint64{9}, 0, false},
		"a peer was ahead": {[]uint64{5, 9}, 0, false},
		"a late leader":    {[]uint64{5, 5, 9}, 5 * time.Second, false},
		"shorter":          {[]uint64{5}, 5 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				storage := t.TempDir()
				task{stream: "S", seq: 9}.commit(t, storage)
				looks := 0
				ends := func(context.Context) (uint64, uint64, error) {
					looks++
					return 1, c.last[min(looks, len(c.last)-1)], nil
				}
				begun := time.Now()
				k := task{stream: "S", seq: 3, ends: ends, last: c.last[0], unbound: true}
				_, err := k.try(t, storage)
				rewound(t, err, c.stop)
				if took := time.Since(begun); took != c.after {
					t.Errorf("it took %v, not %v", took, c.after)
				}
			})
		})
	}
}

// The floor passes what is purged, also what a worker holds at the time. Its time may
// be later than those of messages after it, as clocks differ.
func TestPurgedWhileHeld(t *testing.T) {
	for first, stop := range map[uint64]bool{1: true, 4: false} {
		storage := t.TempDir()
		task{stream: "S", seq: 5, at: 10, ackFloor: 5}.commit(t, storage)
		ends := func(context.Context) (uint64, uint64, error) { return first, 5, nil }
		res, err := task{stream: "S", seq: 3, at: 11, ends: ends, last: 5}.try(t, storage)
		rewound(t, err, stop)
		if !stop && (res.Rows != 0 || res.Duplicates != 1) {
			t.Errorf("got %+v", res)
		}
	}
}

// The worker that holds a purged message itself keeps the floor below it, though a
// later one is recorded: it becomes a row.
func TestFloorStaysBelowWhatIsHeld(t *testing.T) {
	store := memstore.New()
	w := newWorker(t, store)
	w.pos.AckFloor, w.pos.StreamLast, w.pos.InFlight = 9, 9, 3
	w.commit(numbered(5, `{"n":5}`))
	w.pos.InFlight = 0
	if res := w.commit(numbered(3, `{"n":3}`)); res.Rows != 1 {
		t.Errorf("got %+v", res)
	}
}
