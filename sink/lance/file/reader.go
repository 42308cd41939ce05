package file

import (
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// tailBytes is what Open reads at once; the metadata of most files fits.
const tailBytes = 32 << 10

// Reader reads one data file. It holds the metadata, and page data only while
// batches are being read. Safe for concurrent use.
type Reader struct {
	obj     objstore.Object
	key     string
	size    uint64
	footer  footer
	version Version
	rows    uint64
	schema  []byte  // global buffer 0
	columns []entry // where the column metadata lie
	tail    []byte  // the file from tailAt on
	tailAt  uint64
}

// Open reads the metadata of a data file. The reader keeps the object, but
// does not close it; key is its name in errors. Damage is a *corrupt.Error, a
// file version that is not read a fields.ErrUnsupported.
func Open(obj objstore.Object, key string) (*Reader, error) {
	r, err := open(obj, key)
	if err != nil {
		return nil, err
	}
	if r.version, err = r.footer.version(); err != nil {
		return nil, fmt.Errorf("open %s: %w", key, err)
	}
	return r, nil
}

// open is Open for every version that has this container.
func open(obj objstore.Object, key string) (*Reader, error) {
	r := &Reader{obj: obj, key: key, size: uint64(max(obj.Size(), 0))}
	if r.size < footerBytes {
		return nil, corrupt.Errorf(key, "footer", 0, "the file has only %d bytes", r.size)
	}
	if err := r.readTail(min(r.size, tailBytes)); err != nil {
		return nil, err
	}
	var err error
	at := r.size - footerBytes
	if r.footer, err = parseFooter(r.tail[len(r.tail)-footerBytes:], r.size); err != nil {
		if errors.Is(err, fields.ErrUnsupported) {
			return nil, fmt.Errorf("open %s: %w", key, err)
		}
		return nil, r.damage("footer", at, err)
	}
	if err := r.readTables(); err != nil {
		return nil, err
	}
	if r.rows, err = r.countRows(); err != nil {
		return nil, r.damage("global buffer 0", r.footer.gboTable, err)
	}
	return r, nil
}

// readTail loads the last n bytes of the file.
func (r *Reader) readTail(n uint64) error {
	r.tail, r.tailAt = make([]byte, n), r.size-n
	if err := r.readAt(r.tail, r.tailAt); err != nil {
		return fmt.Errorf("read the end of %s: %w", r.key, err)
	}
	return nil
}

// readTables finds global buffer 0 and the column metadata.
func (r *Reader) readTables() error {
	if r.footer.gboTable < r.tailAt {
		if err := r.readTail(r.size - r.footer.gboTable); err != nil {
			return err
		}
	}
	gbo := parseTable(r.region(r.footer.gboTable, tableEntry))
	if err := r.inside(gbo[0], 0, r.footer.columnMeta); err != nil {
		return r.damage("global buffer 0", gbo[0].position, err)
	}
	// The schema comes before the column metadata, so it is the first to load.
	if gbo[0].position < r.tailAt {
		if err := r.readTail(r.size - gbo[0].position); err != nil {
			return err
		}
	}
	r.schema = r.region(gbo[0].position, gbo[0].length)
	r.columns = parseTable(r.region(r.footer.cmoTable, uint64(r.footer.columns)*tableEntry))
	for i, c := range r.columns {
		if err := r.inside(c, r.footer.columnMeta, r.footer.cmoTable); err != nil {
			return r.damage(fmt.Sprintf("metadata of column %d", i), c.position, err)
		}
	}
	return nil
}

// inside checks that a region lies between two positions.
func (*Reader) inside(e entry, from, to uint64) error {
	if e.position < from || e.position > to || e.length > to-e.position {
		return fmt.Errorf("%d bytes at %d do not lie between %d and %d", e.length, e.position, from, to)
	}
	return nil
}

// region is a part of the tail, which must be loaded.
func (r *Reader) region(at, length uint64) []byte {
	return r.tail[at-r.tailAt:][:length]
}

func (r *Reader) countRows() (uint64, error) {
	d := &lancepb.FileDescriptor{}
	if err := proto.Unmarshal(r.schema, d); err != nil {
		return 0, err
	}
	if d.GetLength() > math.MaxInt64 {
		return 0, fmt.Errorf("%d rows", d.GetLength())
	}
	return d.GetLength(), nil
}

// readAt fills b from a position.
func (r *Reader) readAt(b []byte, at uint64) error {
	n, err := r.obj.ReadAt(b, int64(at))
	if n == len(b) {
		return nil
	}
	if err == nil {
		err = errors.New("short read")
	}
	return err
}

func (r *Reader) damage(section string, at uint64, err error) error {
	return &corrupt.Error{Key: r.key, Section: section, Offset: int64(at), Err: err}
}

// Rows is the number of rows.
func (r *Reader) Rows() uint64 { return r.rows }

// Version is the file's version.
func (r *Reader) Version() Version { return r.version }

// Columns is the number of physical columns.
func (r *Reader) Columns() int { return len(r.columns) }

// Schema is the schema as the file has it. Tables go by the manifest's.
func (r *Reader) Schema() (*fields.Schema, error) {
	d := &lancepb.FileDescriptor{}
	if err := proto.Unmarshal(r.schema, d); err != nil {
		return nil, r.damage("global buffer 0", r.footer.columnMeta, err)
	}
	s, err := fields.FromProto(d.GetSchema().GetFields(), d.GetSchema().GetMetadata())
	if err != nil {
		return nil, relocate(err, r.key, "global buffer 0")
	}
	return s, nil
}

// Page describes one page of a column.
type Page struct {
	Rows        uint64
	FirstRow    uint64
	Bytes       uint64 // stored, all buffers
	description []byte
	buffers     []entry
}

// Pages lists the pages of a physical column.
func (r *Reader) Pages(column int) ([]Page, error) {
	m, err := r.columnMetadata(column)
	if err != nil {
		return nil, err
	}
	if err := checkColumnEncoding(m.GetEncoding()); err != nil {
		if errors.Is(err, fields.ErrUnsupported) {
			return nil, fmt.Errorf("%s: column %d: %w", r.key, column, err)
		}
		return nil, r.damage(columnSection(column), r.columns[column].position, err)
	}
	return r.parsePages(m, column)
}

// columnMetadata reads the metadata of a physical column.
func (r *Reader) columnMetadata(column int) (*lancepb.ColumnMetadata, error) {
	if column < 0 || column >= len(r.columns) {
		return nil, corrupt.Errorf(r.key, fmt.Sprintf("column %d", column), -1, "the file has %d columns", len(r.columns))
	}
	e := r.columns[column]
	m := &lancepb.ColumnMetadata{}
	if err := proto.Unmarshal(r.region(e.position, e.length), m); err != nil {
		return nil, r.damage(columnSection(column), e.position, err)
	}
	return m, nil
}

func columnSection(column int) string { return fmt.Sprintf("metadata of column %d", column) }

// parsePages checks the pages of a column.
func (r *Reader) parsePages(m *lancepb.ColumnMetadata, column int) ([]Page, error) {
	e, section := r.columns[column], columnSection(column)
	pages := make([]Page, len(m.GetPages()))
	first := uint64(0)
	for i, p := range m.GetPages() {
		var err error
		if pages[i], err = r.parsePage(p, first); err != nil {
			return nil, r.damage(fmt.Sprintf("page %d in the %s", i, section), e.position, err)
		}
		first += pages[i].Rows
	}
	if first != r.rows && !r.footer.itemPages() {
		return nil, r.damage(section, e.position, fmt.Errorf("pages of %d rows, but the file has %d", first, r.rows))
	}
	return pages, nil
}

func (r *Reader) parsePage(p *lancepb.Page, first uint64) (Page, error) {
	page := Page{Rows: p.GetLength(), FirstRow: first}
	if r.footer.itemPages() {
		if page.Rows > math.MaxInt64-first {
			return Page{}, fmt.Errorf("%d items after %d", page.Rows, first)
		}
	} else if page.Rows > r.rows-first {
		return Page{}, fmt.Errorf("rows %d to %d of a file of %d", first, first+page.Rows, r.rows)
	}
	offsets, sizes := p.GetBufferOffsets(), p.GetBufferSizes()
	if len(offsets) != len(sizes) {
		return Page{}, fmt.Errorf("%d buffer offsets, %d sizes", len(offsets), len(sizes))
	}
	for i := range offsets {
		b := entry{offsets[i], sizes[i]}
		if err := r.inside(b, 0, r.footer.columnMeta); err != nil {
			return Page{}, fmt.Errorf("buffer %d: %w", i, err)
		}
		page.buffers = append(page.buffers, b)
		if page.Bytes += b.length; page.Bytes > r.size {
			return Page{}, fmt.Errorf("buffers of %d bytes in a file of %d", page.Bytes, r.size)
		}
	}
	var err error
	page.description, err = unwrap(p.GetEncoding(), r.footer.pageURL())
	return page, err
}
