package decode

import (
	"math"
	"unicode/utf8"

	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// copyTexts appends text or binaries.
func (b *Batch) copyTexts(c *column, a *ipc.Array, sp span, valid []byte) *Reject {
	c.pad(c.lv.slots)
	start, end := a.Offset(sp.from), a.Offset(sp.from+sp.n)
	if len(c.buf)+end-start > math.MaxInt32 {
		return overflow("field %s: more than 2 GiB of text in one batch", c.path())
	}
	c.appendValid(valid, sp)
	data, size := a.Data[:end], len(c.buf)
	if valid == nil || ipc.Ones(valid, sp.from, sp.n) == sp.n {
		c.buf = append(c.buf, data[start:]...)
		for i := sp.from + 1; i <= sp.from+sp.n; i++ {
			c.offs = append(c.offs, int32(size+a.Offset(i)-start))
		}
	} else {
		for i := sp.from; i < sp.from+sp.n; i++ {
			if valid[i>>3]>>(i&7)&1 != 0 {
				c.buf = append(c.buf, data[a.Offset(i):a.Offset(i+1)]...)
			}
			c.offs = append(c.offs, int32(len(c.buf)))
		}
	}
	if c.kind == text && !wholeRunes(c.buf, size, c.offs[c.n:]) {
		return reject(ClassParse, "field %s: invalid UTF-8 in a string", c.path())
	}
	c.n += sp.n
	b.bits += 8 * (len(c.buf) - size)
	return b.checkSize()
}

// wholeRunes tells whether the text from one place on is UTF-8, and no end cuts a
// character in two.
func wholeRunes(p []byte, from int, ends []int32) bool {
	if !utf8.Valid(p[from:]) {
		return false
	}
	if plainRun(p, from) == len(p) {
		return true
	}
	for _, end := range ends {
		if int(end) < len(p) && p[end]&0xc0 == 0x80 {
			return false
		}
	}
	return true
}
