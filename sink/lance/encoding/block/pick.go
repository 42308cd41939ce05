package block

import (
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Span is the items or rows [From, To) of something.
type Span struct{ From, To int }

// Len is how many they are.
func (s Span) Len() int { return s.To - s.From }

// All is the one span of n items.
func All(n int) []Span { return []Span{{To: n}} }

// Total is how many items spans are.
func Total(spans []Span) int {
	n := 0
	for _, s := range spans {
		n += s.Len()
	}
	return n
}

// AppendPicked adds the items of the spans of a block of the same shape, in their
// order; they must all be there.
func (b *Builder) AppendPicked(from Block, spans []Span) error {
	for _, s := range spans {
		if s.Len() == 0 {
			continue
		}
		if b.shape.Offsets > 0 {
			if err := b.appendVariable(from, s); err != nil {
				return err
			}
			continue
		}
		b.appendInner(from, s)
		switch width := b.shape.Width; {
		case width == 0: // nothing to copy
		case width < 8:
			b.block.Data = copyBits(b.block.Data, b.block.Items*width, from.Data, s.From*width, s.Len()*width)
		default:
			b.block.Data = append(b.block.Data, from.Data[s.From*width/8:s.To*width/8]...)
		}
		b.block.Items += s.Len()
	}
	return nil
}

// appendInner adds the validity of the entries of items that are added next.
func (b *Builder) appendInner(from Block, s Span) {
	for depth := range b.shape.Dims {
		var valid []byte
		if from.Inner != nil {
			valid = from.Inner[depth]
		}
		b.AppendInner(depth, valid, s.From, s.Len())
	}
}

// copyBits puts n bits of src behind the first at bits of dst, which it lengthens.
func copyBits(dst []byte, at int, src []byte, from, n int) []byte {
	dst = append(dst, make([]byte, (at+n+7)/8-len(dst))...)
	bitutil.CopyBitmap(src, from, n, dst, at)
	return dst
}

func (b *Builder) appendVariable(from Block, s Span) error {
	first, end := from.bounds(s)
	if b.shape.Offsets == 32 && len(b.block.Data)+end-first > math.MaxInt32 {
		return errTooLong
	}
	shift := len(b.block.Data) - first
	b.block.Data = append(b.block.Data, from.Data[first:end]...)
	b.block.Offsets32 = appendShifted(b.block.Offsets32, from.Offsets32, s, shift)
	b.block.Offsets64 = appendShifted(b.block.Offsets64, from.Offsets64, s, shift)
	b.block.Items += s.Len()
	return nil
}

// appendShifted adds the ends of some items of other offsets, if there are any.
func appendShifted[O int32 | int64](dst, from []O, s Span, shift int) []O {
	if from == nil {
		return dst
	}
	at := len(dst)
	dst = slices.Grow(dst, s.Len())[:at+s.Len()]
	for i, end := range from[s.From+1 : s.To+1] {
		dst[at+i] = end + O(shift)
	}
	return dst
}

// Reset forgets the items, and whatever block was made of them is lost. The memory
// is used again.
func (b *Builder) Reset() {
	b.block.Items, b.block.Data, b.block.Inner = 0, b.block.Data[:0], nil
	if b.block.Offsets32 != nil {
		b.block.Offsets32 = b.block.Offsets32[:1]
	}
	if b.block.Offsets64 != nil {
		b.block.Offsets64 = b.block.Offsets64[:1]
	}
}

// bounds are where the bytes of some items of a variable block lie.
func (b *Block) bounds(s Span) (from, to int) {
	if b.Offsets64 != nil {
		return int(b.Offsets64[s.From]), int(b.Offsets64[s.To])
	}
	return int(b.Offsets32[s.From]), int(b.Offsets32[s.To])
}
