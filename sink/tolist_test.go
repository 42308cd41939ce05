package sink_test

import (
	"testing"
	"testing/synctest"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// The worker that makes lists of vectors stands still: vectors that fit go in meanwhile,
// another does the work when the lease is over, and the first finds it done.
func TestVectorsBecomeLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		declared := &schema.Declaration{Fields: []arrow.Field{{
			Name: "v", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32), Nullable: true,
			Metadata: arrow.NewMetadata([]string{schema.KeyVector}, []string{"to_list"}),
		}}}
		maker := newWorker(t, store)
		maker.declared = declared
		maker.commit(numbered(1, `{"v":[1,2]}`, `{"v":null}`))
		stuck, gone := make(chan struct{}), make(chan struct{})
		first := newWorker(t, store, func(c *sink.Config) {
			c.Rewriting = func() {
				close(stuck)
				<-gone
			}
		})
		done := make(chan *sink.Result)
		go func() { done <- first.commit(numbered(3, `{"v":[1]}`)) }()
		<-stuck
		second := newWorker(t, store) // the table says what is declared
		second.commit(numbered(4, `{"v":[3,4]}`))
		if typ := typeOf(latest(t, store), "v"); typ != "fixed_size_list<item: float32, nullable>[2]" {
			t.Errorf("the column is %s while the first worker stands still", typ)
		}
		if res := second.commit(numbered(5, `{"v":[1,2,3]}`)); len(res.Widened) != 1 {
			t.Errorf("got %+v", res)
		}
		close(gone)
		if res := <-done; res.Rows != 1 || len(res.Widened) != 0 {
			t.Errorf("the first worker: %+v", res)
		}
		maker.commit(numbered(6, `{"v":[]}`)) // the declaration is no contradiction
		requireRows(t, latest(t, store), []string{"_nats_seq", "v"}, "1 [1,2]", "2 (null)", "3 [1]", "4 [3,4]", "5 [1,2,3]", "6 []")
		if _, ok := latest(t, store).Config()[leaseKey]; ok {
			t.Error("the lease is still there")
		}
	})
}
