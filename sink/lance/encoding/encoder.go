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
	options  Options
	codecs   codecs
	distinct compress.Distinct
	fsst     compress.FSST
	mini     layout.MiniBlock
	zip      layout.FullZip
	constant layout.Constant
	packed   []byte // a dictionary
}

// NewEncoder makes an encoder; the error names a version or compression that
// can not be written.
func NewEncoder(o Options) (*Encoder, error) {
	if o.Version > V2_2 {
		return nil, &compress.UnsupportedError{Encoding: "writing file version " + o.Version.String()}
	}
	e := &Encoder{options: o, codecs: codecs{}}
	e.mini.Grammar, e.constant.Grammar = o.Version.grammar(), o.Version.grammar()
	_, err := e.codec(Settings{})
	return e, err
}

// codec is the general compression of a column; nil for none.
func (e *Encoder) codec(s Settings) (*compress.Codec, error) {
	level := s.level
	if level == 0 {
		level = e.options.Level
	}
	return e.codecs.get(s.scheme(e.options.Compression), level)
}

// Supports says whether leaves of a type can be encoded; the error names it.
func Supports(dt arrow.DataType) error {
	if t, ok := dt.(*arrow.DictionaryType); ok {
		return supportsIndexed(t)
	}
	_, err := block.ShapeOf(dt)
	return err
}

// Encode writes the rows of a leaf as one page, or as several where the
// format's limits ask for it, and hands each to emit. The leaf is borrowed.
func (e *Encoder) Encode(leaf repdef.Leaf, s Settings, emit func(Page) error) error {
	if leaf.Rows == 0 {
		return nil
	}
	if layout.AllNull(leaf) {
		return e.emit(e.constant.AllNull(leaf), leaf.Rows, emit)
	}
	if s.indexed != nil {
		return e.indexedPage(leaf, s, emit)
	}
	b, err := block.Of(leaf.Values)
	if err != nil {
		return err
	}
	shape, err := block.ShapeOf(leaf.Values.DataType())
	if err != nil {
		return err
	}
	same, one := e.constant.Write(leaf, b, shape)
	if one && len(same.Buffers) == 0 {
		return e.emit(same, leaf.Rows, emit)
	}
	page, ok, err := e.page(leaf, b, shape, s)
	switch {
	case err != nil:
		return err
	case one && (!ok || same.Size() <= page.Size()):
		return e.emit(same, leaf.Rows, emit)
	case !ok:
		return e.halves(leaf, s, emit)
	}
	return e.emit(page, leaf.Rows, emit)
}

// page lays out a leaf with values; false says that it fits no page, and has to
// be cut into fewer rows.
func (e *Encoder) page(leaf repdef.Leaf, b block.Block, shape block.Shape, s Settings) (layout.Page, bool, error) {
	bits := b.Width == 1 || shape.Bits
	if !wide(leaf, b, bits, s.structural) {
		page, ok, err := e.miniBlock(leaf, b, s)
		switch {
		case ok || err != nil || leaf.Rows > 1:
			return page, ok, err
		case bits:
			return page, false, fmt.Errorf("a row of %d levels of %s fits no page", leaf.Levels(), leaf.Values.DataType())
		}
	}
	page, err := e.fullZip(leaf, b, s)
	return page, true, err
}

// wide reports whether a page is full-zip: where values do not fit mini-blocks
// it must be, and where it is asked for or values are long if all readers
// understand the leaf that way.
func wide(leaf repdef.Leaf, b block.Block, bits bool, s structural) bool {
	longest := b.Longest()
	switch {
	case bits:
		return false
	case longest > layout.MaxMiniBlockValue:
		return true
	case s == onlyMiniBlock:
		return false
	}
	return (longest >= wideBytes || s == onlyFullZip) && layout.FullZipSafe(leaf)
}

// halves encodes a leaf as two, when it passes the limits of one page.
func (e *Encoder) halves(leaf repdef.Leaf, s Settings, emit func(Page) error) error {
	c := repdef.NewCursor(leaf)
	for _, rows := range []int{leaf.Rows / 2, leaf.Rows - leaf.Rows/2} {
		half := c.Next(rows)
		err := e.Encode(half, s, emit)
		half.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

// miniBlock lays out small values. Schemes with chunks of many items may fail
// where a leaf has far more levels than items; plain ones are the way out.
func (e *Encoder) miniBlock(leaf repdef.Leaf, b block.Block, s Settings) (layout.Page, bool, error) {
	kind := leaf.Values.DataType()
	shape, err := block.ShapeOf(kind)
	if err != nil {
		return layout.Page{}, false, err
	}
	codec, err := e.codec(s)
	if err != nil {
		return layout.Page{}, false, err
	}
	if b.Inner != nil {
		codec = nil // it would compress the validity bits alone
	}
	c := chooser{
		block: b, shape: shape, kind: kind, settings: s, codec: codec,
		scheme: s.scheme(e.options.Compression), distinct: &e.distinct, fsst: &e.fsst, packed: &e.packed,
	}
	if e.options.Version == V2_2 {
		if c.items, err = e.codecs.get(s.dictionaryScheme(), s.dictLevel); err != nil {
			return layout.Page{}, false, err
		}
	}
	values, codec, err := c.choose()
	if err != nil {
		return layout.Page{}, false, err
	}
	page, ok, err := e.mini.Write(leaf, values, codec)
	if ok || err != nil {
		return page, ok, err
	}
	if b.Width == 0 {
		return e.mini.Write(leaf, compress.Variable(b), codec)
	}
	return e.mini.Write(leaf, plain(b, shape), codec)
}

func (e *Encoder) fullZip(leaf repdef.Leaf, b block.Block, s Settings) (layout.Page, error) {
	shape, err := block.ShapeOf(leaf.Values.DataType())
	if err != nil {
		return layout.Page{}, err
	}
	codec, err := e.wideCodec(leaf, s)
	if err != nil {
		return layout.Page{}, err
	}
	return e.zip.Write(leaf, b, shape, codec)
}

// wideCodec is the codec of full-zip values. The reference reader expands the
// nothing that stands for a null, which zstd allows and lz4 does not.
func (e *Encoder) wideCodec(leaf repdef.Leaf, s Settings) (*compress.Codec, error) {
	if s.scheme(e.options.Compression) == LZ4 && leaf.Def != nil {
		return e.codecs.get(Zstd, 0)
	}
	return e.codec(s)
}

func (e *Encoder) emit(p layout.Page, rows int, emit func(Page) error) error {
	description, err := proto.MarshalOptions{Deterministic: true}.Marshal(p.Layout)
	if err != nil {
		return fmt.Errorf("serialize page description: %w", err)
	}
	return emit(Page{Rows: rows, Description: description, Buffers: p.Buffers})
}
