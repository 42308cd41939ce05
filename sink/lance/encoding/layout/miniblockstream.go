package layout

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// stream hands out a mini-block page of one item a row. It decodes the chunks as
// their rows are asked for, right into the memory of the leaf that gets them: what
// is decoded is still in the processor's caches when the leaf is used, and nothing
// as large as a page is ever made.
type stream struct {
	reader *miniBlockReader
	dt     arrow.DataType
	shape  block.Shape
	layers []repdef.Layer
	chunks []chunk
	data   []byte
	next   int            // chunk
	remain int            // rows
	rest   *block.Builder // the chunk of which a part was handed out
	used   int            // how much of it
	def    []uint16       // levels read but not handed out
	seen   density
}

// density is what the chunks read so far came to.
type density struct{ stored, items, bytes int }

// openStream begins a page of the given rows.
func openStream(l *lancepb.MiniBlockLayout, bufs [][]byte, layers []repdef.Layer, rows int, dt arrow.DataType, x *compress.Expanders) (*stream, error) {
	shape, err := block.ShapeOf(dt)
	if err != nil {
		return nil, err
	}
	if err := checkBuffers(l, len(bufs)); err != nil {
		return nil, err
	}
	r := &miniBlockReader{layout: l, grammar: Grammar(l.GetHasLargeChunk())}
	if err := r.open(bufs, shape, x); err != nil {
		return nil, err
	}
	if r.def == nil && repdef.MaxDef(layers) > 0 {
		return nil, corrupt.Errorf("", "levels", -1, "none stored, but layers %v", layers)
	}
	chunks, err := r.table(bufs[0], len(bufs[1]))
	if err != nil {
		return nil, err
	}
	if err := placeByItems(chunks, rows); err != nil {
		return nil, err
	}
	return &stream{
		reader: r, dt: dt, shape: shape, layers: layers, chunks: chunks, data: bufs[1], remain: rows,
		rest: block.NewBuilder(shape, 0, 0),
	}, nil
}

// leaf is the next rows, at most as many as remain.
func (s *stream) leaf(rows int) (repdef.Leaf, error) {
	b := s.builder(rows)
	for b.Items() < rows {
		if err := s.fill(b, rows-b.Items()); err != nil {
			return repdef.Leaf{}, err
		}
	}
	s.remain -= rows
	values, err := block.ToArrow(s.dt, b.Block())
	if err != nil {
		return repdef.Leaf{}, located(err, "values", -1)
	}
	leaf := repdef.Leaf{Values: values, Layers: s.layers, Rows: rows}
	if repdef.MaxDef(s.layers) > 0 {
		leaf.Def, s.def = s.def[:rows:rows], s.def[rows:]
	}
	if err := leaf.Check("levels"); err != nil {
		leaf.Release()
		return repdef.Leaf{}, err
	}
	return leaf, nil
}

// fill adds items, at most n: those left of the last chunk, or of the next.
func (s *stream) fill(b *block.Builder, n int) error {
	if left := s.rest.Items() - s.used; left > 0 {
		part := block.Span{From: s.used, To: s.used + min(left, n)}
		s.used = part.To
		return b.AppendPicked(s.rest.Block(), []block.Span{part})
	}
	c := s.chunks[s.next]
	if c.items <= n {
		return s.decode(b, c)
	}
	s.rest.Reset()
	s.used = 0
	return s.decode(s.rest, c)
}

// decode reads the next chunk.
func (s *stream) decode(b *block.Builder, c chunk) error {
	r := s.reader
	r.out.rep, r.out.def = r.out.rep[:0], r.out.def[:0]
	before := b.Bytes()
	if err := r.chunk(b, s.next, c, s.data[c.at:c.at+c.size]); err != nil {
		return err
	}
	if r.def != nil && len(r.out.def) != c.items {
		return corrupt.Errorf("", fmt.Sprintf("chunk %d", s.next), int64(c.at), "%d levels for %d items", len(r.out.def), c.items)
	}
	s.def = append(s.def, r.out.def...)
	s.seen.stored += c.size
	s.seen.items += c.items
	s.seen.bytes += b.Bytes() - before
	s.next++
	return nil
}

// builder is memory for the next rows: by what the chunks before came to, since
// what the page says of itself may be a lie.
func (s *stream) builder(rows int) *block.Builder {
	stored := 0
	items := s.rest.Items() - s.used
	for i := s.next; i < len(s.chunks) && items < rows; i++ {
		stored += s.chunks[i].size
		items += s.chunks[i].items
	}
	if s.seen.stored == 0 {
		return block.NewBuilder(s.shape, rows, stored)
	}
	scale := float64(stored) / float64(s.seen.stored) * 17 / 16
	items = s.rest.Items() + int(float64(s.seen.items)*scale)
	size := s.rest.Bytes() + int(float64(s.seen.bytes)*scale)
	if s.shape.Offsets > 0 {
		size += builderSlack
	} else {
		size = min(size, (rows*s.shape.Width+7)/8)
	}
	b := block.NewBuilder(s.shape, 0, 0)
	b.Grow(min(items, rows), size)
	return b
}

// builderSlack is what the estimate of strings is raised by: expanding the last ones
// takes more room than they need.
const builderSlack = 4 << 10
