package schedule

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/internal/mutant"
	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink"
)

// kind is what a message holds: rows, and perhaps a value for a column that not every
// message has, as a number or as text. Which of the two the column takes, the first
// message decides; the others become dead letters.
type kind struct {
	rows   int
	column string // "" for none
	text   bool
	wide   bool // the number has a fraction: a column of integers has to become one of floats
	broken bool // does not parse
}

// dataType is what the message's own column would be.
func (k kind) dataType() arrow.DataType {
	switch {
	case k.text:
		return arrow.BinaryTypes.String
	case k.wide:
		return arrow.PrimitiveTypes.Float64
	default:
		return arrow.PrimitiveTypes.Int64
	}
}

// number is the value of the column of a message.
func (m *message) number() float64 {
	if m.kind.wide {
		return float64(m.uid) + 0.5
	}
	return float64(m.uid)
}

// widener is who says whether a column may become a wider one.
type widener func(schema.Widening) error

// typeFor is the type that a column of the table, nil for none, has once it has the value
// of a message; nil if it cannot have it.
func (may widener) typeFor(known arrow.DataType, k kind) arrow.DataType {
	want := k.dataType()
	switch {
	case known == nil || arrow.TypeEqual(known, want):
		return want
	case schema.Widens(want, known):
		return known
	case schema.Widens(known, want) && may(schema.Widening{Path: []string{k.column}, From: known, To: want}) == nil:
		return want
	default:
		return nil
	}
}

// baseFields are the columns that every table has: sequence, which message, which row of it.
func baseFields() []arrow.Field {
	seq, _ := schema.MetaField(schema.Seq)
	return []arrow.Field{seq, {Name: "uid", Type: arrow.PrimitiveTypes.Int64}, {Name: "row", Type: arrow.PrimitiveTypes.Int64}}
}

// plan decodes messages for a table, nil if there is none.
func plan(msgs []*message, table *arrow.Schema, skip func(uint64) bool, may widener) *sink.Plan {
	p := &sink.Plan{}
	var fit []*message
	list := baseFields()
	types := map[string]arrow.DataType{}
	if table != nil {
		for _, f := range table.Fields() {
			types[f.Name] = f.Type
		}
	}
	inRecord := map[string]int{}
	for _, m := range msgs {
		if skip(m.seq) {
			continue
		}
		k := m.kind
		typ := may.typeFor(types[k.column], k)
		if k.broken || k.column != "" && typ == nil {
			p.Rejected = append(p.Rejected, sink.Rejection{Seq: m.seq, Class: "schedule", Reason: "does not fit"})
			continue
		}
		fit = append(fit, m)
		if k.column == "" {
			continue
		}
		at, ok := inRecord[k.column]
		if !ok {
			at = len(list)
			list = append(list, arrow.Field{Name: k.column, Nullable: true})
		}
		inRecord[k.column], types[k.column], list[at].Type = at, typ, typ
	}
	b := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(list, nil))
	defer b.Release()
	for _, m := range fit {
		for row := range m.kind.rows {
			appendRow(b, list, m, row)
		}
	}
	p.Record = b.NewRecord()
	return p
}

func appendRow(b *array.RecordBuilder, list []arrow.Field, m *message, row int) {
	b.Field(0).(*array.Uint64Builder).Append(m.seq)
	b.Field(1).(*array.Int64Builder).Append(m.uid)
	b.Field(2).(*array.Int64Builder).Append(int64(row))
	for i, f := range list[3:] {
		switch c := b.Field(3 + i).(type) {
		case *array.Int64Builder:
			if f.Name == m.kind.column {
				c.Append(m.uid)
			} else {
				c.AppendNull()
			}
		case *array.Float64Builder:
			if f.Name == m.kind.column {
				c.Append(m.number())
			} else {
				c.AppendNull()
			}
		case *array.StringBuilder:
			if f.Name == m.kind.column {
				c.Append(fmt.Sprint(m.uid))
			} else {
				c.AppendNull()
			}
		}
	}
}

// batchOf makes a batch of messages, which ascend.
func batchOf(msgs []*message, table *arrow.Schema, may widener) *sink.Batch {
	b := &sink.Batch{Plan: plan(msgs, table, func(uint64) bool { return false }, may)}
	for _, m := range msgs {
		b.Marks = append(b.Marks, sink.Mark{Seq: m.seq, Time: m.time})
	}
	if last := msgs[len(msgs)-1]; last.delivered == 1 {
		b.Delivery = last.delivery
	}
	b.Replan = func(table *arrow.Schema, skip func(uint64) bool) (*sink.Plan, error) {
		return plan(msgs, table, skip, may), nil
	}
	return b
}

// keepsOne reports whether a second copy of a message held is left out of the batch.
func keepsOne() bool { return !mutant.On("no-dedup-in-batch") }
