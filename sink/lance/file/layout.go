package file

import (
	"encoding/hex"
	"fmt"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore"
)

// Layout is where everything in a data file lies and how it is encoded. It is
// made from the metadata at the end of the file alone: no page is read. A
// Layout belongs to the caller.
type Layout struct {
	Key     string `json:"key"`
	Size    uint64 `json:"size"`
	Version string `json:"version"` // of the format, such as "2.1"
	Rows    uint64 `json:"rows"`
	Footer  Footer `json:"footer"`

	// GlobalBuffers are what the whole file shares. The first is the schema.
	GlobalBuffers []Range  `json:"global_buffers"`
	Columns       []Column `json:"columns"`
}

// Footer is the last 40 bytes, which lead to everything else.
type Footer struct {
	Range
	ColumnMetadata Range  `json:"column_metadata"` // the metadata of all columns
	ColumnTable    Range  `json:"column_table"`    // where the metadata of each column lies
	GlobalTable    Range  `json:"global_table"`    // where each global buffer lies
	Major          uint16 `json:"major"`           // as stored: version 2.0 stores 0.3
	Minor          uint16 `json:"minor"`
}

// Column is one physical column.
type Column struct {
	Index int `json:"index"`
	// Field is the path of the schema's field that the column holds; empty where
	// the schema does not tell.
	Field    string       `json:"field,omitempty"`
	Type     string       `json:"type,omitempty"` // the field's logical type, such as "int64"
	Metadata Range        `json:"metadata"`
	Encoding *Encoding    `json:"encoding"`
	Buffers  []Range      `json:"buffers,omitempty"` // shared by the pages
	Pages    []PageLayout `json:"pages"`
	// Items says that the pages count the items of a list instead of rows, as
	// those of version 2.0 do below a list.
	Items bool `json:"items,omitempty"`
	// Width is the bits that a value takes as Arrow data, 0 where that varies.
	Width int `json:"width,omitempty"`
}

// PageLayout is one page: an encoded run of a column's rows.
type PageLayout struct {
	FirstRow uint64    `json:"first_row"`
	Rows     uint64    `json:"rows"`
	Buffers  []Buffer  `json:"buffers"`
	Encoding *Encoding `json:"encoding"`
}

// Buffer is one piece of a page.
type Buffer struct {
	Range
	Role string `json:"role,omitempty"` // such as "chunks" or "repetition index"
}

// Bytes is what the pages and the shared buffers of a column take.
func (c *Column) Bytes() uint64 {
	var sum uint64
	for _, b := range c.Buffers {
		sum += b.Length
	}
	for i := range c.Pages {
		sum += c.Pages[i].Bytes()
	}
	return sum
}

// Bytes is what the buffers of a page take.
func (p *PageLayout) Bytes() uint64 {
	var sum uint64
	for _, b := range p.Buffers {
		sum += b.Length
	}
	return sum
}

// Schema is where the file's schema and row count lie.
func (l *Layout) Schema() Range { return l.GlobalBuffers[0] }

// Metadata is the end of the file, from its schema on: all that a reader needs
// before it reads pages.
func (l *Layout) Metadata() Range {
	at := l.Schema().Offset
	return Range{Offset: at, Length: l.Size - at}
}

// ReadLayout reads the layout of a data file, also of a version whose pages
// this library can not read. The errors are those of Open.
func ReadLayout(obj objstore.Object, key string) (*Layout, error) {
	r, err := open(obj, key)
	if err != nil {
		return nil, err
	}
	return r.Layout()
}

