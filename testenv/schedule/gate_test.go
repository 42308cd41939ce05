package schedule

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync/atomic"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// errDead is what the storage answers a worker that was crashed: nothing it does has
// an effect any more.
var errDead = errors.New("this worker is dead")

// gate stands between a worker and the storage. At some of its calls it stops the
// worker until the schedule lets it go on.
type gate struct {
	objstore.Store
	rng     *rand.Rand // of this worker
	resume  chan struct{}
	often   int          // stops once in so many calls
	atPut   int          // once in so many puts, just before
	putting atomic.Value // key of the version that waits to be put, "" for none
	turn    atomic.Bool  // the schedule lets the worker run
	parked  atomic.Bool
	dead    atomic.Bool
}

var _ sink.Store = (*gate)(nil)

// pass stops here or not, and refuses the dead.
func (g *gate) pass() error { return g.stop(g.often) }

// stop stops once in so many calls, and always when it is not the worker's turn.
func (g *gate) stop(in int) error {
	if !g.turn.Load() || g.rng.IntN(in) == 0 {
		g.turn.Store(false)
		g.parked.Store(true)
		<-g.resume
		g.parked.Store(false)
	}
	if g.dead.Load() {
		return errDead
	}
	return nil
}

// Probe implements sink.Store.
func (g *gate) Probe(context.Context) error { return nil }

// Close implements sink.Store.
func (g *gate) Close() error { return nil }

// Open implements objstore.Store.
func (g *gate) Open(ctx context.Context, key string) (objstore.Object, error) {
	if err := g.pass(); err != nil {
		return nil, err
	}
	return g.Store.Open(ctx, key)
}

// Create implements objstore.Store.
func (g *gate) Create(ctx context.Context, key string) (objstore.Writer, error) {
	if err := g.pass(); err != nil {
		return nil, err
	}
	w, err := g.Store.Create(ctx, key)
	if err != nil {
		return nil, err
	}
	return &gatedWriter{w, g}, nil
}

type gatedWriter struct {
	objstore.Writer
	gate *gate
}

// Finish implements objstore.Writer.
func (w *gatedWriter) Finish(ctx context.Context) error {
	if err := w.gate.pass(); err != nil {
		return err
	}
	return w.Writer.Finish(ctx)
}

// PutIfAbsent implements objstore.Store. The moment that matters lies between the last
// look and the publication.
func (g *gate) PutIfAbsent(ctx context.Context, key string, data []byte, before func(context.Context) error) error {
	if err := g.pass(); err != nil {
		return errors.Join(objstore.ErrNotApplied, err)
	}
	err := g.Store.PutIfAbsent(ctx, key, data, func(ctx context.Context) error {
		if before != nil {
			if err := before(ctx); err != nil {
				return err
			}
		}
		g.putting.Store(key)
		defer g.putting.Store("")
		return g.stop(g.atPut)
	})
	if err == nil {
		err = g.pass()
	}
	return err
}

// List implements objstore.Store.
func (g *gate) List(ctx context.Context, prefix string) iter.Seq2[objstore.Info, error] {
	if err := g.pass(); err != nil {
		return func(yield func(objstore.Info, error) bool) { yield(objstore.Info{}, err) }
	}
	return g.Store.List(ctx, prefix)
}

// Sync implements objstore.Store.
func (g *gate) Sync(ctx context.Context, key string) error {
	if err := g.pass(); err != nil {
		return err
	}
	return g.Store.Sync(ctx, key)
}

// Remove implements objstore.Store.
func (g *gate) Remove(ctx context.Context, key string) error {
	if err := g.pass(); err != nil {
		return err
	}
	return g.Store.Remove(ctx, key)
}
