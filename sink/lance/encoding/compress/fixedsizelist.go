package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// fixedSizeListDecoder reads flattened lists: the numbers of all items back to
// back, and before them, in a buffer for each depth of lists where some are
// null, the validity bits of the entries there.
type fixedSizeListDecoder struct {
	shape  block.Shape
	depths []int // that have validity
}

func openFixedSizeList(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	depths, none, err := CheckFixedSizeList(e, s)
	if err != nil {
		return nil, err
	}
	if none {
		return nil, &UnsupportedError{Encoding: "chunks of " + Name(e)}
	}
	return &fixedSizeListDecoder{shape: s, depths: depths}, nil
}

// CheckFixedSizeList says whether a description of nested lists over flat
// numbers fits the shape, at which depths the entries carry validity, and whether
// there are no numbers, as they all are null.
func CheckFixedSizeList(e *lancepb.CompressiveEncoding, s block.Shape) (depths []int, none bool, err error) {
	inner := e
	for depth, dim := range s.Dims {
		list := inner.GetFixedSizeList()
		if list == nil || list.GetItemsPerValue() != uint64(dim) {
			return nil, false, misfit(e, s)
		}
		if list.GetHasValidity() {
			depths = append(depths, depth)
		}
		inner = list.GetValues()
	}
	if c := inner.GetConstant(); c != nil && c.Value == nil && len(depths) > 0 && depths[len(depths)-1] == len(s.Dims)-1 {
		return depths, true, nil
	}
	if inner.GetFlat() == nil {
		return nil, false, &UnsupportedError{Encoding: Name(e)}
	}
	if len(s.Dims) == 0 || inner.GetFlat().GetBitsPerValue()*uint64(s.Numbers()) != uint64(s.Stored()) {
		return nil, false, misfit(e, s)
	}
	return depths, false, nil
}

func (d *fixedSizeListDecoder) Buffers() int { return 1 + len(d.depths) }

func (d *fixedSizeListDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	data, width := bufs[len(bufs)-1], d.shape.Stored()
	if n > len(data)*8/width {
		return fmt.Errorf("%d bytes cannot hold %d items of %d bits", len(data), n, width)
	}
	for i, depth := range d.depths {
		if n > len(bufs[i])*8/d.shape.Entries(depth) {
			return fmt.Errorf("%d bytes cannot hold the validity of %d lists of %d", len(bufs[i]), n, d.shape.Entries(depth))
		}
	}
	for _, s := range want {
		next := 0
		for depth := range d.shape.Dims {
			if next < len(d.depths) && d.depths[next] == depth {
				dst.AppendInner(depth, bufs[next], s.From, s.Len())
				next++
			} else {
				dst.AppendInner(depth, nil, s.From, s.Len())
			}
		}
		if d.shape.Bits {
			dst.AppendBools(data, s.From*width, s.Len())
		} else {
			dst.AppendFixed(data[s.From*width/8:s.To*width/8], s.Len())
		}
	}
	return nil
}
