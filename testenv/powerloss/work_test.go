package powerloss

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// tableDir is the table's directory below a storage.
const tableDir = "t" + sink.TableSuffix

// batch is the messages of one commit: their sequences, the column that they have
// beside the sequence, or that they are dead letters.
type batch struct {
	seqs   []uint64
	column string
	dead   bool
}

// work is what the tests commit: a table is made, appended to, gets a column, and takes
// a dead letter without rows.
func work() []batch {
	return []batch{{seqs: []uint64{1, 2}}, {seqs: []uint64{3}}, {seqs: []uint64{4, 5}, column: "c"}, {seqs: []uint64{6}, dead: true}, {seqs: []uint64{7}}}
}

func (b batch) plan(_ *arrow.Schema, skip func(uint64) bool) (*sink.Plan, error) {
	p := &sink.Plan{}
	seq, _ := schema.MetaField(schema.Seq)
	fields := []arrow.Field{seq}
	if b.column != "" {
		fields = append(fields, arrow.Field{Name: b.column, Type: arrow.PrimitiveTypes.Int64, Nullable: true})
	}
	rb := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fields, nil))
	defer rb.Release()
	for _, s := range b.seqs {
		switch {
		case skip(s):
		case b.dead:
			p.Rejected = append(p.Rejected, sink.Rejection{Seq: s, Class: "powerloss", Reason: "dead"})
		default:
			rb.Field(0).(*array.Uint64Builder).Append(s)
			if b.column != "" {
				rb.Field(1).(*array.Int64Builder).Append(int64(s)) //nolint:gosec // small
			}
		}
	}
	p.Record = rb.NewRecord()
	return p, nil
}

func position() sink.Position {
	return sink.Position{Identity: sink.Identity{Stream: "S", StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0)}}
}

// open opens a sink whose store tells trace, unless nil, of its steps.
func open(ctx context.Context, storage string, trace func(localfs.Step)) (*sink.Sink, error) {
	s, err := sink.Open(ctx, sink.Config{Storage: storage, Topic: "t", Open: func(dir string, create bool) (sink.Store, error) {
		if dir != filepath.Join(storage, tableDir) {
			return nil, fmt.Errorf("opened %s: %w", dir, objstore.ErrNotExist)
		}
		how := localfs.Open
		if create {
			how = localfs.Create
		}
		store, err := how(dir)
		if err != nil {
			return nil, err
		}
		store.Trace(trace)
		return store, nil
	}})
	if err != nil {
		return nil, err
	}
	if _, err := s.Bind(ctx, position()); err != nil {
		return nil, err
	}
	return s, nil
}

// commit puts a batch into the table; when it returns nil it may be acknowledged.
func (b batch) commit(ctx context.Context, s *sink.Sink) error {
	first, err := b.plan(nil, func(uint64) bool { return false })
	if err != nil {
		return err
	}
	in := &sink.Batch{Plan: first, Replan: b.plan}
	for _, seq := range b.seqs {
		in.Marks = append(in.Marks, sink.Mark{Seq: seq, Time: time.Unix(int64(seq), 0)}) //nolint:gosec // small
	}
	st, err := s.Stage(ctx, in)
	if err != nil {
		return err
	}
	_, err = s.Commit(ctx, st, position())
	return err
}

func mustOpen(t *testing.T, storage string, trace func(localfs.Step)) *sink.Sink {
	t.Helper()
	s, err := open(t.Context(), storage, trace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
