package compress

import (
	"encoding/binary"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// DictionaryOf stores all items of a block, of whole bytes each, as a
// dictionary, in their order.
func DictionaryOf(b block.Block) Dictionary {
	d := Dictionary{Items: uint64(b.Items)}
	w := offsetBytes(b)
	if w == 0 {
		d.Encoding = FlatEncoding(b.Width, nil)
		d.Buffer = append(d.Buffer, b.Data[:b.Items*b.Width/8]...)
		return d
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
	return d
}
