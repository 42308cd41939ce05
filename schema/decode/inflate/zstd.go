package inflate

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

func (d *Decoder) zstd(dst, src []byte, limit int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, err
	}
	hint := 4 * len(src)
	if h.HasFCS {
		if h.FrameContentSize > uint64(limit-len(dst)) {
			return nil, errFull
		}
		hint = int(h.FrameContentSize) + 1
	}
	if err := wholeFrames(src); err != nil {
		return nil, err
	}
	if d.zs == nil || d.zsFor != d.Limits {
		zs, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(uint64(max(d.Limits.Bytes, 1<<10))), zstd.WithDecoderMaxWindow(uint64(max(d.Limits.Window, 1<<10))))
		if err != nil {
			return nil, fmt.Errorf("make a zstd decoder: %w", err)
		}
		d.zs, d.zsFor = zs, d.Limits
	}
	d.src.Reset(src)
	if err := d.zs.Reset(&d.src); err != nil {
		return nil, err
	}
	out, err := drain(dst, d.zs, limit, hint)
	if err != nil {
		d.zs = nil // with the history of a large window
		return nil, err
	}
	return out, nil
}

// wholeFrames checks that src is frames from end to end. The decoder itself takes
// fewer than four bytes behind a frame for the end of the stream.
func wholeFrames(src []byte) error {
	for len(src) > 0 {
		var h zstd.Header
		rest, err := h.DecodeAndStrip(src)
		if err != nil {
			return err
		}
		if h.Skippable {
			src, err = skip(rest, int(h.SkippableSize))
		} else {
			src, err = skipBlocks(rest, h.HasCheckSum)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipBlocks returns what follows the blocks of a frame and its checksum. A block
// begins with three bytes: last block (1 bit), type (2), size (21).
func skipBlocks(p []byte, checksum bool) ([]byte, error) {
	const repeated = 1 // type of a block of one byte that occurs size times
	for last := false; !last; {
		if len(p) < 3 {
			return nil, io.ErrUnexpectedEOF
		}
		head := int(p[0]) | int(p[1])<<8 | int(p[2])<<16
		last = head&1 != 0
		size := head >> 3
		if head>>1&3 == repeated {
			size = 1
		}
		var err error
		if p, err = skip(p[3:], size); err != nil {
			return nil, err
		}
	}
	if checksum {
		return skip(p, 4)
	}
	return p, nil
}

func skip(p []byte, n int) ([]byte, error) {
	if n > len(p) {
		return nil, io.ErrUnexpectedEOF
	}
	return p[n:], nil
}
