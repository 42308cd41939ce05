package deletion

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Numbers of the Arrow IPC format.
const (
	arrowMagic   = "ARROW1"
	continuation = 0xFFFFFFFF // stands before the size of a message since 0.15

	footerSchema, footerBatches         = 1, 3
	schemaFields                        = 1
	fieldTypeKind, fieldType            = 2, 3
	intBits, intSigned                  = 0, 1
	messageKind, messageHeader          = 1, 2
	batchRows, batchNodes, batchBuffers = 0, 1, 2
	batchCompression, compressionCodec  = 3, 0
	typeInt, headerBatch, codecZstd     = 2, 3, 1
	blockBytes, nodeBytes, bufferBytes  = 24, 16, 16
	tailBytes                           = 4 + len(arrowMagic)
)

// arrowFile reads one Arrow file of row offsets.
type arrowFile struct {
	data      []byte
	want      uint64
	rows      []uint32
	expanders compress.Expanders
}

// decodeArrow reads a file of exactly want rows, and sorts them.
func decodeArrow(data []byte, want uint64) ([]uint32, error) {
	f := &arrowFile{data: data, want: want}
	defer f.expanders.Close()
	if err := f.read(); err != nil {
		return nil, err
	}
	slices.Sort(f.rows)
	return f.rows, nil
}

func (f *arrowFile) read() error {
	n := len(f.data)
	if n < tailBytes || string(f.data[n-len(arrowMagic):]) != arrowMagic {
		return corrupt.Errorf("", "Arrow footer", int64(n), "it does not end in %q", arrowMagic)
	}
	size := uint64(binary.LittleEndian.Uint32(f.data[n-tailBytes:]))
	if size > uint64(n-tailBytes) {
		return corrupt.Errorf("", "Arrow footer", int64(n), "a footer of %d bytes in a file of %d", size, n)
	}
	var fail error
	footer := root(f.data[uint64(n-tailBytes)-size:n-tailBytes], &fail)
	err := checkColumn(footer)
	at, batches := footer.vector(footerBatches, blockBytes)
	for i := uint64(0); err == nil && i < batches; i++ {
		block := at + i*blockBytes
		err = f.batch(footer.word(block, 8), footer.word(block+8, 4), footer.word(block+16, 8))
	}
	if fail != nil {
		return corrupt.Errorf("", "Arrow footer", int64(n), "%w", fail)
	}
	return err
}

// checkColumn wants one column of uint32.
func checkColumn(footer table) error {
	schema, ok := footer.table(footerSchema)
	at, n := schema.vector(schemaFields, 4)
	if !ok || n != 1 {
		return corrupt.Errorf("", "Arrow schema", -1, "%d columns instead of one", n)
	}
	column := table{b: footer.b, at: schema.forward(at), fail: footer.fail}
	kind, _ := column.table(fieldType)
	if column.number(fieldTypeKind, 1) != typeInt || kind.number(intBits, 4) != 32 || kind.number(intSigned, 1) != 0 {
		return corrupt.Errorf("", "Arrow schema", -1, "a column that is not uint32")
	}
	return nil
}

// batch reads one record batch: size bytes of metadata and then the body.
func (f *arrowFile) batch(at, size, body uint64) error {
	n := uint64(len(f.data))
	if at > n || size > n-at || body > n-at-size || size < 8 {
		return corrupt.Errorf("", "Arrow batch", -1, "%d and %d bytes at %d of %d", size, body, at, n)
	}
	meta := f.data[at : at+size]
	prefix := 4
	if binary.LittleEndian.Uint32(meta) == continuation {
		prefix = 8
	}
	var fail error
	message := root(meta[prefix:], &fail)
	batch, ok := message.table(messageHeader)
	if fail == nil && (!ok || message.number(messageKind, 1) != headerBatch) {
		return corrupt.Errorf("", "Arrow batch", int64(at), "another kind of message")
	}
	err := f.column(batch, f.data[at+size:][:body])
	if fail != nil {
		err = fail
	}
	if err != nil {
		return fmt.Errorf("batch at byte %d: %w", at, err)
	}
	return nil
}

// column reads the one column of a batch: a validity buffer that is not needed and
// the values.
func (f *arrowFile) column(batch table, body []byte) error {
	rows := batch.number(batchRows, 8)
	node, nodes := batch.vector(batchNodes, nodeBytes)
	buffer, buffers := batch.vector(batchBuffers, bufferBytes)
	if nodes != 1 || buffers != 2 || batch.word(node, 8) != rows || batch.word(node+8, 8) != 0 {
		return fmt.Errorf("%d columns in %d buffers, or nulls", nodes, buffers)
	}
	if rows > f.want-uint64(len(f.rows)) {
		return fmt.Errorf("more rows than the %d that the manifest says", f.want)
	}
	from, length := batch.word(buffer+bufferBytes, 8), batch.word(buffer+bufferBytes+8, 8)
	if from > uint64(len(body)) || length > uint64(len(body))-from {
		return fmt.Errorf("a buffer of %d bytes at %d of %d", length, from, len(body))
	}
	values := body[from : from+length]
	if c, ok := batch.table(batchCompression); ok && rows > 0 {
		var err error
		if values, err = f.expand(values, c.number(compressionCodec, 1), rows*4); err != nil {
			return err
		}
	}
	if uint64(len(values)) < rows*4 {
		return fmt.Errorf("%d bytes for %d rows", len(values), rows)
	}
	for i := range rows {
		f.rows = append(f.rows, binary.LittleEndian.Uint32(values[4*i:]))
	}
	return nil
}

// expand is the content of a compressed buffer: a length, -1 for stored as it is,
// and then a frame; which is how the rest of Lance frames zstd.
func (f *arrowFile) expand(b []byte, codec, size uint64) ([]byte, error) {
	if len(b) >= 8 && int64(binary.LittleEndian.Uint64(b)) == -1 {
		return b[8:], nil
	}
	if codec != codecZstd {
		return nil, fmt.Errorf("an Arrow buffer compressed with codec %d: %w", codec, fields.ErrUnsupported)
	}
	const padding = 64 // buffers may be longer than their values
	e, err := f.expanders.Open(&lancepb.BufferCompression{Scheme: lancepb.CompressionScheme_COMPRESSION_ZSTD}, int(size)+padding)
	if err != nil {
		return nil, err
	}
	return e.Expand(b)
}

// encodeArrow is an Arrow file of the rows as the reference writes it.
func encodeArrow(rows []uint32) ([]byte, error) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "row_id", Type: arrow.PrimitiveTypes.Uint32}}, nil)
	b := array.NewUint32Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(rows, nil)
	column := b.NewArray()
	defer column.Release()
	rec := array.NewRecord(schema, []arrow.Array{column}, int64(len(rows)))
	defer rec.Release()
	var buf bytes.Buffer
	w, err := ipc.NewFileWriter(seekable{&buf}, ipc.WithSchema(schema), ipc.WithZstd())
	if err != nil {
		return nil, err
	}
	if err := w.Write(rec); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// seekable tells a writer where it stands, which is all it asks for.
type seekable struct{ *bytes.Buffer }

// Seek is the position, whatever is asked for.
func (s seekable) Seek(int64, int) (int64, error) { return int64(s.Len()), nil }
