package layout

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// ReadRows is Read for some rows of a page: the spans ascend, do not touch and lie
// inside it. Of a mini-block page it reads the chunks that hold them, of a full-zip
// page the rows themselves, and of others all.
func ReadRows(l *lancepb.PageLayout, src Source, rows int, want []block.Span, dt arrow.DataType, x *compress.Expanders) (*Rows, error) {
	if t, ok := dt.(*arrow.DictionaryType); ok {
		return readIndexedRows(l, src, rows, want, t, x)
	}
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", fields.ErrUnsupported, err)
	}
	p := some{src: src, shape: shape, rows: rows, want: want, expanders: x}
	switch kind := l.GetLayout().(type) {
	case *lancepb.PageLayout_MiniBlock:
		if p.layers, err = parseLayers(kind.MiniBlock.GetLayers()); err != nil {
			return nil, err
		}
		if repdef.MaxRep(p.layers) > 0 && kind.MiniBlock.GetRepetitionIndexDepth() == 0 {
			break // nothing says which rows are where
		}
		c, err := p.miniBlock(kind.MiniBlock)
		if err != nil {
			return nil, err
		}
		return newRows(c, p.layers, block.Total(want), dt)
	case *lancepb.PageLayout_FullZip:
		if p.layers, err = parseLayers(kind.FullZip.GetLayers()); err != nil {
			return nil, err
		}
		c, err := p.fullZip(kind.FullZip)
		if err != nil {
			return nil, err
		}
		return newRows(c, p.layers, block.Total(want), dt)
	}
	return p.fromWhole(l, dt)
}

// some are the rows wanted of one page.
type some struct {
	src       Source
	layers    []repdef.Layer
	shape     block.Shape
	rows      int // of the page
	want      []block.Span
	expanders *compress.Expanders
}

// fromWhole reads the page and keeps what is wanted.
func (p *some) fromWhole(l *lancepb.PageLayout, dt arrow.DataType) (*Rows, error) {
	bufs, err := allOf(p.src)
	if err != nil {
		return nil, err
	}
	all, err := Read(l, bufs, p.rows, dt, p.expanders)
	if err != nil {
		return nil, err
	}
	defer all.Release()
	return all.pick(p.want)
}

// pick is some of the rows that remain.
func (r *Rows) pick(want []block.Span) (*Rows, error) {
	if r.cursor == nil {
		return &Rows{constant: r.constant, layers: r.layers, remain: block.Total(want)}, nil
	}
	parts := make([]repdef.Leaf, 0, len(want))
	defer func() {
		for _, l := range parts {
			l.Release()
		}
	}()
	at := 0
	for _, s := range want {
		r.cursor.Skip(s.From - at)
		leaf, err := r.Next(s.Len())
		if err != nil {
			return nil, err
		}
		parts, at = append(parts, leaf), s.To
	}
	leaf, err := repdef.Concat(parts, memory.DefaultAllocator)
	if err != nil {
		return nil, err
	}
	return &Rows{leaf: leaf, cursor: repdef.NewCursor(leaf)}, nil
}
