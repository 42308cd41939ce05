package sink_test

import (
	"errors"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink"
)

// Columns that no table can have, as a declaration may ask for them, stop the topic.
func TestColumnsThatNoTableHas(t *testing.T) {
	s, err := sink.Open(t.Context(), sink.Config{Storage: t.TempDir(), Topic: "t"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pos := sink.Position{Identity: sink.Identity{Stream: "S", StreamCreated: time.Unix(1, 0), Consumer: "c", ConsumerCreated: time.Unix(1, 0)}}
	if _, err := s.Bind(t.Context(), pos); err != nil {
		t.Fatal(err)
	}
	member := arrow.StructOf(arrow.Field{Name: "x", Type: arrow.PrimitiveTypes.Int8, Nullable: true})
	schema := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arrow.FixedSizeListOf(2, member), Nullable: true}}, nil)
	plan := func(*arrow.Schema, func(uint64) bool) (*sink.Plan, error) {
		none := array.MakeArrayOfNull(memory.DefaultAllocator, schema.Field(0).Type, 1)
		return &sink.Plan{Record: array.NewRecord(schema, []arrow.Array{none}, 1)}, nil
	}
	first, err := plan(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	staged, err := s.Stage(t.Context(), &sink.Batch{Marks: []sink.Mark{{Seq: 1, Time: time.Unix(1, 0)}}, Plan: first, Replan: plan})
	if err != nil {
		t.Fatal(err)
	}
	var stop *sink.StopError
	if _, err := s.Commit(t.Context(), staged, pos); !errors.As(err, &stop) || stop.Reason != sink.Unsupported {
		t.Errorf("got %v", err)
	}
}
