package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A set is text in one of two forms, whichever is shorter:
//
//	"r" base64(uvarints: gap, length-1, gap, length-1, ...)
//	"b" base64(uvarint of the first sequence, then a bitmap from there, LSB first)
//
// A gap counts from the sequence after the run before (from 0 for the first run).
// Runs suit sparse sets, a bitmap the alternating ones that several workers make
// of one stream: 10,000 single holes are 20 kB of runs and 4 kB of bitmap.

// errCodec is wrapped by each error of decodeSet.
var errCodec = errors.New("set cannot be decoded")

func (s Set) encode() string {
	runs := s.encodeRuns()
	if first, last, ok := s.span(); ok && (last-first)/8+10 < uint64(len(runs)) {
		return "b" + base64.RawStdEncoding.EncodeToString(s.encodeBitmap(first, last))
	}
	return "r" + base64.RawStdEncoding.EncodeToString(runs)
}

func (s Set) span() (first, last uint64, ok bool) {
	first, ok = s.Min()
	last, _ = s.Max()
	return first, last, ok
}

func (s Set) encodeRuns() []byte {
	buf := make([]byte, 0, 4*len(s.runs))
	next := uint64(0)
	for _, r := range s.runs {
		buf = binary.AppendUvarint(buf, r.First-next)
		buf = binary.AppendUvarint(buf, r.Last-r.First)
		next = r.Last + 1
	}
	return buf
}

func (s Set) encodeBitmap(first, last uint64) []byte {
	buf := binary.AppendUvarint(nil, first)
	base := len(buf)
	buf = append(buf, make([]byte, (last-first)/8+1)...)
	for _, r := range s.runs {
		for seq := r.First; ; seq++ {
			buf[base+int((seq-first)/8)] |= 1 << ((seq - first) % 8)
			if seq == r.Last {
				break
			}
		}
	}
	return buf
}

// decodeSet is the reverse of encode. It allocates in proportion to the text.
func decodeSet(text string) (Set, error) {
	if text == "" {
		return Set{}, nil
	}
	raw, err := base64.RawStdEncoding.DecodeString(text[1:])
	if err != nil {
		return Set{}, fmt.Errorf("%w: %w", errCodec, err)
	}
	switch text[0] {
	case 'r':
		return decodeRuns(raw)
	case 'b':
		return decodeBitmap(raw)
	default:
		return Set{}, fmt.Errorf("%w: unknown form %q", errCodec, text[0])
	}
}

func decodeRuns(raw []byte) (Set, error) {
	var runs []Run
	next := uint64(0)
	for pos := 0; pos < len(raw); {
		gap, n := binary.Uvarint(raw[pos:])
		if n <= 0 {
			return Set{}, fmt.Errorf("%w: run %d is cut short", errCodec, len(runs))
		}
		pos += n
		length, n := binary.Uvarint(raw[pos:])
		if n <= 0 {
			return Set{}, fmt.Errorf("%w: run %d is cut short", errCodec, len(runs))
		}
		pos += n
		first, over1 := bits.Add64(next, gap, 0)
		last, over2 := bits.Add64(first, length, 0)
		// The last sequence of all is refused: the one after it could not be counted.
		if over1 != 0 || over2 != 0 || last == ^uint64(0) {
			return Set{}, fmt.Errorf("%w: run %d passes the end of the numbers", errCodec, len(runs))
		}
		if gap == 0 && len(runs) > 0 {
			return Set{}, fmt.Errorf("%w: runs %d and %d touch", errCodec, len(runs)-1, len(runs))
		}
		runs = append(runs, Run{first, last})
		next = last + 1
	}
	return Set{runs}, nil
}

func decodeBitmap(raw []byte) (Set, error) {
	first, n := binary.Uvarint(raw)
	if n <= 0 {
		return Set{}, fmt.Errorf("%w: bitmap has no start", errCodec)
	}
	raw = raw[n:]
	if first > ^uint64(0)-uint64(len(raw))*8-1 {
		return Set{}, fmt.Errorf("%w: bitmap passes the end of the numbers", errCodec)
	}
	var runs []Run
	for i, b := range raw {
		for ; b != 0; b &= b - 1 {
			seq := first + uint64(i)*8 + uint64(bits.TrailingZeros8(b))
			runs = appendRun(runs, Run{seq, seq})
		}
	}
	return Set{runs}, nil
}
