// Package inflate undoes the content encodings of payloads: gzip, zstd, lz4
// (frames), snappy and s2 (blocks and framed streams).
//
// What is compressed is hostile. Output stops at its limit while it is made, a
// zstd frame that asks for a window beyond the limit is not begun, and whatever
// is not a whole, sound stream from the first byte to the last is refused: cut
// off, with other bytes behind it, with a checksum that differs. Streams of
// several frames or members, which the formats allow, are one payload.
//
// All of it runs in the caller's goroutine, and no goroutine is left behind.
package inflate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Limits bound what a payload may become. All must be positive.
type Limits struct {
	Bytes  int // of output
	Ratio  int // of output to input, in outputs beyond Free
	Free   int // bytes of output for which no ratio holds
	Window int // bytes that a zstd frame may refer back to
}

// Of is how many bytes an input of n bytes may become.
func (l Limits) Of(n int) int {
	most := l.Bytes
	if l.Ratio > 0 && n <= l.Bytes/l.Ratio {
		most = n * l.Ratio
	}
	return min(l.Bytes, max(most, l.Free))
}

var (
	// ErrUnknown is returned by Append for the name of no encoding.
	ErrUnknown = errors.New("unknown content encoding")
	// ErrDamaged says that the input is not one whole stream of its encoding.
	ErrDamaged = errors.New("damaged")
	// ErrLimit says that the output, or the memory that it takes, would exceed a limit.
	ErrLimit = errors.New("too large")
)

// coder appends to dst what src holds, at most to a length of limit.
type coder func(d *Decoder, dst, src []byte, limit int) ([]byte, error)

// names are the encodings, those of one kind in a row.
//
//nolint:gochecknoglobals // a constant table
var names = []struct {
	name  string
	coder coder
}{
	{"gzip", (*Decoder).gzip},
	{"x-gzip", (*Decoder).gzip},
	{"zstd", (*Decoder).zstd},
	{"lz4", (*Decoder).lz4},
	{"snappy", (*Decoder).snappy},
	{"x-snappy-framed", (*Decoder).snappy},
	{"s2", (*Decoder).snappy},
}

// Names are the encodings known, for people.
func Names() string { return "gzip, zstd, lz4, snappy, s2" }

// Decoder holds what decoders of the encodings use again. Its zero value with
// limits is ready. It is owned by one goroutine at a time, and needs no closing.
type Decoder struct {
	Limits Limits

	gz    *gzip.Reader
	zs    *zstd.Decoder
	zsFor Limits
	lz    *lz4.Reader
	frame *s2.Reader
	src   bytes.Reader
}

// Append undoes the encoding of that name, which is compared without case, and
// appends what src holds to dst. src is not kept. Errors wrap ErrUnknown,
// ErrDamaged or ErrLimit and hold no bytes of the input.
func (d *Decoder) Append(name string, dst, src []byte) ([]byte, error) {
	return d.append(name, dst, src, d.Limits.Of(len(src)))
}

// AppendExactly is Append for input that says elsewhere that it becomes size bytes,
// neither more nor less. Of the limits only that of the window holds.
func (d *Decoder) AppendExactly(name string, dst, src []byte, size int) ([]byte, error) {
	out, err := d.append(name, slices.Grow(dst, size), src, size)
	switch {
	case errors.Is(err, ErrLimit), err == nil && len(out) < len(dst)+size:
		return dst, fmt.Errorf("%w: not the %d bytes that it says to become", ErrDamaged, size)
	case err != nil:
		return dst, err
	}
	return out, nil
}

func (d *Decoder) append(name string, dst, src []byte, limit int) ([]byte, error) {
	for _, n := range names {
		if len(n.name) == len(name) && strings.EqualFold(n.name, name) {
			out, err := n.coder(d, dst, src, len(dst)+limit)
			d.src.Reset(nil)
			if err != nil {
				return dst, explain(err, limit)
			}
			return out, nil
		}
	}
	return dst, ErrUnknown
}

// explain makes an error of one of the kinds that Append promises.
func explain(err error, limit int) error {
	switch {
	case errors.Is(err, errFull), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Errorf("%w: more than the %d bytes that it may become", ErrLimit, limit)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Errorf("%w: a zstd window beyond the limit", ErrLimit)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it ends too early", ErrDamaged)
	default:
		return fmt.Errorf("%w: %s", ErrDamaged, strings.ToValidUTF8(err.Error(), "?"))
	}
}

// errFull says that there is more output than may be.
var errFull = errors.New("output full")

// drain appends all of r to dst, up to a length of limit.
func drain(dst []byte, r io.Reader, limit, hint int) ([]byte, error) {
	const least, large = 4 << 10, 4 << 20
	dst = slices.Grow(dst, min(max(hint, least), limit-len(dst)+1))
	for {
		most := limit - len(dst) + 1 // one byte more than may be shows that there is more
		if len(dst) == cap(dst) {
			more := max(len(dst), least)
			if more > large {
				more = most // at once: what outgrew its buffers is garbage beside the last one
			}
			dst = slices.Grow(dst, min(more, most))
		}
		room := dst[len(dst):cap(dst)]
		room = room[:min(len(room), most)]
		n, err := r.Read(room)
		dst = dst[:len(dst)+n]
		switch {
		case len(dst) > limit:
			return nil, errFull
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return nil, err
		}
	}
}

func (d *Decoder) gzip(dst, src []byte, limit int) ([]byte, error) {
	d.src.Reset(src)
	if d.gz == nil {
		d.gz = new(gzip.Reader)
	}
	if err := d.gz.Reset(&d.src); err != nil {
		return nil, err
	}
	return drain(dst, d.gz, limit, 4*len(src))
}
