package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// fixedSizeListDecoder reads flattened lists: the numbers of all items back to
// back, and before them, in a buffer of their own, the validity bits of the
// numbers where some are null.
type fixedSizeListDecoder struct {
	width    int // bits of one item
	numbers  int // numbers in one item
	validity bool
}

func openFixedSizeList(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	validity, err := CheckFixedSizeList(e, s)
	if err != nil {
		return nil, err
	}
	return &fixedSizeListDecoder{width: s.Width, numbers: s.Numbers(), validity: validity}, nil
}

// CheckFixedSizeList says whether a description of nested lists over flat
// numbers fits the shape, and whether the numbers carry validity.
func CheckFixedSizeList(e *lancepb.CompressiveEncoding, s block.Shape) (validity bool, err error) {
	inner := e
	for _, dim := range s.Dims {
		list := inner.GetFixedSizeList()
		if list == nil || list.GetItemsPerValue() != uint64(dim) {
			return false, misfit(e, s)
		}
		if list.GetHasValidity() && len(s.Dims) > 1 {
			return false, &UnsupportedError{Encoding: "nested FixedSizeList with validity"}
		}
		validity = list.GetHasValidity()
		inner = list.GetValues()
	}
	if inner.GetFlat() == nil {
		return false, &UnsupportedError{Encoding: Name(e)}
	}
	if len(s.Dims) == 0 || inner.GetFlat().GetBitsPerValue() != uint64(s.Number()) {
		return false, misfit(e, s)
	}
	return validity, nil
}

func (d *fixedSizeListDecoder) Buffers() int {
	if d.validity {
		return 2
	}
	return 1
}

func (d *fixedSizeListDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	data := bufs[len(bufs)-1]
	if n > len(data)*8/d.width {
		return fmt.Errorf("%d bytes cannot hold %d items of %d bits", len(data), n, d.width)
	}
	var valid []byte
	if d.validity {
		if n > len(bufs[0])*8/d.numbers {
			return fmt.Errorf("%d bytes cannot hold the validity of %d lists of %d", len(bufs[0]), n, d.numbers)
		}
		valid = bufs[0]
	}
	for _, s := range want {
		dst.AppendInner(valid, s.From, s.Len())
		dst.AppendFixed(data[s.From*d.width/8:s.To*d.width/8], s.Len())
	}
	return nil
}
