package sink_test

import (
	"context"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/faultstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

type faultyStore struct{ *faultstore.Store }

func (faultyStore) Probe(context.Context) error { return nil }
func (faultyStore) Close() error                { return nil }

// Whose rows they are is told by the transaction, not by what the store said of the
// put, nor by whether another plan was made since.
func TestWhoseRowsTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		put        faultstore.Fault
		reads      int  // that fail after it
		rival      bool // commits some of the messages, or all, while the outcome is unknown
		afterwards bool // another worker commits before the second look
		want       sink.Result
	}{
		"won, and known":                      {put: faultstore.None, want: sink.Result{Rows: 2, DeadLetters: 1, Duplicates: 1}},
		"won, and found":                      {put: faultstore.After, want: sink.Result{Rows: 2, DeadLetters: 1, Duplicates: 1}},
		"won, and planned again":              {put: faultstore.After, reads: 1, want: sink.Result{Rows: 2, DeadLetters: 1, Duplicates: 1}},
		"won, and others' versions follow":    {put: faultstore.After, reads: 1, afterwards: true, want: sink.Result{Rows: 2, DeadLetters: 1, Duplicates: 1}},
		"not made, and another has all":       {put: faultstore.Before, rival: true, want: sink.Result{Duplicates: 4}},
		"not made, another has all, replaned": {put: faultstore.Before, reads: 1, rival: true, want: sink.Result{Duplicates: 4}},
		"not made, and made again":            {put: faultstore.Before, reads: 1, want: sink.Result{Rows: 2, DeadLetters: 1, Duplicates: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			mem := memstore.New()
			newWorker(t, mem).commit(numbered(1, `{"n":1}`))
			batch := numbered(1, `{"n":1}`, `{"n":2}`, `bad`, `{"n":4}`)
			failing := 0
			store := faultstore.New(mem, func(op faultstore.Op, key string, _ int) faultstore.Fault {
				switch {
				case op == faultstore.OpPut && strings.HasPrefix(key, "_versions/") && c.put != faultstore.None:
					f := c.put
					c.put, failing = faultstore.None, c.reads
					if c.rival {
						newWorker(t, mem).commit(batch)
					}
					return f
				case op == faultstore.OpList && failing > 0:
					failing--
					return faultstore.Before
				}
				return faultstore.None
			})
			retried := 0
			w := newWorker(t, mem, func(cfg *sink.Config) {
				cfg.Open = func(string, bool) (sink.Store, error) { return faultyStore{store}, nil }
				cfg.Retrying = func(error) {
					retried++
					if c.afterwards {
						newWorker(t, mem).commit(numbered(9, `{"n":9}`))
					}
				}
			})
			got := w.commit(batch)
			if got.Rows != c.want.Rows || got.DeadLetters != c.want.DeadLetters || got.Duplicates != c.want.Duplicates || (got.Bytes > 0) != (c.want.Rows > 0) {
				t.Errorf("%d rows, %d dead letters, %d duplicates, %d bytes; want %+v", got.Rows, got.DeadLetters, got.Duplicates, got.Bytes, c.want)
			}
			if retried != c.reads {
				t.Errorf("the storage failed %d times, want %d", retried, c.reads)
			}
			wantClass := "parse"
			if c.rival && c.reads > 0 {
				wantClass = sink.ClassPending // planned on the ledger of another, which has no reasons
			}
			if len(got.Pending) != 1 || got.Pending[0].Seq != 3 || got.Pending[0].Class != wantClass {
				t.Errorf("dead letters to publish: %+v, want message 3, class %s", got.Pending, wantClass)
			}
		})
	}
}
