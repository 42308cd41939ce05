package compress

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Decoder reads the values of mini-block chunks. Not safe for concurrent use.
type Decoder interface {
	// Buffers is the number of value buffers in every chunk.
	Buffers() int
	// Decode appends, of the n items of one chunk, those in want, which ascend
	// and lie inside it; what belongs to others is not looked at where that can be.
	// The buffers are borrowed. It never allocates more than a fixed multiple of
	// what they hold.
	Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error
}

// UnsupportedError says that stored data is in an encoding this library does
// not read or write. It is a fields.ErrUnsupported.
type UnsupportedError struct {
	Encoding string // its name
}

// Error names the encoding.
func (e *UnsupportedError) Error() string { return "encoding not supported: " + e.Encoding }

// Is makes it a fields.ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == fields.ErrUnsupported }

// Name is the name of an encoding, with what it is wrapped around.
func Name(e *lancepb.CompressiveEncoding) string {
	switch c := e.GetCompression().(type) {
	case nil:
		return "unknown"
	case *lancepb.CompressiveEncoding_General:
		return "General(" + Name(c.General.GetValues()) + ")"
	case *lancepb.CompressiveEncoding_FixedSizeList:
		return "FixedSizeList(" + Name(c.FixedSizeList.GetValues()) + ")"
	case *lancepb.CompressiveEncoding_Fsst:
		return "Fsst(" + Name(c.Fsst.GetValues()) + ")"
	case *lancepb.CompressiveEncoding_ByteStreamSplit:
		return "ByteStreamSplit(" + Name(c.ByteStreamSplit.GetValues()) + ")"
	default:
		m := e.ProtoReflect()
		return string(m.WhichOneof(m.Descriptor().Oneofs().Get(0)).Message().Name())
	}
}

// maxChunkExpanded bounds what one chunk expands to; real ones stay below 1 MiB.
const maxChunkExpanded = 64 << 20

// Open is the decoder of a mini-block page's values, for leaves of the given
// shape; it works as long as x is open. A description that does not fit the
// shape is a plain error.
func Open(e *lancepb.CompressiveEncoding, s block.Shape, x *Expanders) (Decoder, error) {
	switch c := e.GetCompression().(type) {
	case *lancepb.CompressiveEncoding_Flat:
		if s.Width == 0 || len(s.Dims) > 0 || c.Flat.GetBitsPerValue() != uint64(s.Width) {
			return nil, misfit(e, s)
		}
		return flatDecoder{width: s.Width}, nil
	case *lancepb.CompressiveEncoding_Variable:
		width := c.Variable.GetOffsets().GetFlat().GetBitsPerValue()
		if width != 32 && width != 64 {
			return nil, &UnsupportedError{Encoding: "Variable with offsets as " + Name(c.Variable.GetOffsets())}
		}
		if s.Offsets == 0 {
			return nil, misfit(e, s)
		}
		return &variableDecoder{width: int(width / 8)}, nil
	case *lancepb.CompressiveEncoding_InlineBitpacking:
		d, ok := newInlineDecoder(s.Width)
		if !ok || len(s.Dims) > 0 || c.InlineBitpacking.GetUncompressedBitsPerValue() != uint64(s.Width) {
			return nil, misfit(e, s)
		}
		return d, nil
	case *lancepb.CompressiveEncoding_FixedSizeList:
		return openFixedSizeList(e, s)
	case *lancepb.CompressiveEncoding_Rle:
		return openRLE(e, s)
	case *lancepb.CompressiveEncoding_ByteStreamSplit:
		return openSplit(e, s)
	case *lancepb.CompressiveEncoding_Fsst:
		return openFSST(e, s)
	case *lancepb.CompressiveEncoding_General:
		if c.General.GetValues().GetGeneral() != nil {
			return nil, &UnsupportedError{Encoding: Name(e)}
		}
		inner, err := Open(c.General.GetValues(), s, x)
		if err != nil {
			return nil, err
		}
		outer, err := x.Open(c.General.GetCompression(), maxChunkExpanded)
		if err != nil {
			return nil, err
		}
		return &generalDecoder{inner: inner, expander: outer}, nil
	}
	return nil, &UnsupportedError{Encoding: Name(e)}
}

func misfit(e *lancepb.CompressiveEncoding, s block.Shape) error {
	return fmt.Errorf("encoding %s does not fit items of %d bits (offsets of %d, lists %v)",
		Name(e), s.Width, s.Offsets, s.Dims)
}
