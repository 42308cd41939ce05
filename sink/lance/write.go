package lance

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// A data file is cut at the first record that reaches either size. The number of
// rows is what compaction aims at, so that such files are left alone.
const (
	MaxFileRows  = 1 << 20
	MaxFileBytes = 1 << 30
)

// writeBuffer gathers the small writes of a data file: its tail and its padding.
const writeBuffer = 64 << 10

// WriteFile writes a data file of the given records, which have the columns of s
// with the field ids of s; see fields.Schema.Project. The file has the version of
// the table as this handle saw it last. It is durable on return, and
// no version refers to it yet. It is never removed here: a commit whose outcome is
// not known may have published it.
func (t *Table) WriteFile(ctx context.Context, s *fields.Schema, recs ...arrow.Record) (*DataFile, error) {
	w, err := t.newFile(ctx, s)
	if err != nil {
		return nil, err
	}
	for _, rec := range recs {
		if err := w.write(ctx, rec); err != nil {
			return nil, err
		}
	}
	return w.finish(ctx)
}

// writeFiles writes records into as many data files as they need. Files already
// finished when it fails stay behind, referred to by nothing.
func (t *Table) writeFiles(ctx context.Context, s *fields.Schema, recs iter.Seq2[arrow.Record, error]) ([]*DataFile, error) {
	c := cutter{table: t, schema: s}
	for rec, err := range recs {
		if err != nil {
			return nil, c.abort(err)
		}
		if err := c.add(ctx, rec); err != nil {
			return nil, err
		}
	}
	return c.files, c.cut(ctx)
}

// cutter spreads records over files.
type cutter struct {
	table  *Table
	schema *fields.Schema
	files  []*DataFile
	open   *fileWriter // nil between files
}

func (c *cutter) add(ctx context.Context, rec arrow.Record) (err error) {
	if rec.NumRows() == 0 {
		return nil
	}
	if c.open == nil {
		if c.open, err = c.table.newFile(ctx, c.schema); err != nil {
			return err
		}
	}
	if err := c.open.write(ctx, rec); err != nil {
		return err
	}
	if c.open.full() {
		return c.cut(ctx)
	}
	return nil
}

// cut ends the open file, if there is one.
func (c *cutter) cut(ctx context.Context) error {
	if c.open == nil {
		return nil
	}
	f, err := c.open.finish(ctx)
	if err == nil {
		c.files = append(c.files, f)
	}
	c.open = nil
	return err
}

// abort gives the open file up, because of err.
func (c *cutter) abort(err error) error {
	if c.open == nil {
		return err
	}
	return c.open.abort(err)
}

// fileWriter writes one data file. After an error the file is gone.
type fileWriter struct {
	table  *Table
	path   string
	schema *fields.Schema
	out    objstore.Writer
	buf    *bufio.Writer
	enc    *file.Writer
	rows   int64
	bytes  int64 // that reached buf
}

func (t *Table) newFile(ctx context.Context, s *fields.Schema) (*fileWriter, error) {
	w := &fileWriter{table: t, path: newPath(), schema: s}
	version, err := t.fileVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("write data file: %w", err)
	}
	if w.out, err = t.store.Create(ctx, "data/"+w.path); err != nil {
		return nil, fmt.Errorf("write data file: %w", err)
	}
	w.buf = bufio.NewWriterSize(w.out, writeBuffer)
	w.enc, err = file.NewWriter(w, s, file.WriterOptions{Version: version, Compression: t.o.Compression, Level: t.o.Level, Pool: &t.pool})
	if err != nil {
		return nil, w.abort(err)
	}
	return w, nil
}

// Write counts what the encoder produces on its way to the store.
func (w *fileWriter) Write(p []byte) (int, error) {
	w.bytes += int64(len(p))
	return w.buf.Write(p)
}

func (w *fileWriter) write(ctx context.Context, rec arrow.Record) error {
	if err := ctx.Err(); err != nil {
		return w.abort(err)
	}
	if err := w.enc.Write(rec); err != nil {
		return w.abort(err)
	}
	w.rows += rec.NumRows()
	return nil
}

func (w *fileWriter) full() bool { return w.rows >= MaxFileRows || w.bytes >= MaxFileBytes }

func (w *fileWriter) finish(ctx context.Context) (*DataFile, error) {
	sum, err := w.enc.Finish()
	if err == nil {
		err = w.buf.Flush()
	}
	if err != nil {
		return nil, w.abort(err)
	}
	if err := w.out.Finish(ctx); err != nil {
		return nil, fmt.Errorf("write data file: %w", err)
	}
	if e := w.table.o.Events; e != nil && e.FileFinished != nil {
		e.FileFinished(w.path)
	}
	return &DataFile{
		Path: w.path, Rows: sum.Rows, Size: sum.Size, Schema: w.schema,
		Fields: sum.Fields, Columns: sum.Columns, Major: sum.Major, Minor: sum.Minor,
	}, nil
}

func (w *fileWriter) abort(err error) error {
	return fmt.Errorf("write data file %s: %w", w.path, errors.Join(err, w.out.Abort()))
}

// newPath returns a name for a data file that nobody else will come upon.
func newPath() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	return hex.EncodeToString(random[:]) + ".lance"
}
