package inflate

import (
	"bytes"
	"slices"

	"github.com/klauspost/compress/s2"
)

// snappy undoes snappy and s2, which contains it. A framed stream begins with a
// chunk that names it; no block does, because that would be one of 895 bytes which
// begins with a reference to bytes before it.
func (d *Decoder) snappy(dst, src []byte, limit int) ([]byte, error) {
	if bytes.HasPrefix(src, []byte("\xff\x06\x00\x00sNaPpY")) || bytes.HasPrefix(src, []byte("\xff\x06\x00\x00S2sTwO")) {
		d.src.Reset(src)
		if d.frame == nil {
			d.frame = s2.NewReader(nil, s2.ReaderAllocBlock(64<<10))
		}
		d.frame.Reset(&d.src)
		return drain(dst, d.frame, limit, 4*len(src))
	}
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > limit-len(dst) {
		return nil, errFull
	}
	dst = slices.Grow(dst, n)
	if _, err := s2.Decode(dst[len(dst):len(dst)+n], src); err != nil {
		return nil, err
	}
	return dst[:len(dst)+n], nil
}
