package encoding

import (
	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Decoder decodes pages of one file version. It keeps decompressor state between
// pages; the zero value is ready for 2.1, Close it after use. Not safe for
// concurrent use.
type Decoder struct {
	Version   Version // 2.1 or 2.2: pages of the other's grammar are damage
	expanders compress.Expanders
}

// Decode reads a page that holds the given rows of a leaf of a type, from its
// description and its buffers, which it borrows until the rows are handed out. Damage is a
// *corrupt.Error located inside the page; an encoding that this library does
// not read is a fields.ErrUnsupported that names it.
func (d *Decoder) Decode(description []byte, buffers [][]byte, rows int, dt arrow.DataType) (*layout.Rows, error) {
	l, err := d.parse(description)
	if err != nil {
		return nil, err
	}
	return layout.Read(l, buffers, rows, dt, &d.expanders)
}

// DecodeRows reads the wanted rows of a page and, where the encoding allows it,
// little more: want ascends, does not touch and lies inside the page's rows. Errors
// are those of Decode, and those of src.
func (d *Decoder) DecodeRows(description []byte, src layout.Source, rows int, want []block.Span, dt arrow.DataType) (*layout.Rows, error) {
	l, err := d.parse(description)
	if err != nil {
		return nil, err
	}
	return layout.ReadRows(l, src, rows, want, dt, &d.expanders)
}

func (d *Decoder) parse(description []byte) (*lancepb.PageLayout, error) {
	l := &lancepb.PageLayout{}
	if err := proto.Unmarshal(description, l); err != nil {
		return nil, &corrupt.Error{Section: "page description", Offset: -1, Err: err}
	}
	return l, d.Version.grammar().Check(l)
}

// Close frees the state; pages decoded stay.
func (d *Decoder) Close() { d.expanders.Close() }
