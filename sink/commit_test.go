package sink_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// task is one commit of one message, which becomes a row or a dead letter.
type task struct {
	stream   string
	seq      uint64
	dead     bool
	ackFloor uint64
	delivery uint64    // the number of its first delivery
	counted  [2]uint64 // deliveries made and acknowledged
	events   sink.Events
	at       time.Duration // store time
	last     uint64        // of the stream
	ends     func(context.Context) (first, last uint64, err error)
	unbound  bool // bound while the stream was not asked
}

func (k task) batch(t *testing.T) *sink.Batch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	plan := func(*arrow.Schema, func(uint64) bool) (*sink.Plan, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		if k.dead {
			return &sink.Plan{Record: b.NewRecord(), Rejected: []sink.Rejection{{Seq: k.seq, Class: "syntax", Reason: "bad"}}}, nil
		}
		b.Field(0).(*array.Int64Builder).Append(7)
		return &sink.Plan{Record: b.NewRecord()}, nil
	}
	first, err := plan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &sink.Batch{Marks: []sink.Mark{{Seq: k.seq, Time: time.Unix(1, 0).Add(k.at)}}, Delivery: k.delivery, Plan: first, Replan: plan}
}

func (k task) commit(t *testing.T, storage string) *sink.Result {
	t.Helper()
	res, err := k.try(t, storage)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// try returns the error of the commit.
func (k task) try(t *testing.T, storage string) (*sink.Result, error) {
	t.Helper()
	s, err := sink.Open(t.Context(), sink.Config{Storage: storage, Topic: "t", Events: k.events, Ends: k.ends})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what was committed is durable
	pos := sink.Position{AckFloor: k.ackFloor, StreamLast: k.last, Deliveries: k.counted[0], AckedDeliveries: k.counted[1], Identity: sink.Identity{
		Stream: k.stream, StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0),
	}}
	bound := pos
	if k.unbound {
		bound.StreamLast = ^uint64(0)
	}
	if _, err := s.Bind(t.Context(), bound); err != nil {
		return nil, err
	}
	staged, err := s.Stage(t.Context(), k.batch(t))
	if err != nil {
		t.Fatal(err)
	}
	return s.Commit(t.Context(), staged, pos)
}

func TestADeadLetterIsPublishedAfterItsCommit(t *testing.T) {
	if res := (task{stream: "S", seq: 1, dead: true}).commit(t, t.TempDir()); res.DeadLetters != 1 || len(res.Pending) != 1 || res.Pending[0].Class != "syntax" {
		t.Errorf("got %+v", res)
	}
}

// Our version goes, and in its place another worker's stands when we read back, which
// made a row of the message that we would make a dead letter: it must not become both.
func TestNoDeadLetterOfAnothersRow(t *testing.T) {
	storage := t.TempDir()
	another := task{stream: "S", seq: 1}
	ours := task{stream: "S", seq: 1, dead: true, events: sink.Events{AfterPut: func(uint64) {
		versions := filepath.Join(storage, "t.lance", "_versions")
		if err := os.RemoveAll(versions); err != nil {
			t.Error(err)
		}
		if other := another.commit(t, storage); other.Rows != 1 {
			t.Errorf("the other worker: %+v", other)
		}
	}}}
	res := ours.commit(t, storage)
	if len(res.Pending) != 0 {
		t.Errorf("the message is a row, and its dead letter would be published: %+v", res.Pending)
	}
}

// A version that nobody can read any more might have been a restore, so the floor
// stays where it is over it.
func TestFloorStaysBehindAMissingVersion(t *testing.T) {
	for missing, runs := range map[bool]int{false: 1, true: 2} {
		storage := t.TempDir()
		task{stream: "S", seq: 1}.commit(t, storage)
		task{stream: "other", seq: 1}.commit(t, storage)
		task{stream: "other", seq: 2}.commit(t, storage)
		versions, err := filepath.Glob(filepath.Join(storage, "t.lance", "_versions", "*.manifest"))
		if err != nil || len(versions) != 3 {
			t.Fatal(versions, err)
		}
		if missing { // the second of three, from either end
			if err := os.Remove(versions[1]); err != nil {
				t.Fatal(err)
			}
		}
		// Sequence 1 is a run of its own unless the floor rises to it.
		if res := (task{stream: "S", seq: 3, ackFloor: 1}).commit(t, storage); res.Rows != 1 || res.LedgerRuns != runs {
			t.Errorf("version 2 missing %t: %+v", missing, res)
		}
	}
}

// Behind a version that nobody can read any more, an ack floor above the ledger stops the
// topic, unless the consumer's deliveries say that all of that was not this topic's.
func TestAckFloorBehindAMissingVersion(t *testing.T) {
	for _, c := range []struct {
		delivery uint64    // of what the ledger holds
		counted  [2]uint64 // deliveries, and those acknowledged, when the next message comes
		goesOn   bool
	}{
		{5, [2]uint64{5, 5}, true},
		{5, [2]uint64{7, 5}, true},  // the next ones are under way
		{5, [2]uint64{7, 6}, false}, // another was acknowledged
		{5, [2]uint64{3, 3}, false}, // the consumer counts anew
		{0, [2]uint64{5, 5}, false}, // not known
	} {
		storage := t.TempDir()
		task{stream: "S", seq: 10, delivery: c.delivery}.commit(t, storage)
		task{stream: "other", seq: 1}.commit(t, storage)
		task{stream: "other", seq: 2}.commit(t, storage)
		versions, err := filepath.Glob(filepath.Join(storage, "t.lance", "_versions", "*.manifest"))
		if err != nil || len(versions) != 3 {
			t.Fatal(versions, err)
		}
		if err := os.Remove(versions[1]); err != nil {
			t.Fatal(err)
		}
		_, err = task{stream: "S", seq: 30, ackFloor: 20, counted: c.counted}.try(t, storage)
		var stop *sink.StopError
		if goesOn := err == nil; goesOn != c.goesOn || !goesOn && (!errors.As(err, &stop) || stop.Reason != sink.RolledBack) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A table of others may have columns of dictionary types: our rows have null there,
// and theirs stay.
func TestRowsBesideDictionaries(t *testing.T) {
	storage := t.TempDir()
	store, err := localfs.Create(filepath.Join(storage, "t.lance"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() //nolint:errcheck // read and written
	word := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	foreign := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "word", Type: word, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, foreign)
	defer b.Release()
	b.Field(0).(*array.Int64Builder).Append(1)
	if err := b.Field(1).(*array.BinaryDictionaryBuilder).AppendString("theirs"); err != nil {
		t.Fatal(err)
	}
	rec := b.NewRecord()
	defer rec.Release()
	if _, err := lance.Create(t.Context(), store, foreign, func(yield func(arrow.Record, error) bool) { yield(rec, nil) }, lance.Options{}); err != nil {
		t.Fatal(err)
	}
	if res := (task{stream: "S", seq: 1}).commit(t, storage); res.Rows != 1 {
		t.Errorf("got %+v", res)
	}
	d, err := lance.Open(store, lance.Options{}).Latest(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Take(t.Context(), []uint64{1, 0}, "n", "word")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Release()
	if words := got.Column(1).(*array.Dictionary); !words.IsNull(0) || words.ValueStr(1) != "theirs" || got.Column(0).ValueStr(0) != "7" {
		t.Errorf("got %s", got)
	}
}
