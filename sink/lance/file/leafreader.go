package file

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// leafReader reads one physical column, page by page.
type leafReader struct {
	file    *Reader
	column  int
	dt      arrow.DataType // of a dictionary type it hands out values
	pages   []Page
	page    int               // of the next page
	want    []Span            // rows that lie in the next pages; the first may have begun before
	decoder *encoding.Decoder // shared by the leaves of a Batches
	open    *layout.Rows      // the page being handed out; nil before the first
	section string            // of that page, for errors
	stored  []byte            // that page's buffers
}

// next is a leaf of the next rows, from as many pages as it takes.
func (l *leafReader) next(rows int) (repdef.Leaf, error) {
	var parts []repdef.Leaf
	defer func() { releaseAll(parts) }()
	for rows > 0 {
		if err := l.advance(); err != nil {
			return repdef.Leaf{}, err
		}
		n := min(rows, l.open.Remaining())
		part, err := l.open.Next(n)
		if err != nil {
			return repdef.Leaf{}, relocate(err, l.file.key, l.section)
		}
		parts = append(parts, part)
		rows -= n
	}
	whole, err := repdef.Concat(parts, memory.DefaultAllocator)
	if err != nil {
		return repdef.Leaf{}, relocate(err, l.file.key, fmt.Sprintf("column %d", l.column))
	}
	return whole, nil
}

// advance makes a page with rows left the open one. Pages have checked to hold
// as many rows as the file, so there is one.
func (l *leafReader) advance() error {
	for l.open == nil || l.open.Remaining() == 0 {
		page := l.pages[l.page]
		l.section = fmt.Sprintf("page %d of column %d", l.page, l.column)
		l.page++
		want := l.wanted(page)
		if len(want) == 0 {
			continue
		}
		l.close()
		rows, err := l.read(page, want)
		if err != nil {
			return err
		}
		l.open = rows
	}
	return nil
}

// wanted is what is wanted of the next page, counted from its first row.
func (l *leafReader) wanted(p Page) []Span {
	first, end := int(p.FirstRow), int(p.FirstRow+p.Rows)
	var want []Span
	for len(l.want) > 0 && l.want[0].From < end {
		s := l.want[0]
		if from, to := max(s.From, first), min(s.To, end); from < to {
			want = append(want, Span{From: from - first, To: to - first})
		}
		if s.To > end {
			break // the rest lies in the next page
		}
		l.want = l.want[1:]
	}
	return want
}

// read opens a page for what is wanted of it. The one before is used up.
func (l *leafReader) read(p Page, want []Span) (*layout.Rows, error) {
	if want[0].Len() < int(p.Rows) {
		src := &pageSource{file: l.file, page: p}
		rows, err := l.decoder.DecodeRows(p.description, src, int(p.Rows), want, l.dt)
		if err != nil && src.failed {
			return nil, fmt.Errorf("read %s of %s: %w", l.section, l.file.key, err)
		}
		return rows, relocateNil(err, l.file.key, l.section)
	}
	l.stored = slices.Grow(l.stored[:0], p.memory())[:p.memory()]
	bufs, err := l.file.readPage(p, l.stored)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", l.section, l.file.key, err)
	}
	rows, err := l.decoder.Decode(p.description, bufs, int(p.Rows), l.dt)
	return rows, relocateNil(err, l.file.key, l.section)
}

// relocateNil is relocate for what may be no error.
func relocateNil(err error, key, section string) error {
	if err == nil {
		return nil
	}
	return relocate(err, key, section)
}

func (l *leafReader) close() {
	if l.open != nil {
		l.open.Release()
		l.open = nil
	}
}

// words is what the buffers of a page are aligned to in memory.
const words = 8

// memory is what the buffers of a page take, each aligned: they are checked to lie
// in the file and together to be no larger than it.
func (p *Page) memory() int { return int(p.Bytes) + words*len(p.buffers) }

// readPage reads the buffers of a page into p.memory bytes.
func (r *Reader) readPage(p Page, into []byte) ([][]byte, error) {
	rest := into
	bufs := make([][]byte, len(p.buffers))
	for i, e := range p.buffers {
		bufs[i], rest = rest[:e.length:e.length], rest[(e.length+words-1)/words*words:]
		if err := r.readAt(bufs[i], e.position); err != nil {
			return nil, fmt.Errorf("buffer %d: %w", i, err)
		}
	}
	return bufs, nil
}
