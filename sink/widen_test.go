package sink_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
)

const leaseKey = "pst.lease"

// While one worker rewrites a column, rows of the old type go in, and only what they
// add is rewritten as well. The lease stands meanwhile and is gone with the new type.
func TestRowsThatFitGoOn(t *testing.T) {
	store := memstore.New()
	other := newWorker(t, store)
	for seq := range uint64(3) {
		other.commit(numbered(seq+1, `{"n":1}`))
	}
	files, calls := 0, 0
	var during string
	w := newWorker(t, store, func(c *sink.Config) {
		c.Events.FileFinished = func(string) { files++ }
		c.Rewriting = func() {
			if calls++; calls == 3 {
				other.commit(numbered(4, `{"n":4}`))
				during = latest(t, store).Config()[leaseKey]
			}
		}
	})
	res := w.commit(numbered(5, `{"n":0.5}`))
	if len(res.Widened) != 1 || res.Widened[0] != "column n from int64 to float64" {
		t.Errorf("got %+v", res)
	}
	var lease struct {
		Holder, Doing string
		Expires       time.Time
	}
	if err := json.Unmarshal([]byte(during), &lease); err != nil || lease.Holder == "" || lease.Expires.Before(time.Now()) ||
		lease.Doing != "columns have to be widened first: column n from int64 to float64" {
		t.Errorf("the lease was %q, %v", during, err)
	}
	d := latest(t, store)
	if text, ok := d.Config()[leaseKey]; ok {
		t.Errorf("the lease is still there: %s", text)
	}
	if files != 5 { // three fragments, the one that came meanwhile, and the row
		t.Errorf("%d files were written, want 5", files)
	}
	requireRows(t, d, []string{"_nats_seq", "n"}, "1 1", "2 1", "3 1", "4 4", "5 0.5")
	if v1, err := lance.Open(store, lance.Options{}).Version(t.Context(), 1); err != nil || typeOf(v1, "n") != "int64" {
		t.Errorf("version 1: %v", err)
	}
	// The other worker knows the old type.
	other.commit(numbered(6, `{"n":6}`, `{"n":7.5}`))
	requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 1", "3 1", "4 4", "5 0.5", "6 6", "7 7.5")
}

// A second worker that needs the new type waits for the first, and rewrites nothing.
func TestOneWorkerRewrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		newWorker(t, store).commit(numbered(1, `{"n":1}`))
		second := newWorker(t, store, func(c *sink.Config) {
			c.Rewriting = func() { t.Error("the second worker rewrites as well") }
		})
		done := make(chan *sink.Result)
		began := false
		first := newWorker(t, store, func(c *sink.Config) {
			c.Rewriting = func() {
				if !began {
					began = true
					go func() { done <- second.commit(numbered(3, `{"n":3.5}`)) }()
					<-time.After(12 * time.Second) // the lease is renewed meanwhile
				}
			}
		})
		first.commit(numbered(2, `{"n":2.5}`))
		if res := <-done; len(res.Widened) != 0 || res.Rows != 1 {
			t.Errorf("got %+v", res)
		}
		requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 2.5", "3 3.5")
	})
}

// The worker that rewrites stands still, or is dead: its lease ends, and another does
// the work. When it goes on after all it has lost nothing and doubles nothing.
func TestLeaseOfAStuckWorker(t *testing.T) {
	for name, where := range map[string]func(c *sink.Config, here func()){
		"while rows are converted":   func(c *sink.Config, here func()) { c.Rewriting = here },
		"before the type is changed": func(c *sink.Config, here func()) { c.Events.BeforePut = func(uint64) { here() } },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stuckWorker(t, where) })
		})
	}
}

func stuckWorker(t *testing.T, where func(c *sink.Config, here func())) {
	store := memstore.New()
	newWorker(t, store).commit(numbered(1, `{"n":1}`))
	stuck, gone := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() {
		close(stuck)
		<-gone
	})
	first := newWorker(t, store, func(c *sink.Config) {
		where(c, func() {
			if _, ok := latest(t, store).Config()[leaseKey]; ok { // not when the lease itself is put
				once()
			}
		})
	})
	done := make(chan *sink.Result)
	go func() {
		res, err := first.try(numbered(2, `{"n":2.5}`))
		if err != nil {
			t.Error(err)
		}
		done <- res
	}()
	<-stuck
	began := time.Now()
	second := newWorker(t, store)
	second.commit(numbered(3, `{"n":3}`)) // fits
	if waited := time.Since(began); waited > 0 {
		t.Errorf("a row that fits waited for %v", waited)
	}
	if res := second.commit(numbered(4, `{"n":4.5}`)); len(res.Widened) != 1 {
		t.Errorf("got %+v", res)
	}
	if waited := time.Since(began); waited < 25*time.Second || waited > 35*time.Second {
		t.Errorf("the second worker took over after %v", waited)
	}
	close(gone)
	if res := <-done; res == nil || res.Rows != 1 || len(res.Widened) != 0 {
		t.Errorf("the first worker: %+v", res)
	}
	requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 2.5", "3 3", "4 4.5")
}

