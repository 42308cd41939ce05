package block

import (
	"errors"
	"math"
	"slices"

	"github.com/apache/arrow/go/v17/arrow/bitutil"
)

// Builder gathers the items of a page, chunk after chunk. Every append costs
// at most the bytes it was handed, so a lying item count allocates nothing.
// Not safe for concurrent use.
type Builder struct {
	shape Shape
	block Block
}

// errTooLong says that the strings of one page pass what 32-bit offsets hold.
var errTooLong = errors.New("more than 2 GiB of values in one page")

// NewBuilder starts a block of a shape. Items is a hint of the final count,
// trusted only as far as room bytes of stored data make it likely.
func NewBuilder(s Shape, items, room int) *Builder {
	b := &Builder{shape: s, block: empty(s, 0)}
	switch {
	case s.Offsets == 32:
		b.block.Offsets32 = make([]int32, 1, min(items, room/4)+1)
		b.block.Data = make([]byte, 0, room)
	case s.Offsets == 64:
		b.block.Offsets64 = make([]int64, 1, min(items, room/8)+1)
		b.block.Data = make([]byte, 0, room)
	case s.Width > 0:
		b.block.Data = make([]byte, 0, min(items/8*s.Width+s.Width, 2*room+64))
	}
	return b
}

// Grow makes room for more items with so many bytes of values in all. The caller
// answers for both being honest.
func (b *Builder) Grow(items, size int) {
	b.block.Data = slices.Grow(b.block.Data, size)
	switch b.shape.Offsets {
	case 32:
		b.block.Offsets32 = slices.Grow(b.block.Offsets32, items)
	case 64:
		b.block.Offsets64 = slices.Grow(b.block.Offsets64, items)
	}
}

// Shape is what the builder was made for.
func (b *Builder) Shape() Shape { return b.shape }

// Items is the number of items so far.
func (b *Builder) Items() int { return b.block.Items }

// Repeat adds an item of whole bytes n times.
func (b *Builder) Repeat(item []byte, n int) {
	at := len(b.block.Data)
	size := n * len(item)
	b.block.Data = slices.Grow(b.block.Data, size)[:at+size]
	added := b.block.Data[at:]
	for done := copy(added, item); done < size; {
		done += copy(added[done:], added[:done])
	}
	b.block.Items += n
}

// AppendFixed adds n items of a fixed width of whole bytes; data holds exactly
// those.
func (b *Builder) AppendFixed(data []byte, n int) {
	b.block.Data = append(b.block.Data, data...)
	b.block.Items += n
}

// AppendBits adds n items of one bit each, from a bit of data on, lowest first.
func (b *Builder) AppendBits(data []byte, from, n int) {
	at := b.block.Items
	if at%8 == 0 && from%8 == 0 {
		b.block.Data = append(b.block.Data, data[from/8:(from+n+7)/8]...)
	} else {
		b.block.Data = copyBits(b.block.Data, at, data, from, n)
	}
	b.block.Items += n
}

// AppendInner adds the validity bits of the entries of the next n items at a depth
// of their fixed size lists. The items must be added right after: those in valid
// that belong to its items from one on. Nil means that all are valid.
func (b *Builder) AppendInner(depth int, valid []byte, from, n int) {
	per := b.shape.Entries(depth)
	at := b.block.Items * per
	if b.block.Inner == nil {
		if valid == nil {
			return
		}
		b.block.Inner = make([][]byte, len(b.shape.Dims))
	}
	bits := b.block.Inner[depth]
	if bits == nil {
		if valid == nil {
			return
		}
		bits = make([]byte, (at+n*per+7)/8)
		bitutil.SetBitsTo(bits, 0, int64(at), true)
	}
	bits = lengthen(bits, (at+n*per+7)/8)
	b.block.Inner[depth] = bits
	if valid == nil {
		bitutil.SetBitsTo(bits, int64(at), int64(n*per), true)
		return
	}
	bitutil.CopyBitmap(valid, from*per, n*per, bits, at)
}

// lengthen adds zeros up to a size.
func lengthen(b []byte, size int) []byte {
	return append(b, make([]byte, max(0, size-len(b)))...)
}

// AppendBools adds n items whose numbers are bools, stored as bits from one of
// data on.
func (b *Builder) AppendBools(data []byte, from, n int) {
	for i := range n * b.shape.Numbers() {
		b.block.Data = append(b.block.Data, data[(from+i)/8]>>((from+i)%8)&1)
	}
	b.block.Items += n
}

// AppendItem adds one item of a variable block.
func (b *Builder) AppendItem(item []byte) error {
	b.block.Data = append(b.block.Data, item...)
	b.block.Items++
	end := len(b.block.Data)
	if b.shape.Offsets == 64 {
		b.block.Offsets64 = append(b.block.Offsets64, int64(end))
		return nil
	}
	if end > math.MaxInt32 {
		return errTooLong
	}
	b.block.Offsets32 = append(b.block.Offsets32, int32(end))
	return nil
}

// AppendItems adds the items whose bytes lie back to back in data and end at
// the given positions in it. The ends must ascend and lie inside data.
func (b *Builder) AppendItems(data []byte, ends []int) error {
	base := len(b.block.Data)
	b.block.Data = append(b.block.Data, data...)
	return b.addEnds(base, ends)
}

// Text is the bytes of a variable block so far, for an AppendText: whoever makes
// items byte by byte does it right behind them.
func (b *Builder) Text() []byte { return b.block.Data }

// AppendText adds the items that were appended to what Text returned and end at
// the given positions in it. The ends must ascend, to the end of text.
func (b *Builder) AppendText(text []byte, ends []int) error {
	b.block.Data = text
	return b.addEnds(0, ends)
}

// addEnds counts the items that end at the given positions after base.
func (b *Builder) addEnds(base int, ends []int) error {
	b.block.Items += len(ends)
	if b.shape.Offsets == 64 {
		b.block.Offsets64 = appendEnds(b.block.Offsets64, base, ends)
		return nil
	}
	if len(b.block.Data) > math.MaxInt32 {
		return errTooLong
	}
	b.block.Offsets32 = appendEnds(b.block.Offsets32, base, ends)
	return nil
}

func appendEnds[O int32 | int64](offsets []O, base int, ends []int) []O {
	at := len(offsets)
	offsets = slices.Grow(offsets, len(ends))[:at+len(ends)]
	for i, end := range ends {
		offsets[at+i] = O(base + end)
	}
	return offsets
}

// AppendZeros adds n items of zero bits or zero length. The caller answers for
// n being honest.
func (b *Builder) AppendZeros(n int) {
	switch {
	case b.shape.Offsets > 0:
		end := len(b.block.Data)
		for range n {
			if b.shape.Offsets == 64 {
				b.block.Offsets64 = append(b.block.Offsets64, int64(end))
			} else {
				b.block.Offsets32 = append(b.block.Offsets32, int32(end))
			}
		}
	case b.shape.Width > 0:
		size := ((b.block.Items+n)*b.shape.Width + 7) / 8
		b.block.Data = append(b.block.Data, make([]byte, size-len(b.block.Data))...)
	}
	b.block.Items += n
}

// Block is what was gathered. The builder must not be used afterwards.
func (b *Builder) Block() Block { return b.block }

// Bytes is the size of the items so far, without their offsets.
func (b *Builder) Bytes() int { return len(b.block.Data) }
