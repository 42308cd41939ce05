package compress

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Expanders makes Expanders that share what is costly to make: the decoder
// state and the memory. Only one of them may be in use at a time. The zero
// value is ready; Close it after use. Not safe for concurrent use.
type Expanders struct {
	zstd *zstd.Decoder
	out  []byte
}

// Expander reverses a Codec of any scheme. Not safe for concurrent use.
type Expander struct {
	scheme Scheme
	limit  uint64
	shared *Expanders
}

// zstdMagic begins every zstd frame.
const zstdMagic = 0xFD2FB528

// Open makes an Expander for buffers of the scheme that a description names;
// none may expand to more than limit bytes.
func (s *Expanders) Open(b *lancepb.BufferCompression, limit int) (*Expander, error) {
	e := &Expander{limit: uint64(limit), shared: s}
	switch b.GetScheme() {
	case lancepb.CompressionScheme_COMPRESSION_LZ4:
		e.scheme = SchemeLZ4
	case lancepb.CompressionScheme_COMPRESSION_ZSTD:
		e.scheme = SchemeZstd
		if s.zstd != nil {
			break
		}
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, fmt.Errorf("make zstd decoder: %w", err)
		}
		s.zstd = dec
	default:
		return nil, &UnsupportedError{Encoding: fmt.Sprintf("general compression with scheme %d", b.GetScheme())}
	}
	return e, nil
}

// Close frees the decoder state.
func (s *Expanders) Close() {
	if s.zstd != nil {
		s.zstd.Close()
		s.zstd = nil
	}
}

// reserve is memory for n bytes.
func (s *Expanders) reserve(n int) []byte {
	if cap(s.out) < n {
		s.out = make([]byte, n)
	}
	return s.out[:n:n]
}

// Expand is the content of a framed buffer, valid until the next call to any
// Expander that shares its state.
func (e *Expander) Expand(src []byte) ([]byte, error) {
	if len(src) == 0 {
		return nil, nil
	}
	if e.scheme == SchemeZstd {
		return e.expandZstd(src)
	}
	if len(src) < 4 {
		return nil, errors.New("an lz4 buffer without its length")
	}
	size := uint64(binary.LittleEndian.Uint32(src))
	// No LZ4 block expands more than 255-fold.
	if size > min(uint64(len(src))*255, e.limit) {
		return nil, fmt.Errorf("an lz4 buffer of %d bytes may not hold %d", len(src), size)
	}
	if size == 0 {
		// The library's decoder crashes on a destination without memory. An
		// empty block is one token of zero.
		if len(src) > 5 {
			return nil, fmt.Errorf("an lz4 buffer of %d bytes that claims to be empty", len(src))
		}
		return nil, nil
	}
	out := e.shared.reserve(int(size))
	n, err := lz4.UncompressBlock(src[4:], out)
	if err != nil {
		return nil, fmt.Errorf("expand lz4 block: %w", err)
	}
	if uint64(n) != size {
		return nil, fmt.Errorf("an lz4 buffer holds %d bytes instead of %d", n, size)
	}
	return out, nil
}

func (e *Expander) expandZstd(src []byte) ([]byte, error) {
	if len(src) < 8 {
		return nil, errors.New("a zstd buffer without its length")
	}
	size := binary.LittleEndian.Uint64(src)
	frame := src[8:]
	if uint32(size) == zstdMagic && src[4]&0x10 == 0 {
		// A bare frame, as old writers left it; the frame tells the size.
		var h zstd.Header
		if err := h.Decode(src); err != nil || !h.HasFCS {
			return nil, errors.New("a bare zstd frame that does not tell its size")
		}
		size, frame = h.FrameContentSize, src
	}
	// A block takes at least 4 bytes and expands to at most 128 KiB.
	if size > min((uint64(len(frame))/4+1)<<17, e.limit) {
		return nil, fmt.Errorf("a zstd buffer of %d bytes may not hold %d", len(frame), size)
	}
	out, err := e.shared.zstd.DecodeAll(frame, e.shared.reserve(int(size))[:0])
	if err != nil {
		return nil, fmt.Errorf("expand zstd frame: %w", err)
	}
	if uint64(len(out)) != size {
		return nil, fmt.Errorf("a zstd buffer holds %d bytes instead of %d", len(out), size)
	}
	return out, nil
}
