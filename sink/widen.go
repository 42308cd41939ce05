package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// wideningError says that rows need columns in wider types than the base has them.
type wideningError struct{ list []schema.Widening }

func (e *wideningError) Error() string {
	texts := make([]string, len(e.list))
	for i, w := range e.list {
		texts[i] = w.String()
	}
	return "columns have to be widened first: " + strings.Join(texts, ", ")
}

// refusal is what stands against a change of type.
type refusal struct {
	id     int32 // of the column then: another column may be changed
	reason error
}

// MayWiden says why a column must not get a wider type, nil if it may, as far as is
// known. Plans must go by it: what it refuses is not tried again. It may be called
// concurrently.
func (s *Sink) MayWiden(w schema.Widening) error {
	head := s.head()
	if head == nil {
		return nil
	}
	path := fields.MakePath(w.Path...)
	f := head.Fields().Lookup(path)
	if f == nil {
		return nil
	}
	if err := unindexed(head, f.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.mu.refused[refusalKey(path, w)]; ok && r.id == f.ID {
		return r.reason
	}
	return nil
}

func refusalKey(path fields.Path, w schema.Widening) string {
	return fmt.Sprint(path, " ", w.To, " ", w.Round)
}

// unindexed refuses a column that an index covers: it would be lost.
func unindexed(d *lance.Dataset, id int32) error {
	list, err := d.Manifest().Indexes()
	if err != nil {
		return err
	}
	for _, x := range list {
		if slices.Contains(x.Fields, id) {
			return fmt.Errorf("the index %q stands on the column: drop it, and the type can change", x.Name)
		}
	}
	return nil
}

// refuse notes that a change of type is not possible.
func (s *Sink) refuse(head *lance.Dataset, w schema.Widening, reason error) {
	path := fields.MakePath(w.Path...)
	r := refusal{reason: reason}
	if f := head.Fields().Lookup(path); f != nil {
		r.id = f.ID
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.refused[refusalKey(path, w)] = r
}

// widen returns when no column of list is to be widened any more: it did so, another
// worker did, or it is refused. While another worker holds the lease it waits; that
// ends, since a lease that is not renewed expires. If the batch yields it
// returns a BusyError instead of waiting. It returns the columns widened here.
func (s *Sink) widen(ctx context.Context, table *lance.Table, rows *rowsPlanner, list []schema.Widening) (done []string, err error) {
	t := s.tenant(table, rows.pos)
	defer func() { err = errors.Join(err, t.release(ctx)) }()
	for {
		head, err := s.latest(ctx)
		if err != nil || head == nil {
			return done, err
		}
		wanted := s.wanted(head, list)
		if len(wanted) == 0 {
			return done, nil
		}
		t.doing = (&wideningError{wanted}).Error()
		held, err := t.take(ctx)
		switch {
		case err != nil:
		case !held && rows.st.batch.Yields:
			return done, &BusyError{s}
		case !held:
			err = s.await(ctx)
		default:
			// The head may have changed with the lease: what is wanted is looked at again.
			var made []string
			made, err = s.retypeAll(ctx, t, s.wanted(s.head(), list))
			done = append(done, made...)
		}
		if err != nil && !errors.Is(err, errLeaseLost) {
			return done, err
		}
	}
}

// wanted are those of list that a version does not have yet and that may be.
func (s *Sink) wanted(head *lance.Dataset, list []schema.Widening) []schema.Widening {
	var wanted []schema.Widening
	for _, w := range list {
		now := typeAt(head.Schema().Fields(), w.Path)
		if now == nil || !schema.Widens(now, w.To) && !schema.BecomesList(now, w.To) {
			continue
		}
		w.From = now
		if s.MayWiden(w) == nil {
			wanted = append(wanted, w)
		}
	}
	return wanted
}

// typeAt finds the type of a column by its path, nil if there is none.
func typeAt(list []arrow.Field, path []string) arrow.DataType {
	if f, ok := fieldAt(list, path); ok {
		return f.Type
	}
	return nil
}

// retypeAll rewrites columns one after the other under the lease, which goes with the
// last.
func (s *Sink) retypeAll(ctx context.Context, t *tenancy, list []schema.Widening) (done []string, err error) {
	for i, w := range list {
		r := lance.Retyping{
			Path: string(fields.MakePath(w.Path...)), To: w.To, Round: w.Round,
			Terms: lance.Terms{Progress: t.renew, Guard: func(base *lance.Dataset) error { return t.guard(ctx, base) }},
		}
		if i == len(list)-1 {
			r.Config.Delete = []string{keyLease}
		}
		head, err := t.table.Retype(ctx, r)
		switch {
		case err == nil:
			s.setHead(head)
			t.held = t.held && i < len(list)-1
			done = append(done, w.String())
		case errors.Is(err, lance.ErrInexact):
			s.refuse(s.head(), w, inexact(w))
		case errors.Is(err, lance.ErrUnsupported):
			s.refuse(s.head(), w, errors.New("the type of a column at this place cannot be changed"))
		case errors.Is(err, lance.ErrIndexed):
			if _, err := s.latest(ctx); err != nil { // MayWiden sees the index there
				return done, err
			}
		default:
			return done, err
		}
	}
	return done, nil
}

// inexact is the reason without the value, which is nobody's business but the reader's.
func inexact(w schema.Widening) error {
	if w.To.ID() == arrow.FLOAT64 && w.From.ID() != arrow.FLOAT32 {
		return fmt.Errorf("the table holds values of the column that are not exact as %s, and it is not declared with widen: float", w.To)
	}
	return fmt.Errorf("the table holds values of the column that are not exact as %s", w.To)
}

// await pauses before the lease is looked at again.
func (s *Sink) await(ctx context.Context) error {
	pause := s.leasePause()
	timer := time.NewTimer(pause/2 + rand.N(pause)) //nolint:gosec // jitter needs no secrecy
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