// Leases of workers that are gone end in time, whatever their clocks said.
func TestStrangeLeases(t *testing.T) {
	for name, c := range map[string]struct {
		text        string
		least, most time.Duration
	}{
		"expired":       {`{"holder":"x","expires":"1999-01-01T00:00:00Z"}`, 0, 0},
		"a fast clock":  {`{"holder":"x","expires":"2999-01-01T00:00:00Z"}`, 30 * time.Second, 32 * time.Second},
		"no end":        {`{"holder":"x"}`, 30 * time.Second, 32 * time.Second},
		"not a lease":   {`}`, 30 * time.Second, 32 * time.Second},
		"an empty text": {``, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := memstore.New()
			w := newWorker(t, store)
			w.commit(numbered(1, `{"n":1}`))
			if _, err := lance.Open(store, lance.Options{}).UpdateConfig(t.Context(), map[string]string{leaseKey: c.text}); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			w.commit(numbered(2, `{"n":2.5}`))
			if waited := time.Since(began); waited < c.least || waited > c.most {
				t.Errorf("%s: waited for %v", name, waited)
			}
			requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 2.5")
		})
	}
}

// What the table's own values do not allow makes dead letters, once it was tried once;
// the other changes of the batch are made.
func TestRefusedWidening(t *testing.T) {
	store := memstore.New()
	tries := 0
	w := newWorker(t, store, func(c *sink.Config) { c.Rewriting = func() { tries++ } })
	w.commit(numbered(1, `{"n":9007199254740993,"m":1}`))
	res := w.commit(numbered(2, `{"n":0.5}`, `{"m":0.5}`, `{"n":4}`))
	if res.Rows != 2 || res.DeadLetters != 1 || len(res.Widened) != 1 || !strings.Contains(w.dead[2], "not exact as float64") || strings.Contains(w.dead[2], "9007199254740993") {
		t.Errorf("got %+v, dead %v", res, w.dead)
	}
	if _, ok := latest(t, store).Config()[leaseKey]; ok {
		t.Error("the lease is still there")
	}
	before := tries
	if res := w.commit(numbered(5, `{"n":1.5}`)); res.DeadLetters != 1 || tries != before {
		t.Errorf("got %+v, %d more tries", res, tries-before)
	}
	requireRows(t, latest(t, store), []string{"_nats_seq", "n", "m"}, "1 9007199254740993 1", "3 (null) 0.5", "4 4 (null)")
}

// Where the column is declared so, integers become the nearest float, stored ones too.
func TestRoundedWidening(t *testing.T) {
	store := memstore.New()
	w := newWorker(t, store)
	w.declared = &schema.Declaration{Fields: []arrow.Field{{
		Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true, Metadata: arrow.NewMetadata([]string{schema.KeyWiden}, []string{"float"}),
	}}}
	w.commit(numbered(1, `{"n":9007199254740993}`))
	w.commit(numbered(2, `{"n":0.5}`, `{"n":9007199254740993}`))
	requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 9.007199254740992e+15", "2 0.5", "3 9.007199254740992e+15")
}

// A column that another made narrower than ours would be is not widened for values
// that fit there.
func TestNarrowColumnOfOthersStays(t *testing.T) {
	store := memstore.New()
	w := newWorker(t, store)
	st, err := w.stage(numbered(1, `{"n":1}`)) // there is no table yet: n would be int64
	if err != nil {
		t.Fatal(err)
	}
	narrow := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int8, Nullable: true}}, nil)
	if _, err := lance.Create(t.Context(), store, narrow, nil, lance.Options{}); err != nil {
		t.Fatal(err)
	}
	if res, err := w.sink.Commit(t.Context(), st, w.pos); err != nil || len(res.Widened) != 0 {
		t.Errorf("got %+v, %v", res, err)
	}
	if typ := typeOf(latest(t, store), "n"); typ != "int8" {
		t.Errorf("the column is %s", typ)
	}
	w.commit(numbered(2, `{"n":200}`))
	requireRows(t, latest(t, store), []string{"_nats_seq", "n"}, "1 1", "2 200")
	if typ := typeOf(latest(t, store), "n"); typ != "int16" {
		t.Errorf("the column is %s", typ)
	}
}

// A column that is declared wider than the table has it is widened with the first value;
// one that became wider than declared is no contradiction.
func TestDeclaredWidth(t *testing.T) {
	store := memstore.New()
	narrow := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int8, Nullable: true}}, nil)
	if _, err := lance.Create(t.Context(), store, narrow, nil, lance.Options{}); err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, store)
	w.declared = &schema.Declaration{Fields: []arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int32, Nullable: true}}}
	for i, step := range []struct{ payload, typ string }{
		{`{"other":1}`, "int8"}, {`{"n":1}`, "int32"}, {`{"n":5000000000}`, "int64"}, {`{"n":3}`, "int64"},
	} {
		res := w.commit(numbered(uint64(i)+1, step.payload))
		if typ := typeOf(latest(t, store), "n"); typ != step.typ || res.Rows != 1 {
			t.Errorf("after %s the column is %s, want %s; %+v", step.payload, typ, step.typ, res)
		}
	}
}

// A table that is restored while a column is rewritten is left as it is, for an operator
// to decide: neither the column nor the end of the lease is committed over it.
func TestNoWideningOverARestore(t *testing.T) {
	store := memstore.New()
	var restored uint64
	w := newWorker(t, store, func(c *sink.Config) {
		c.Rewriting = func() {
			if restored == 0 {
				d, err := lance.Open(store, lance.Options{}).Restore(t.Context(), 2)
				if err != nil {
					t.Fatal(err)
				}
				restored = d.Version()
			}
		}
	})
	for seq := range uint64(3) {
		w.commit(numbered(seq+1, `{"n":1}`))
	}
	_, err := w.try(numbered(4, `{"n":0.5}`))
	var stop *sink.StopError
	if !errors.As(err, &stop) || stop.Reason != sink.RolledBack {
		t.Errorf("got %v", err)
	}
	if v := latest(t, store).Version(); restored == 0 || v != restored {
		t.Errorf("version %d stands over version %d, which restored", v, restored)
	}
}
