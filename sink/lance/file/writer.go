package file

import (
	"errors"
	"fmt"
	"io"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Writer writes one data file, front to back, and ends in Finish or Abort. It
// buffers at most PageBytes of Arrow data per top-level field. After an error
// it has ended by itself. Not safe for concurrent use.
type Writer struct {
	w       io.Writer
	at      uint64 // bytes written
	schema  *fields.Schema
	options WriterOptions
	encoder *pooled
	columns []*column                 // per top-level field
	meta    []*lancepb.ColumnMetadata // per physical column
	rows    uint64
	checked *arrow.Schema // the record schema found to match last
	done    bool
}

// Summary is what a manifest wants to know of a file.
type Summary struct {
	Rows uint64
	Size uint64 // bytes
	// Fields are the ids of the fields that have a column, Columns the
	// ordinals of those columns; parallel.
	Fields, Columns []int32
	Major, Minor    uint32
}

// errDone says that a writer was used after Finish or after an error.
var errDone = errors.New("data file writer is finished or failed")

// NewWriter starts a file of the fields of s, which it keeps; w gets every
// byte in order. The error names a field whose type can not be written.
func NewWriter(w io.Writer, s *fields.Schema, o WriterOptions) (*Writer, error) {
	o, err := o.validate()
	if err != nil {
		return nil, err
	}
	wr := &Writer{w: w, schema: s, options: o}
	if err := checkVersion(s, o.Version); err != nil {
		return nil, err
	}
	if wr.columns, err = newColumns(s); err != nil {
		return nil, err
	}
	for range s.Leaves() {
		wr.meta = append(wr.meta, &lancepb.ColumnMetadata{Encoding: columnEncoding()})
	}
	wr.encoder, err = o.Pool.get(encoding.Options{Version: o.Version, Compression: o.Compression, Level: o.Level})
	if err != nil {
		return nil, err
	}
	return wr, nil
}

// Write adds the rows of a record, whose columns are the fields of the schema
// in name, type and order. Its data is retained until its pages are cut.
func (w *Writer) Write(rec arrow.Record) error {
	if w.done {
		return errDone
	}
	if rec.Schema() != w.checked {
		if err := w.match(rec.Schema()); err != nil {
			return err
		}
		w.checked = rec.Schema()
	}
	for i, c := range w.columns {
		if err := c.add(rec.Column(i), w.options.PageBytes, w.cut); err != nil {
			return w.fail(fmt.Errorf("write column %q: %w", c.field.Name, err))
		}
	}
	w.rows += uint64(rec.NumRows())
	return nil
}

// Abort gives up what was gathered. The bytes written so far are no file.
// After Finish or an error it does nothing.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	for _, c := range w.columns {
		c.release()
	}
	w.options.Pool.put(w.encoder)
}

func (w *Writer) fail(err error) error {
	w.Abort()
	return err
}

// cut writes what a column has gathered as pages.
func (w *Writer) cut(c *column) error {
	leaves, err := c.shred(&w.encoder.memory)
	if err != nil {
		return err
	}
	defer releaseAll(leaves)
	for i, leaf := range leaves {
		first := c.written
		err := w.encoder.encoder.Encode(leaf, c.wishes[i], func(p encoding.Page) error {
			page, err := w.page(p, first)
			first += uint64(p.Rows)
			w.meta[c.first+i].Pages = append(w.meta[c.first+i].Pages, page)
			return err
		})
		if err != nil {
			return err
		}
	}
	c.written += uint64(c.rows)
	c.release()
	return nil
}

// page writes the buffers of a page whose first row is given.
func (w *Writer) page(p encoding.Page, first uint64) (*lancepb.Page, error) {
	e, err := direct(pageLayoutURL, p.Description)
	if err != nil {
		return nil, err
	}
	page := &lancepb.Page{Length: uint64(p.Rows), Encoding: e, Priority: first}
	for _, b := range p.Buffers {
		if err := w.align(); err != nil {
			return nil, err
		}
		page.BufferOffsets = append(page.BufferOffsets, w.at)
		page.BufferSizes = append(page.BufferSizes, uint64(len(b)))
		if err := w.write(b); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// Finish cuts the last pages and writes metadata and footer. It does not close
// or sync what it writes to: the file is complete, not yet durable.
func (w *Writer) Finish() (Summary, error) {
	if w.done {
		return Summary{}, errDone
	}
	for _, c := range w.columns {
		if err := w.cut(c); err != nil {
			return Summary{}, w.fail(fmt.Errorf("write column %q: %w", c.field.Name, err))
		}
	}
	w.done = true
	w.options.Pool.put(w.encoder)
	if err := w.tail(); err != nil {
		return Summary{}, err
	}
	major, minor := w.options.Version.Number()
	s := Summary{Rows: w.rows, Size: w.at, Major: uint32(major), Minor: uint32(minor)}
	for i, f := range w.schema.Leaves() {
		s.Fields = append(s.Fields, f.ID)
		s.Columns = append(s.Columns, int32(i))
	}
	return s, nil
}

// tail writes everything after the last page.
func (w *Writer) tail() error {
	descriptor, err := proto.MarshalOptions{Deterministic: true}.Marshal(&lancepb.FileDescriptor{
		Schema: &lancepb.FileSchema{Fields: w.schema.Proto(), Metadata: w.schema.ProtoMetadata()},
		Length: w.rows,
	})
	if err != nil {
		return fmt.Errorf("serialize file descriptor: %w", err)
	}
	if err := w.align(); err != nil {
		return err
	}
	globals := []entry{{w.at, uint64(len(descriptor))}}
	major, minor := w.options.Version.Number()
	f := footer{globalBuffers: 1, columns: uint32(len(w.meta)), major: major, minor: minor}
	out := descriptor
	f.columnMeta = w.at + uint64(len(out))
	columns := make([]entry, len(w.meta))
	for i, m := range w.meta {
		start := len(out)
		if out, err = (proto.MarshalOptions{Deterministic: true}).MarshalAppend(out, m); err != nil {
			return fmt.Errorf("serialize metadata of column %d: %w", i, err)
		}
		columns[i] = entry{w.at + uint64(start), uint64(len(out) - start)}
	}
	f.cmoTable = w.at + uint64(len(out))
	out = appendTable(out, columns)
	f.gboTable = w.at + uint64(len(out))
	out = appendTable(out, globals)
	return w.write(f.append(out))
}

// align pads up to where a buffer may begin.
func (w *Writer) align() error {
	rest := int(w.at % alignment)
	if rest == 0 {
		return nil
	}
	var padding [alignment]byte
	for i := range padding {
		padding[i] = padByte
	}
	return w.write(padding[rest:])
}

func (w *Writer) write(b []byte) error {
	n, err := w.w.Write(b)
	w.at += uint64(n)
	if err != nil {
		return fmt.Errorf("write %d bytes at %d of the data file: %w", len(b), w.at-uint64(n), err)
	}
	return nil
}
