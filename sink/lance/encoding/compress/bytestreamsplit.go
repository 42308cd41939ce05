package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// splitDecoder reads byte stream split, which this library does not write: of
// the n items of a chunk all first bytes, then all second bytes, and so on.
type splitDecoder struct {
	bytes int
	items []byte
}

func openSplit(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	inner := e.GetByteStreamSplit().GetValues()
	if inner.GetFlat() == nil {
		return nil, &UnsupportedError{Encoding: Name(e)}
	}
	if s.Width < 8 || len(s.Dims) > 0 || inner.GetFlat().GetBitsPerValue() != uint64(s.Width) {
		return nil, misfit(e, s)
	}
	return &splitDecoder{bytes: s.Width / 8}, nil
}

func (*splitDecoder) Buffers() int { return 1 }

func (d *splitDecoder) Decode(dst *block.Builder, bufs [][]byte, n int) error {
	data := bufs[0]
	if n > len(data)/d.bytes {
		return fmt.Errorf("%d bytes cannot hold %d items of %d bytes", len(data), n, d.bytes)
	}
	d.items = append(d.items[:0], data[:n*d.bytes]...)
	for i := range n {
		for j := range d.bytes {
			d.items[i*d.bytes+j] = data[j*n+i]
		}
	}
	dst.AppendFixed(d.items, n)
	return nil
}