// Layout is the layout of the file, from the metadata that Open read.
func (r *Reader) Layout() (*Layout, error) {
	f := r.footer
	end := r.size - footerBytes
	l := &Layout{
		Key: r.key, Size: r.size, Rows: r.rows, Version: fmt.Sprintf("%d.%d", f.major, f.minor),
		Footer: Footer{
			Range:          Range{Offset: end, Length: footerBytes},
			ColumnMetadata: Range{Offset: f.columnMeta, Length: f.cmoTable - f.columnMeta},
			ColumnTable:    Range{Offset: f.cmoTable, Length: uint64(f.columns) * tableEntry},
			GlobalTable:    Range{Offset: f.gboTable, Length: uint64(f.globalBuffers) * tableEntry},
			Major:          f.major, Minor: f.minor,
		},
	}
	if f.itemPages() {
		l.Version = "2.0"
	}
	for i, e := range parseTable(r.region(f.gboTable, l.Footer.GlobalTable.Length)) {
		if err := r.inside(e, 0, end); err != nil {
			return nil, r.damage(fmt.Sprintf("global buffer %d", i), f.gboTable+uint64(i)*tableEntry, err)
		}
		l.GlobalBuffers = append(l.GlobalBuffers, Range{Offset: e.position, Length: e.length})
	}
	s, err := r.Schema()
	if err != nil {
		return nil, err
	}
	names := r.columnFields(s)
	for i := range r.columns {
		c, err := r.columnLayout(i)
		if err != nil {
			return nil, err
		}
		if names != nil {
			names[i].describe(&c)
		}
		l.Columns = append(l.Columns, c)
	}
	return l, nil
}

// columnLayout is the layout of a column, all but what the schema knows of it.
func (r *Reader) columnLayout(i int) (Column, error) {
	m, err := r.columnMetadata(i)
	if err != nil {
		return Column{}, err
	}
	at := r.columns[i]
	c := Column{Index: i, Metadata: Range{Offset: at.position, Length: at.length}, Encoding: columnEncodingTree(m.GetEncoding())}
	if c.Buffers, err = r.columnBuffers(m); err != nil {
		return Column{}, r.damage(columnSection(i), at.position, err)
	}
	pages, err := r.parsePages(m, i)
	if err != nil {
		return Column{}, err
	}
	for k, p := range pages {
		tree, roles, err := describePage(p.description, r.footer.itemPages(), len(p.buffers))
		if err != nil {
			return Column{}, r.damage(fmt.Sprintf("page %d in the %s", k, columnSection(i)), at.position, err)
		}
		page := PageLayout{FirstRow: p.FirstRow, Rows: p.Rows, Encoding: tree}
		for b, e := range p.buffers {
			page.Buffers = append(page.Buffers, Buffer{Range: Range{Offset: e.position, Length: e.length}, Role: roles[b]})
		}
		c.Pages = append(c.Pages, page)
	}
	return c, nil
}

func (r *Reader) columnBuffers(m *lancepb.ColumnMetadata) ([]Range, error) {
	offsets, sizes := m.GetBufferOffsets(), m.GetBufferSizes()
	if len(offsets) != len(sizes) {
		return nil, fmt.Errorf("%d buffer offsets, %d sizes", len(offsets), len(sizes))
	}
	var buffers []Range
	for i := range offsets {
		if err := r.inside(entry{offsets[i], sizes[i]}, 0, r.footer.columnMeta); err != nil {
			return nil, fmt.Errorf("column buffer %d: %w", i, err)
		}
		buffers = append(buffers, Range{Offset: offsets[i], Length: sizes[i]})
	}
	return buffers, nil
}

// columnEncodingTree names what a column holds, whatever it is.
func columnEncodingTree(e *lancepb.Encoding) *Encoding {
	value, err := unwrap(e, columnEncodingURL)
	if err != nil {
		return &Encoding{Name: "unknown"}
	}
	names := map[byte]string{0x0A: "values", 0x12: "zone_index", 0x1A: "blob"}
	if len(value) > 0 && names[value[0]] != "" {
		return &Encoding{Name: names[value[0]]}
	}
	return &Encoding{Name: "unknown", Attributes: []Attribute{{"message", hex.EncodeToString(value[:min(len(value), 16)])}}}
}

// ArrowBytes is what the values of a column take as Arrow data, without validity
// bits; ok is false where only decoding tells: values of varying size, and items
// of lists.
func (c *Column) ArrowBytes() (n uint64, ok bool) {
	if c.Width == 0 {
		return 0, false
	}
	var values uint64
	for _, p := range c.Pages {
		values += p.Rows
	}
	if values > math.MaxUint64/uint64(c.Width) {
		return 0, false
	}
	return (values*uint64(c.Width) + 7) / 8, true
}
