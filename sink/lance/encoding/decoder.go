package encoding

import (
	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Decoder decodes pages. It keeps decompressor state between pages; the zero
// value is ready, Close it after use. Not safe for concurrent use.
type Decoder struct{ expanders compress.Expanders }

// Decode reads a page that holds the given rows of a leaf of a type, from its
// description and its buffers, which it only borrows. Damage is a
// *corrupt.Error located inside the page; an encoding that this library does
// not read is a fields.ErrUnsupported that names it.
func (d *Decoder) Decode(description []byte, buffers [][]byte, rows int, dt arrow.DataType) (*layout.Rows, error) {
	l := &lancepb.PageLayout{}
	if err := proto.Unmarshal(description, l); err != nil {
		return nil, &corrupt.Error{Section: "page description", Offset: -1, Err: err}
	}
	return layout.Read(l, buffers, rows, dt, &d.expanders)
}

// Close frees the state; pages decoded stay.
func (d *Decoder) Close() { d.expanders.Close() }
