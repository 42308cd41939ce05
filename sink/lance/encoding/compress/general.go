package compress

import (
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// generalDecoder expands the first buffer of every chunk, each chunk on its
// own, and hands it to the scheme inside; other buffers are stored raw.
type generalDecoder struct {
	inner    Decoder
	expander *Expander
	bufs     [][]byte
}

func (g *generalDecoder) Buffers() int { return g.inner.Buffers() }

func (g *generalDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	first, err := g.expander.Expand(bufs[0])
	if err != nil {
		return err
	}
	g.bufs = append(append(g.bufs[:0], first), bufs[1:]...)
	return g.inner.Decode(dst, g.bufs, n, want)
}
