package compress

import (
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// rleDecoder reads run lengths, which this library does not write: a buffer of
// values and one of lengths, a byte each, both of one chunk. Longer runs are
// several.
type rleDecoder struct{ bytes int }

func openRLE(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	values, lengths := e.GetRle().GetValues().GetFlat(), e.GetRle().GetRunLengths().GetFlat()
	if values == nil || lengths.GetBitsPerValue() != 8 {
		return nil, &UnsupportedError{Encoding: "Rle(" + Name(e.GetRle().GetValues()) + ", " + Name(e.GetRle().GetRunLengths()) + ")"}
	}
	if s.Width < 8 || len(s.Dims) > 0 || values.GetBitsPerValue() != uint64(s.Width) {
		return nil, misfit(e, s)
	}
	return rleDecoder{bytes: s.Width / 8}, nil
}

func (rleDecoder) Buffers() int { return 2 }

func (d rleDecoder) Decode(dst *block.Builder, bufs [][]byte, n int) error {
	values, lengths := bufs[0], bufs[1]
	if len(values) != len(lengths)*d.bytes {
		return fmt.Errorf("%d bytes of run values, but %d lengths", len(values), len(lengths))
	}
	for i, length := range lengths {
		if int(length) > n {
			return errors.New("the runs hold more items than the chunk")
		}
		n -= int(length)
		value := values[i*d.bytes:][:d.bytes]
		for range length {
			dst.AppendFixed(value, 1)
		}
	}
	if n > 0 {
		return fmt.Errorf("the runs leave %d items without a value", n)
	}
	return nil
}
