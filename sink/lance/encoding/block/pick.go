package block

import (
	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Span is the items or rows [From, To) of something.
type Span struct{ From, To int }

// Len is how many they are.
func (s Span) Len() int { return s.To - s.From }

// Total is how many items spans are.
func Total(spans []Span) int {
	n := 0
	for _, s := range spans {
		n += s.Len()
	}
	return n
}

// Pick is the items of the spans, in their order, which must all be there. It may
// share memory with b.
func Pick(b Block, shape Shape, spans []Span) (Block, error) {
	if len(spans) == 1 && spans[0] == (Span{0, b.Items}) {
		return b, nil
	}
	n := Total(spans)
	out := Block{Items: n, Width: b.Width}
	if b.Inner != nil {
		out.Inner = pickBits(b.Inner, spans, shape.Numbers())
	}
	switch {
	case shape.Null:
		return out, nil
	case shape.Offsets > 0:
		return pickVariable(b, shape, spans, n)
	case shape.Width < 8:
		out.Data = pickBits(b.Data, spans, shape.Width)
		return out, nil
	}
	width := shape.Width / 8
	if len(spans) == 1 {
		out.Data = b.Data[spans[0].From*width : spans[0].To*width]
		return out, nil
	}
	out.Data = make([]byte, 0, n*width)
	for _, s := range spans {
		out.Data = append(out.Data, b.Data[s.From*width:s.To*width]...)
	}
	return out, nil
}

// pickBits picks items of some bits each.
func pickBits(src []byte, spans []Span, each int) []byte {
	dst := make([]byte, (Total(spans)*each+7)/8)
	at := 0
	for _, s := range spans {
		bitutil.CopyBitmap(src, s.From*each, s.Len()*each, dst, at)
		at += s.Len() * each
	}
	return dst
}

func pickVariable(b Block, shape Shape, spans []Span, n int) (Block, error) {
	size := 0
	for _, s := range spans {
		from, to := b.bounds(s)
		size += to - from
	}
	out := NewBuilder(shape, n, size+n*shape.Offsets/8)
	out.block.Data = make([]byte, 0, size)
	var ends []int
	for _, s := range spans {
		from, to := b.bounds(s)
		ends = ends[:0]
		for i := s.From; i < s.To; i++ {
			_, end := b.bounds(Span{i, i + 1})
			ends = append(ends, end-from)
		}
		if err := out.AppendItems(b.Data[from:to], ends); err != nil {
			return Block{}, err
		}
	}
	return out.Block(), nil
}

// bounds are where the bytes of some items of a variable block lie.
func (b *Block) bounds(s Span) (from, to int) {
	if b.Offsets64 != nil {
		return int(b.Offsets64[s.From]), int(b.Offsets64[s.To])
	}
	return int(b.Offsets32[s.From]), int(b.Offsets32[s.To])
}
