package layout

import (
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Page is one page as its writer leaves it. The buffers belong to the writer
// and are valid until it writes the next page; full-zip buffers may be the
// leaf's own.
type Page struct {
	Layout  *lancepb.PageLayout
	Buffers [][]byte
}

// kinds are the layers of a leaf as a description lists them.
func kinds(layers []repdef.Layer) []lancepb.LayerKind {
	k := make([]lancepb.LayerKind, len(layers))
	for i, l := range layers {
		k[i] = lancepb.LayerKind(l)
	}
	return k
}

// Size is the bytes of the buffers and of the description.
func (p Page) Size() int {
	n := proto.Size(p.Layout)
	for _, b := range p.Buffers {
		n += len(b)
	}
	return n
}
