package file

import (
	"fmt"

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
	dt      arrow.DataType
	pages   []Page
	page    int               // of the next page
	decoder *encoding.Decoder // shared by the leaves of a Batches
	open    *layout.Rows      // the page being handed out; nil before the first
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
			return repdef.Leaf{}, err
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
		section := fmt.Sprintf("page %d of column %d", l.page, l.column)
		l.page++
		if page.Rows == 0 {
			continue
		}
		l.close()
		bufs, err := l.file.readPage(page)
		if err != nil {
			return fmt.Errorf("read %s of %s: %w", section, l.file.key, err)
		}
		if l.open, err = l.decoder.Decode(page.description, bufs, int(page.Rows), l.dt); err != nil {
			return relocate(err, l.file.key, section)
		}
	}
	return nil
}

func (l *leafReader) close() {
	if l.open != nil {
		l.open.Release()
		l.open = nil
	}
}

// readPage reads the buffers of a page, all into one piece of memory: they are
// checked to lie in the file and together to be no larger than it.
func (r *Reader) readPage(p Page) ([][]byte, error) {
	rest := make([]byte, p.Bytes)
	bufs := make([][]byte, len(p.buffers))
	for i, e := range p.buffers {
		bufs[i], rest = rest[:e.length:e.length], rest[e.length:]
		if err := r.readAt(bufs[i], e.position); err != nil {
			return nil, fmt.Errorf("buffer %d: %w", i, err)
		}
	}
	return bufs, nil
}
