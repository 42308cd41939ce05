package block

// Block is a run of items. The buffers are borrowed: a block is valid as long
// as what it was made from, and nobody writes to it.
type Block struct {
	Items int
	Width int    // bits per item: 1 or a multiple of 8; 0 when the items vary in length
	Data  []byte // fixed: the items; variable: the bytes that the offsets point into

	Offsets32 []int32 // variable with 32-bit offsets: Items+1 of them
	Offsets64 []int64 // variable with 64-bit offsets: Items+1 of them

	// Inner tells which entries inside fixed size lists are null, for every depth
	// of the lists, outermost first: one bit per entry, set = valid, as many as
	// Items times the lengths of the lists down to there; nil where none is null.
	// The whole is nil when there is no null at any depth.
	Inner [][]byte
}

// Bytes is the size of the items without their offsets.
func (b *Block) Bytes() int {
	switch {
	case b.Offsets32 != nil:
		return int(b.Offsets32[b.Items] - b.Offsets32[0])
	case b.Offsets64 != nil:
		return int(b.Offsets64[b.Items] - b.Offsets64[0])
	default:
		return (b.Items*b.Width + 7) / 8
	}
}

// Longest is the size in bytes of the longest item.
func (b *Block) Longest() int {
	switch {
	case b.Offsets32 != nil:
		return longest(b.Offsets32)
	case b.Offsets64 != nil:
		return longest(b.Offsets64)
	default:
		return (b.Width + 7) / 8
	}
}

func longest[O int32 | int64](offsets []O) int {
	var most O
	for i := 1; i < len(offsets); i++ {
		most = max(most, offsets[i]-offsets[i-1])
	}
	return int(most)
}

// Item is the bytes of item i of a variable block, or of a fixed one whose
// width is whole bytes.
func (b *Block) Item(i int) []byte {
	switch {
	case b.Offsets32 != nil:
		return b.Data[b.Offsets32[i]:b.Offsets32[i+1]]
	case b.Offsets64 != nil:
		return b.Data[b.Offsets64[i]:b.Offsets64[i+1]]
	default:
		w := b.Width / 8
		return b.Data[i*w : (i+1)*w]
	}
}
