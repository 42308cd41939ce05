package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/localfs"
)

// verdict is what the demo's table holds, compared with the history.
type verdict struct {
	Rows       int64  `json:"rows"`
	Duplicates int64  `json:"duplicates"` // rows whose sequence another row has
	Missing    int64  `json:"missing"`    // acknowledged sequences without a row
	Different  int64  `json:"different"`  // rows whose values are not those published
	Unknown    int64  `json:"unknown"`    // rows whose sequence was never acknowledged
	Versions   uint64 `json:"versions"`
	Bytes      int64  `json:"bytes"`
}

// exact reports whether the table is what it should be.
func (v verdict) exact(published int64) bool {
	return v.Rows == published && v.Duplicates == 0 && v.Missing == 0 && v.Different == 0 && v.Unknown == 0
}

// checkTable reads the whole table in dir back and compares it with the history.
func checkTable(ctx context.Context, dir string, h *history) (verdict, error) {
	head, done, err := openTable(ctx, dir)
	if err != nil {
		return verdict{}, err
	}
	defer done()
	v := verdict{Versions: head.Version()}
	seen := make(map[uint64]bool, len(h.sums))
	for rec, err := range head.Scan(ctx, lance.ScanOptions{}) {
		if err != nil {
			return v, fmt.Errorf("read %s back: %w", dir, err)
		}
		for row, err := range demoRows(rec) {
			if err != nil {
				return v, fmt.Errorf("read %s back: %w", dir, err)
			}
			v.Rows++
			sum, published := h.sums[row.seq]
			switch {
			case seen[row.seq]:
				v.Duplicates++
			case !published:
				v.Unknown++
			case sum != row.record.sum(h.seed):
				v.Different++
			}
			seen[row.seq] = true
		}
	}
	for seq := range h.sums {
		if !seen[seq] {
			v.Missing++
		}
	}
	v.Bytes, err = directorySize(dir)
	return v, err
}

// openTable opens the latest version of the table in dir. Call done after use.
func openTable(ctx context.Context, dir string) (head *lance.Dataset, done func(), err error) {
	store, err := localfs.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	done = func() { _ = store.Close() } // opened for reading: closing loses nothing
	head, err = lance.Open(store, lance.Options{}).Latest(ctx)
	if err != nil {
		done()
		return nil, nil, err
	}
	return head, done, nil
}

// demoRow is a record as the table holds it.
type demoRow struct {
	seq    uint64
	record record
}

// errDemoSchema says that the table has other columns than the demo's records give it.
var errDemoSchema = errors.New("the table has not the columns of the demo")

// demoColumns are the arrays of a batch, by column.
type demoColumns struct {
	seq                 *array.Uint64
	id                  *array.Int64
	user, text, note    *array.String
	amount              *array.Float64
	paid                *array.Boolean
	device              *array.Struct
	tags                *array.List
	tagText             *array.String
	embedding           *array.FixedSizeList
	os                  *array.String
	version             *array.Int64
	embeddingComponents *array.Float32
}

// column finds a column of a batch by name and type.
func column[T arrow.Array](rec arrow.Record, name string, errs *error) T {
	var none T
	at := rec.Schema().FieldIndices(name)
	if len(at) != 1 {
		*errs = errors.Join(*errs, fmt.Errorf("column %s: %w", name, errDemoSchema))
		return none
	}
	return as[T](rec.Column(at[0]), name, errs)
}

// as asserts the type of an array.
func as[T arrow.Array](a arrow.Array, name string, errs *error) T {
	t, ok := a.(T)
	if !ok {
		*errs = errors.Join(*errs, fmt.Errorf("column %s is %T: %w", name, a, errDemoSchema))
	}
	return t
}

// findColumns finds the demo's columns in a batch.
func findColumns(rec arrow.Record) (c demoColumns, err error) {
	c.seq = column[*array.Uint64](rec, "_nats_seq", &err)
	c.id = column[*array.Int64](rec, "id", &err)
	c.user = column[*array.String](rec, "user", &err)
	c.text = column[*array.String](rec, "text", &err)
	c.note = column[*array.String](rec, "note", &err)
	c.amount = column[*array.Float64](rec, "amount", &err)
	c.paid = column[*array.Boolean](rec, "paid", &err)
	c.device = column[*array.Struct](rec, "device", &err)
	c.tags = column[*array.List](rec, "tags", &err)
	c.embedding = column[*array.FixedSizeList](rec, "embedding", &err)
	if err != nil {
		return c, err
	}
	if c.device.NumField() != 2 {
		return c, fmt.Errorf("column device: %w", errDemoSchema)
	}
	c.os = as[*array.String](c.device.Field(0), "device.os", &err)
	c.version = as[*array.Int64](c.device.Field(1), "device.version", &err)
	c.tagText = as[*array.String](c.tags.ListValues(), "tags", &err)
	c.embeddingComponents = as[*array.Float32](c.embedding.ListValues(), "embedding", &err)
	return c, err
}

// demoRows yields the rows of a batch.
func demoRows(rec arrow.Record) iter.Seq2[demoRow, error] {
	return func(yield func(demoRow, error) bool) {
		c, err := findColumns(rec)
		if err != nil {
			yield(demoRow{}, err)
			return
		}
		for i := range int(rec.NumRows()) {
			if !yield(demoRow{seq: c.seq.Value(i), record: c.record(i)}, nil) {
				return
			}
		}
	}
}

// record is row i. Text is shared with the batch.
func (c *demoColumns) record(i int) record {
	r := record{
		id: c.id.Value(i), user: c.user.Value(i), text: c.text.Value(i), amount: c.amount.Value(i), paid: c.paid.Value(i),
		device: device{os: c.os.Value(i), version: c.version.Value(i)},
	}
	if c.note.IsValid(i) {
		note := c.note.Value(i)
		r.note = &note
	}
	for from, to := c.tags.ValueOffsets(i); from < to; from++ {
		r.tags = append(r.tags, c.tagText.Value(int(from)))
	}
	from, to := c.embedding.ValueOffsets(i)
	r.embedding = c.embeddingComponents.Float32Values()[from:to]
	return r
}

// directorySize is the size of all files below dir.
func directorySize(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}
