package sink_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

// A batch that yields comes back at once while another has the lease, with nothing
// committed. Whose clock is wrong is found out over the tries, not anew with each.
func TestBatchYieldsToLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		w := newWorker(t, store)
		w.yields = true
		w.commit(numbered(1, `{"n":1}`))
		lease := `{"holder":"x","expires":"2999-01-01T00:00:00Z"}`
		head, err := lance.Open(store, lance.Options{}).UpdateConfig(t.Context(), map[string]string{leaseKey: lease})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for tries := 0; ; tries++ {
			_, err := w.try(numbered(2, `{"n":2.5}`, `{"n":3}`))
			if err == nil {
				break
			}
			var busy *sink.BusyError
			if !errors.As(err, &busy) || time.Since(began) > 31*time.Second {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			if v := latest(t, store).Version(); v != head.Version() {
				t.Fatalf("version %d was made beside the lease", v)
			}
			for range 10 {
				if !busy.Over(t.Context()) {
					<-time.After(busy.Pause()) // fake
				}
			}
		}
		if waited := time.Since(began); waited < 30*time.Second {
			t.Errorf("the lease was taken after %v", waited)
		}
		requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 2.5", "3 3")
	})
}
