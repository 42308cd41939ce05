package dump

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// page collects lines of text in columns; the first error of the writer stays.
type page struct {
	w   *tabwriter.Writer
	err error
}

func newPage(w io.Writer) *page { return &page{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)} }

// line writes cells; a line of one cell ends the columns above it.
func (p *page) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *page) close() error {
	if p.err != nil {
		return p.err
	}
	return p.w.Flush()
}

// Text writes the version, then its data files.
func (t *Table) Text(w io.Writer) error {
	p := newPage(w)
	t.Manifest.text(p)
	if len(t.Fields) > 0 {
		p.line("\nin all data files")
		fieldTable(p, t.Fields)
	}
	for _, f := range t.Files {
		p.line("")
		f.text(p)
	}
	return p.close()
}

// Text writes the version.
func (m *Manifest) Text(w io.Writer) error {
	p := newPage(w)
	m.text(p)
	return p.close()
}

func (m *Manifest) text(p *page) {
	p.line("%s: version %d of %s, %d bytes", m.Key, m.Version, m.Time.UTC().Format(time.RFC3339Nano), m.Size)
	p.line("  %d rows in %d fragments and %d data files of file version %s", m.LiveRows, len(m.Fragments), m.fragmentFiles, m.FileVersion)
	if m.Writer != "" {
		p.line("  written by %s", m.Writer)
	}
	if m.Transaction != "" {
		p.line("  transaction file %s", m.Transaction)
	}
	p.line("  flags for readers: %s; for writers: %s", orNone(m.ReaderFlags), orNone(m.WriterFlags))
	for _, key := range slices.Sorted(maps.Keys(m.Config)) {
		p.line("  config %s = %q", key, shorten(m.Config[key]))
	}
	p.line("\n  offset\tbytes\tsection")
	for _, s := range m.Sections {
		p.line("  %d\t%d\t%s", s.Offset, s.Length, s.Name)
	}
	p.line("\n  field\tid\ttype\tnull")
	for _, f := range m.Fields {
		p.line("  %s\t%d\t%s\t%s", f.Path, f.ID, f.Type, map[bool]string{true: "yes", false: "no"}[f.Nullable])
	}
	for _, f := range m.Fragments {
		deleted := ""
		if f.Deleted > 0 {
			deleted = fmt.Sprintf(", %d deleted", f.Deleted)
		}
		p.line("\n  fragment %d: %d rows%s", f.ID, f.Rows, deleted)
		for _, d := range f.Files {
			p.line("    %s, %d bytes, version %s, fields %v in columns %v", d.Path, d.Size, d.Version, d.Fields, d.Columns)
		}
	}
}

// Text writes the sections, the fields, then each column's pages.
func (f *File) Text(w io.Writer) error {
	p := newPage(w)
	f.text(p)
	return p.close()
}

func (f *File) text(p *page) {
	l := f.Layout
	p.line("%s: data file of version %s, %d rows in %d columns, %d bytes", l.Key, l.Version, l.Rows, len(l.Columns), l.Size)
	p.line("\n  offset\tbytes\tsection")
	for i, r := range l.GlobalBuffers {
		what := ""
		if i == 0 {
			what = ": schema and row count"
		}
		p.line("  %d\t%d\tglobal buffer %d%s", r.Offset, r.Length, i, what)
	}
	section := func(r file.Range, name string) { p.line("  %d\t%d\t%s", r.Offset, r.Length, name) }
	section(l.Footer.ColumnMetadata, "column metadata")
	section(l.Footer.ColumnTable, "table of columns")
	section(l.Footer.GlobalTable, "table of global buffers")
	section(l.Footer.Range, fmt.Sprintf("footer, %d.%d", l.Footer.Major, l.Footer.Minor))
	p.line("")
	fieldTable(p, f.Fields)
	for i := range l.Columns {
		columnText(p, &l.Columns[i])
	}
}

func fieldTable(p *page, list []Field) {
	p.line("  field\ttype\tcolumns\tpages\tstored\tas Arrow\tratio")
	for _, f := range list {
		arrow, ratio := "?", "?"
		if f.Arrow > 0 {
			arrow, ratio = fmt.Sprint(f.Arrow), fmt.Sprintf("%.2f", f.Ratio)
		}
		p.line("  %s\t%s\t%d\t%d\t%d\t%s\t%s", fields.MakePath(f.Name), f.Type, f.Columns, f.Pages, f.Stored, arrow, ratio)
	}
}

func columnText(p *page, c *file.Column) {
	name := c.Field
	if name == "" {
		name = "of no known field"
	}
	p.line("\n  column %d: %s %s, %s, %d bytes, metadata %d at %d", c.Index, name, c.Type, c.Encoding, c.Bytes(), c.Metadata.Length, c.Metadata.Offset)
	for _, b := range c.Buffers {
		p.line("    %d\t%d\tshared by the pages", b.Offset, b.Length)
	}
	rows := "rows"
	if c.Items {
		rows = "items"
	}
	for i := range c.Pages {
		g := &c.Pages[i]
		p.line("    page %d: %s %d to %d, %d bytes: %s", i, rows, g.FirstRow, g.FirstRow+g.Rows, g.Bytes(), g.Encoding)
		for _, b := range g.Buffers {
			p.line("      %d\t%d\t%s", b.Offset, b.Length, b.Role)
		}
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// maxConfig bounds the bytes of a config value that are shown.
const maxConfig = 120

func shorten(s string) string {
	if len(s) <= maxConfig {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:maxConfig], len(s))
}
