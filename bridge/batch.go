package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema/decode"
	"github.com/pst-bridge/pst-bridge/sink"
)

// batch is a set of messages on its way. Its messages are kept until the commit
// was read back, because a lost race may make it necessary to decode them again.
type batch struct {
	msgs     []*held // in order of delivery
	bytes    int64   // of raw payloads
	excess   int64   // charged for it beyond its messages
	rows     int
	oldest   time.Time
	reason   string
	sealed   time.Time
	rejected []sink.Rejection
	ordered  bool   // msgs ascend by sequence
	trial    string // id of the trial that ends with the batch, "" for none
	options  decode.Options
}

// add decodes one message into dec; one that does not fit is noted as rejected. It
// returns decode.ErrFull for a message that has to go into the next batch.
func (b *batch) add(dec *decode.Batch, m *held) error {
	rows, rej, err := appendMessage(dec, m)
	if err != nil {
		return err
	}
	if rej != nil {
		b.rejected = append(b.rejected, *rej)
	}
	if n := len(b.msgs); n > 0 && b.msgs[n-1].Seq > m.Seq {
		b.ordered = false
	}
	b.msgs = append(b.msgs, m)
	b.rows += rows
	b.bytes += int64(len(m.Data))
	if b.oldest.IsZero() || m.Time.Before(b.oldest) {
		b.oldest = m.Time
	}
	return nil
}

func appendMessage(dec *decode.Batch, m *held) (int, *sink.Rejection, error) {
	if m.condemned != nil {
		return 0, m.condemned, nil
	}
	rows, err := dec.Append(decode.Meta{Seq: m.Seq, Time: m.Time, Subject: m.Subject, Header: m.Header}, m.Data)
	if err == nil {
		return rows, nil, nil
	}
	var rej *decode.Reject
	if !errors.As(err, &rej) {
		return 0, nil, fmt.Errorf("decode message %d: %w", m.Seq, err)
	}
	return 0, &sink.Rejection{Seq: m.Seq, Class: rej.Class, Reason: rej.Reason}, nil
}

// plan hands over what dec decoded as the batch's first plan. Rows ascend by
// sequence in the table, so messages that came out of order are decoded again.
func (b *batch) plan(dec *decode.Batch, table *arrow.Schema) (*sink.Batch, error) {
	out := b.unplanned(b.sorted())
	var err error
	if b.ordered {
		out.Plan, err = finish(dec, b.rejected)
	}
	if err == nil && (!b.ordered || columnless(out.Plan, table)) {
		out.Plan, err = out.Replan(table, func(uint64) bool { return false })
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sorted are the messages by sequence.
func (b *batch) sorted() []*held {
	if b.ordered {
		return b.msgs
	}
	return slices.SortedFunc(slices.Values(b.msgs), func(x, y *held) int { return cmp.Compare(x.Seq, y.Seq) })
}

// unplanned is the batch for the sink, without a plan. sorted are its messages.
func (b *batch) unplanned(sorted []*held) *sink.Batch {
	out := &sink.Batch{Marks: make([]sink.Mark, len(sorted))}
	for i, m := range sorted {
		out.Marks[i] = sink.Mark{Seq: m.Seq, Time: m.Time}
	}
	if last := sorted[len(sorted)-1]; last.Delivered == 1 {
		out.Delivery = last.ConsumerSeq
	}
	out.Replan = func(table *arrow.Schema, skip func(uint64) bool) (*sink.Plan, error) {
		return replan(sorted, table, b.options, skip)
	}
	return out
}

// columnless reports whether a new table would have no column at all, which Lance
// does not know: all metadata columns are off, and no message has a value.
func columnless(plan *sink.Plan, table *arrow.Schema) bool {
	return table == nil && plan.Record.NumCols() == 0
}

// replan decodes messages for another table than before. A table that would have no
// column gets the sequence as one.
func replan(msgs []*held, table *arrow.Schema, o decode.Options, skip func(uint64) bool) (*sink.Plan, error) {
	plan, err := decodeAll(msgs, table, o, skip)
	if err == nil && columnless(plan, table) {
		o.Seq = true
		plan, err = decodeAll(msgs, table, o, skip)
	}
	return plan, err
}

func decodeAll(msgs []*held, table *arrow.Schema, o decode.Options, skip func(uint64) bool) (*sink.Plan, error) {
	o.Unsplit = true // the batch is one already: none of its messages can go to the next
	dec := decode.NewBatch(table, o)
	var rejected []sink.Rejection
	for _, m := range msgs {
		if skip(m.Seq) {
			continue
		}
		_, rej, err := appendMessage(dec, m)
		if err != nil {
			return nil, err
		}
		if rej != nil {
			rejected = append(rejected, *rej)
		}
	}
	return finish(dec, rejected)
}

func finish(dec *decode.Batch, rejected []sink.Rejection) (*sink.Plan, error) {
	rec, err := dec.Record()
	if err != nil {
		return nil, fmt.Errorf("finish batch: %w", err)
	}
	return &sink.Plan{Record: rec, Rejected: rejected}, nil
}
