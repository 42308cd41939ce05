package compress

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Scheme is a general purpose compression; the numbers are the format's.
type Scheme uint8

// The schemes that exist in the format.
const (
	SchemeNone Scheme = 0
	SchemeLZ4  Scheme = 1
	SchemeZstd Scheme = 2
)

// String is the name that field metadata uses.
func (s Scheme) String() string {
	switch s {
	case SchemeNone:
		return "none"
	case SchemeLZ4:
		return "lz4"
	case SchemeZstd:
		return "zstd"
	}
	return fmt.Sprintf("scheme %d", uint8(s))
}

// Codec compresses buffers in the framing of the format:
//
//	lz4   u32 uncompressed length, one raw LZ4 block
//	zstd  u64 uncompressed length, one zstd frame
//
// It keeps the compressor's tables between calls, which are what costs. Not
// safe for concurrent use.
type Codec struct {
	scheme Scheme
	level  int
	zstd   *zstd.Encoder
	lz4    lz4.Compressor
}

// NewCodec makes a codec. Level is the zstd level, 1 (fastest) to 22; lz4 has
// none.
func NewCodec(s Scheme, level int) (*Codec, error) {
	c := &Codec{scheme: s, level: level}
	switch s {
	case SchemeLZ4:
		return c, nil
	case SchemeZstd:
		enc, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false))
		if err != nil {
			return nil, fmt.Errorf("make zstd encoder: %w", err)
		}
		c.zstd = enc
		return c, nil
	default:
		return nil, &UnsupportedError{Encoding: "general compression with " + s.String()}
	}
}

// Encoding describes General around an inner scheme.
func (c *Codec) Encoding(inner *lancepb.CompressiveEncoding) *lancepb.CompressiveEncoding {
	b := &lancepb.BufferCompression{Scheme: lancepb.CompressionScheme(c.scheme)}
	if c.scheme == SchemeZstd {
		level := int32(c.level)
		b.Level = &level
	}
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_General{
		General: &lancepb.General{Compression: b, Values: inner},
	}}
}

// Append adds a framed buffer. The reference reads nothing as an empty buffer
// in zstd, but insists on the length in lz4.
func (c *Codec) Append(dst, src []byte) ([]byte, error) {
	if c.scheme == SchemeZstd {
		if len(src) == 0 {
			return dst, nil
		}
		dst = binary.LittleEndian.AppendUint64(dst, uint64(len(src)))
		return c.zstd.EncodeAll(src, dst), nil
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(src)))
	at := len(dst)
	dst = grow(dst, lz4.CompressBlockBound(len(src)))
	n, err := c.lz4.CompressBlock(src, dst[at:])
	if err != nil {
		return nil, fmt.Errorf("compress lz4 block: %w", err)
	}
	if n == 0 {
		return appendLiterals(dst[:at], src), nil
	}
	return dst[:at+n], nil
}

// grow lengthens a slice by n bytes of any content.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		bigger := make([]byte, len(dst), 2*cap(dst)+n)
		copy(bigger, dst)
		dst = bigger
	}
	return dst[:len(dst)+n]
}

// appendLiterals adds an LZ4 block that is one sequence of literals, for what
// does not compress: a token whose high nibble is the length up to 14, or 15
// and then bytes of 255 and a rest.
func appendLiterals(dst, src []byte) []byte {
	if len(src) < 15 {
		return append(append(dst, byte(len(src)<<4)), src...)
	}
	dst = append(dst, 15<<4)
	rest := len(src) - 15
	for ; rest >= 255; rest -= 255 {
		dst = append(dst, 255)
	}
	return append(append(dst, byte(rest)), src...)
}
