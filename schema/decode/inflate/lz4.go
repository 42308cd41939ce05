package inflate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/pierrec/lz4/v4"
)

// lz4 undoes frames of LZ4, one after the other.
func (d *Decoder) lz4(dst, src []byte, limit int) ([]byte, error) {
	if d.lz == nil {
		d.lz = lz4.NewReader(nil)
	}
	for first := true; first || len(src) > 0; first = false {
		frame, size, err := lz4Frame(src)
		if err != nil {
			return nil, err
		}
		if size > uint64(limit-len(dst)) && size != unknownSize {
			return nil, errFull
		}
		d.src.Reset(frame)
		d.lz.Reset(&d.src)
		before := len(dst)
		if dst, err = drain(dst, d.lz, limit, 4*len(frame)); err != nil {
			return nil, err
		}
		if size != unknownSize && size != uint64(len(dst)-before) {
			return nil, errors.New("an lz4 frame of another length than it says")
		}
		src = src[len(frame):]
	}
	return dst, nil
}

const unknownSize = ^uint64(0)

// lz4Frame returns the frame that src begins with, whole, and how long its content
// says to be. It is the reader of the library that makes this necessary: to it, a
// frame may end between two blocks.
//
//	magic 4 | flags 1 | block size 1 | [content size 8] | [dictionary 4] | check 1
//	{ size 4 (highest bit: stored) | bytes | [check 4] } | 0 (4 bytes) | [check 4]
func lz4Frame(src []byte) (frame []byte, size uint64, err error) {
	const magic = "\x04\x22\x4d\x18"
	if !bytes.HasPrefix(src, []byte(magic)) {
		return nil, 0, errors.New("no lz4 frame")
	}
	if len(src) < 7 {
		return nil, 0, io.ErrUnexpectedEOF
	}
	flags := src[4]
	if flags&1 != 0 {
		return nil, 0, errors.New("an lz4 frame that takes a dictionary")
	}
	at, size := 7, unknownSize
	if flags&8 != 0 {
		if len(src) < 15 {
			return nil, 0, io.ErrUnexpectedEOF
		}
		at, size = 15, binary.LittleEndian.Uint64(src[6:])
	}
	check := int(flags>>4&1) * 4
	for {
		if at+4 > len(src) {
			return nil, 0, io.ErrUnexpectedEOF
		}
		n := binary.LittleEndian.Uint32(src[at:])
		at += 4
		if n == 0 {
			break
		}
		if at += int(n&^(1<<31)) + check; at > len(src) {
			return nil, 0, io.ErrUnexpectedEOF
		}
	}
	if flags&4 != 0 {
		at += 4
	}
	if at > len(src) {
		return nil, 0, io.ErrUnexpectedEOF
	}
	return src[:at], size, nil
}
