package sink

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/schema"
	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/ledger"
)

// Rebuild writes the ledger entry of a stream anew from what the rows say of
// themselves: their sequences, their store times and their epoch. It is for a table
// that lost its entry, or whose entry does not parse. Messages that had become dead
// letters or whose rows were deleted are not in it: as long as the consumer keeps its
// acknowledgements they do not come again, so id must name the consumer that filled
// the table. An entry of another stream is refused, since rows do not say which
// stream theirs was.
func (s *Sink) Rebuild(ctx context.Context, id Identity) (*ledger.Entry, error) {
	return s.edit(ctx, id, func(base *lance.Dataset) (*ledger.Entry, error) {
		for key := range base.Config() {
			if strings.HasPrefix(key, ledger.KeyPrefix) && key != ledger.Key(id.Stream) {
				return nil, fmt.Errorf("%w: %s is filled from stream %s as well, and its rows do not say which is whose",
					ErrRefused, s.dir, strings.TrimPrefix(key, ledger.KeyPrefix))
			}
		}
		entry, err := s.readRows(ctx, base)
		if err != nil {
			return nil, err
		}
		entry.Identity = id
		return entry, nil
	})
}

// readRows is the entry that the rows of base amount to.
func (s *Sink) readRows(ctx context.Context, base *lance.Dataset) (*ledger.Entry, error) {
	columns := []string{schema.Seq}
	for _, name := range []string{schema.Time, schema.Epoch} {
		if base.Schema().HasField(name) {
			columns = append(columns, name)
		}
	}
	if !base.Schema().HasField(schema.Seq) {
		return nil, fmt.Errorf("%w: %s has no column %s, which alone says what the rows were", ErrRefused, s.dir, schema.Seq)
	}
	if !slices.Contains(columns, schema.Time) {
		return nil, fmt.Errorf("%w: %s has no column %s, without which a rewound stream could not be told", ErrRefused, s.dir, schema.Time)
	}
	e := &ledger.Entry{}
	for rec, err := range base.Scan(ctx, lance.ScanOptions{Columns: columns}) {
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", s.dir, err)
		}
		err = gather(e, rec)
		rec.Release()
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRefused, s.dir, err)
		}
	}
	return e, nil
}

// gather adds the rows of a record to an entry. Rows of an epoch before the entry's
// do not count, and those of a later one begin it anew.
func gather(e *ledger.Entry, rec arrow.Record) error {
	seqs, ok := rec.Column(0).(*array.Uint64)
	if !ok {
		return fmt.Errorf("column %s is %s, not uint64", schema.Seq, rec.Column(0).DataType())
	}
	times, ok := rec.Column(1).(*array.Timestamp)
	if !ok {
		return fmt.Errorf("column %s is %s, not a timestamp", schema.Time, rec.Column(1).DataType())
	}
	unit := times.DataType().(*arrow.TimestampType).Unit
	var epochs *array.Uint32
	if rec.NumCols() > 2 {
		if epochs, ok = rec.Column(2).(*array.Uint32); !ok {
			return fmt.Errorf("column %s is %s, not uint32", schema.Epoch, rec.Column(2).DataType())
		}
	}
	found := make([]uint64, 0, rec.NumRows())
	for i := range int(rec.NumRows()) {
		if seqs.IsNull(i) {
			continue // another writer's row
		}
		if epochs != nil && epochs.IsValid(i) && epochs.Value(i) != e.Epoch {
			if epochs.Value(i) < e.Epoch {
				continue
			}
			*e = ledger.Entry{Epoch: epochs.Value(i)}
			found = found[:0]
		} else if epochs != nil && epochs.IsNull(i) && e.Epoch > 0 {
			continue // of epoch 0, before there was the column
		}
		found = append(found, seqs.Value(i))
		e.Rows++
		e.MaxSeq = max(e.MaxSeq, seqs.Value(i))
		if times.IsValid(i) {
			// The column may be coarser than the stream's clock: the latest moment that
			// it can stand for.
			t := times.Value(i).ToTime(unit).Add(unit.Multiplier() - time.Nanosecond)
			if t.After(e.MaxTime) {
				e.MaxTime = t
			}
		}
	}
	e.Held = e.Held.Union(ledger.SetOf(found...))
	return nil
}
