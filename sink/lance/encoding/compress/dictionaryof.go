package compress

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// DictionaryOf stores the items of a block as a dictionary, in their order. It
// fails where 32-bit offsets do not reach.
func DictionaryOf(b block.Block) (Dictionary, error) {
	d := Dictionary{Items: uint64(b.Items)}
	w := offsetBytes(b)
	if w == 0 {
		d.Encoding = FlatEncoding(b.Width, nil)
		d.Buffer = b.Data[:b.Bytes()]
		return d, nil
	}
	if w == 4 && b.Bytes() > math.MaxInt32 {
		return d, errors.New("more than 2 GiB of dictionary items in one page")
	}
	d.Encoding = VariableEncoding(w * 8)
	word := func(v int) {
		if w == 8 {
			d.Buffer = binary.LittleEndian.AppendUint64(d.Buffer, uint64(v))
		} else {
			d.Buffer = binary.LittleEndian.AppendUint32(d.Buffer, uint32(v))
		}
	}
	word(w * 8)
	word(w * (3 + b.Items))
	word(0)
	at := 0
	for i := range b.Items {
		at += len(b.Item(i))
		word(at)
	}
	for i := range b.Items {
		d.Buffer = append(d.Buffer, b.Item(i)...)
	}
	return d, nil
}

// IndexBits is the bits of the indices into the dictionary of a page that it
// describes: 32, but in columns of a dictionary type those of its keys. 0 is none
// of the widths that keys have.
func IndexBits(e *lancepb.CompressiveEncoding) int {
	bits := uint64(0)
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_General:
		return IndexBits(c.General.GetValues())
	case *lancepb.CompressiveEncoding_ByteStreamSplit:
		return IndexBits(c.ByteStreamSplit.GetValues())
	case *lancepb.CompressiveEncoding_Rle:
		bits = c.Rle.GetValues().GetFlat().GetBitsPerValue()
	case *lancepb.CompressiveEncoding_InlineBitpacking:
		bits = c.InlineBitpacking.GetUncompressedBitsPerValue()
	case *lancepb.CompressiveEncoding_Flat:
		bits = c.Flat.GetBitsPerValue()
	}
	switch bits {
	case 8, 16, 32, 64:
		return int(bits)
	}
	return 0
}
