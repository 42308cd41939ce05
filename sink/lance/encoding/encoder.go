package encoding

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"google.golang.org/protobuf/proto"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/layout"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// wideBytes is the size from which a value is too large for mini-blocks, as
// the reference writer has it.
const wideBytes = 256

// Options say how leaves are encoded; the zero value is plain 2.1.
type Options struct {
	Version     Version
	Compression Compression
	Level       int // of zstd, 1 to 22; 0 means DefaultZstdLevel
}

// Page is one encoded page. The buffers are valid until the emit call that
// received the page returns.
type Page struct {
	Rows        int
	Description []byte // a serialized PageLayout
	Buffers     [][]byte
}

// Encoder encodes leaves page by page. It keeps compressor state and buffers
// between pages. Not safe for concurrent use.
type Encoder struct {
	options Options
	codec   *compress.Codec // nil without compression
	zstd    *compress.Codec // for wide values with nulls under lz4; made when met
	mini    layout.MiniBlock
	zip     layout.FullZip
}

// NewEncoder makes an encoder; the error names a version or compression that
// can not be written.
func NewEncoder(o Options) (*Encoder, error) {
	if o.Version > V2_2 {
		return nil, &compress.UnsupportedError{Encoding: "writing file version " + o.Version.String()}
	}
	if o.Level == 0 {
		o.Level = DefaultZstdLevel
	}
	e := &Encoder{options: o}
	e.mini.Grammar = layout.Grammar(o.Version == V2_2)
	var err error
	switch o.Compression {
	case None:
	case LZ4:
		e.codec, err = compress.NewCodec(compress.SchemeLZ4, 0)
	case Zstd:
		e.codec, err = compress.NewCodec(compress.SchemeZstd, o.Level)
	default:
		err = &compress.UnsupportedError{Encoding: o.Compression.String()}
	}
	return e, err
}

// Supports says whether leaves of a type can be encoded; the error names it.
func Supports(dt arrow.DataType) error {
	_, err := block.ShapeOf(dt)
	return err
}

// Encode writes the rows of a leaf as one page, or as several where the
// format's limits ask for it, and hands each to emit. The leaf is borrowed.
func (e *Encoder) Encode(leaf repdef.Leaf, emit func(Page) error) error {
	if leaf.Rows == 0 {
		return nil
	}
	if layout.AllNull(leaf) {
		return e.emit(layout.WriteAllNull(leaf), leaf.Rows, emit)
	}
	b, err := block.Of(leaf.Values)
	if err != nil {
		return err
	}
	longest := b.Longest()
	if longest > layout.MaxMiniBlockValue || longest >= wideBytes && layout.FullZipSafe(leaf) {
		return e.fullZip(leaf, b, emit)
	}
	page, ok, err := e.miniBlock(leaf, b)
	switch {
	case err != nil:
		return err
	case ok:
		return e.emit(page, leaf.Rows, emit)
	case leaf.Rows > 1:
		return e.halves(leaf, emit)
	case b.Width == 1:
		return fmt.Errorf("a row of %d levels of bool fits no page", leaf.Levels())
	}
	return e.fullZip(leaf, b, emit)
}

// halves encodes a leaf as two, when it passes the limits of one page.
func (e *Encoder) halves(leaf repdef.Leaf, emit func(Page) error) error {
	c := repdef.NewCursor(leaf)
	for _, rows := range []int{leaf.Rows / 2, leaf.Rows - leaf.Rows/2} {
		half := c.Next(rows)
		err := e.Encode(half, emit)
		half.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// miniBlock tries the schemes for small values, the smallest first.
func (e *Encoder) miniBlock(leaf repdef.Leaf, b block.Block) (layout.Page, bool, error) {
	if b.Width == 0 {
		return e.mini.Write(leaf, compress.Variable(b), e.codec)
	}
	shape, err := block.ShapeOf(leaf.Values.DataType())
	if err != nil {
		return layout.Page{}, false, err
	}
	if len(shape.Dims) == 0 {
		if packed := compress.InlineBitpacking(b); packed != nil {
			page, ok, err := e.mini.Write(leaf, packed, e.codec)
			if ok || err != nil {
				return page, ok, err
			}
		}
	}
	return e.mini.Write(leaf, compress.Flat(b, shape.Dims), e.codec)
}

func (e *Encoder) fullZip(leaf repdef.Leaf, b block.Block, emit func(Page) error) error {
	shape, err := block.ShapeOf(leaf.Values.DataType())
	if err != nil {
		return err
	}
	codec, err := e.wideCodec(leaf)
	if err != nil {
		return err
	}
	page, err := e.zip.Write(leaf, b, shape, codec)
	if err != nil {
		return err
	}
	return e.emit(page, leaf.Rows, emit)
}

// wideCodec is the codec of full-zip values. The reference reader expands the
// nothing that stands for a null, which zstd allows and lz4 does not.
func (e *Encoder) wideCodec(leaf repdef.Leaf) (*compress.Codec, error) {
	if e.options.Compression != LZ4 || leaf.Def == nil {
		return e.codec, nil
	}
	if e.zstd == nil {
		var err error
		if e.zstd, err = compress.NewCodec(compress.SchemeZstd, DefaultZstdLevel); err != nil {
			return nil, err
		}
	}
	return e.zstd, nil
}

func (e *Encoder) emit(p layout.Page, rows int, emit func(Page) error) error {
	description, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.Layout)
	if err != nil {
		return fmt.Errorf("serialize page description: %w", err)
	}
	return emit(Page{Rows: rows, Description: description, Buffers: p.Buffers})
}
