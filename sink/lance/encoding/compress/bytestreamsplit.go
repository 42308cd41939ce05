package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// split writes of the n items of a chunk all first bytes, then all second
// bytes, and so on. That saves nothing by itself: bytes of one significance
// resemble each other, so general compression around it finds more.
type split struct {
	block block.Block
	bytes int
}

// splitItems is the most items of a chunk by their bytes, the limits of the
// reference writer: 1,024 of 32 bits, 512 of 64.
func splitItems(bytes int) int { return 4096 / bytes }

// ByteStreamSplit writes a fixed block of 32 or 64 bits; nil for another width.
func ByteStreamSplit(b block.Block) Chunked {
	if b.Width != 32 && b.Width != 64 {
		return nil
	}
	return &split{block: b, bytes: b.Width / 8}
}

func (s *split) Encoding() *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_ByteStreamSplit{
		ByteStreamSplit: &lancepb.ByteStreamSplit{Values: FlatEncoding(s.block.Width, nil)},
	}}
}

func (s *split) Unit() int { return minUnit }

func (s *split) Fit(_, remain, room int) int {
	return min(remain, splitItems(s.bytes), room/s.bytes)
}

func (s *split) Append(dst []byte, item, n int) []byte {
	at := len(dst)
	dst = grow(dst, n*s.bytes)
	out := dst[at:]
	in := s.block.Data[item*s.bytes : (item+n)*s.bytes]
	for j := range s.bytes {
		column := out[j*n : (j+1)*n]
		for i := range column {
			column[i] = in[i*s.bytes+j]
		}
	}
	return dst
}

// splitDecoder reads byte stream split.
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

func (d *splitDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	data := bufs[0]
	if n > len(data)/d.bytes {
		return fmt.Errorf("%d bytes cannot hold %d items of %d bytes", len(data), n, d.bytes)
	}
	for _, s := range want {
		items := grow(d.items[:0], s.Len()*d.bytes)
		for i := range s.Len() {
			for j := range d.bytes {
				items[i*d.bytes+j] = data[j*n+s.From+i]
			}
		}
		dst.AppendFixed(items, s.Len())
		d.items = items
	}
	return nil
}
