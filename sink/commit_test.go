package sink_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink"
)

// one is a batch of sequence 1 alone, which becomes a row or a dead letter.
func one(t *testing.T, dead bool) *sink.Batch {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "n", Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	plan := func(*arrow.Schema, func(uint64) bool) (*sink.Plan, error) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		defer b.Release()
		if dead {
			return &sink.Plan{Record: b.NewRecord(), Rejected: []sink.Rejection{{Seq: 1, Class: "syntax", Reason: "bad"}}}, nil
		}
		b.Field(0).(*array.Int64Builder).Append(7)
		return &sink.Plan{Record: b.NewRecord()}, nil
	}
	first, err := plan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &sink.Batch{Marks: []sink.Mark{{Seq: 1, Time: time.Unix(1, 0)}}, Plan: first, Replan: plan}
}

func commit(t *testing.T, storage string, dead bool, events sink.Events) *sink.Result {
	t.Helper()
	s, err := sink.Open(t.Context(), sink.Config{Storage: storage, Topic: "t", Events: events})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() //nolint:errcheck // what was committed is durable
	pos := sink.Position{Identity: sink.Identity{
		Stream: "S", StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0),
	}}
	if _, err := s.Bind(t.Context(), pos); err != nil {
		t.Fatal(err)
	}
	staged, err := s.Stage(t.Context(), one(t, dead))
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.Commit(t.Context(), staged, pos)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestADeadLetterIsPublishedAfterItsCommit(t *testing.T) {
	if res := commit(t, t.TempDir(), true, sink.Events{}); res.DeadLetters != 1 || len(res.Pending) != 1 || res.Pending[0].Class != "syntax" {
		t.Errorf("got %+v", res)
	}
}

// Our version goes, and in its place another worker's stands when we read back, which
// made a row of the message that we would make a dead letter: it must not become both.
func TestNoDeadLetterOfAnothersRow(t *testing.T) {
	storage := t.TempDir()
	res := commit(t, storage, true, sink.Events{AfterPut: func(uint64) {
		versions := filepath.Join(storage, "t.lance", "_versions")
		if err := os.RemoveAll(versions); err != nil {
			t.Error(err)
		}
		if other := commit(t, storage, false, sink.Events{}); other.Rows != 1 {
			t.Errorf("the other worker: %+v", other)
		}
	}})
	if len(res.Pending) != 0 {
		t.Errorf("the message is a row, and its dead letter would be published: %+v", res.Pending)
	}
}
