package deletion

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
)

const (
	cookiePlain = 12346 // no container has runs
	cookieRuns  = 12347
	offsetsFrom = 4    // containers from which a bitmap with runs has offsets
	arrayMost   = 4096 // numbers in an array container
	bitsetBytes = 8192
)

// container is one key of a bitmap.
type container struct {
	key  uint32
	size int // numbers
	runs bool
}

// roaring reads a bitmap front to back.
type roaring struct {
	data []byte
	at   int
}

// decodeRoaring reads a bitmap of exactly want numbers.
func decodeRoaring(data []byte, want uint64) ([]uint32, error) {
	r := &roaring{data: data}
	containers, err := r.header()
	if err != nil {
		return nil, r.damage(err)
	}
	total := uint64(0)
	for _, c := range containers {
		total += uint64(c.size)
	}
	if total != want {
		return nil, r.damage(fmt.Errorf("it holds %d numbers, the manifest says %d", total, want))
	}
	rows := make([]uint32, 0, total)
	for _, c := range containers {
		before := len(rows)
		if rows, err = r.container(rows, c); err != nil {
			return nil, r.damage(fmt.Errorf("container %d: %w", c.key, err))
		}
		if len(rows)-before != c.size {
			return nil, r.damage(fmt.Errorf("container %d holds %d numbers instead of %d", c.key, len(rows)-before, c.size))
		}
	}
	return rows, nil
}

func (r *roaring) damage(err error) error {
	return &corrupt.Error{Section: "bitmap", Offset: int64(r.at), Err: err}
}

// take is the next n bytes.
func (r *roaring) take(n int) ([]byte, error) {
	if n > len(r.data)-r.at {
		return nil, fmt.Errorf("%d bytes are due, %d are left", n, len(r.data)-r.at)
	}
	r.at += n
	return r.data[r.at-n : r.at], nil
}

// header reads what stands before the containers. There are at most 65,536 of them,
// and each takes 4 bytes here.
func (r *roaring) header() ([]container, error) {
	word, err := r.take(4)
	if err != nil {
		return nil, err
	}
	var n int
	var flags []byte
	switch cookie := binary.LittleEndian.Uint32(word); {
	case cookie == cookiePlain:
		if word, err = r.take(4); err != nil {
			return nil, err
		}
		if binary.LittleEndian.Uint32(word) > 1<<16 {
			return nil, fmt.Errorf("%d containers", binary.LittleEndian.Uint32(word))
		}
		n = int(binary.LittleEndian.Uint32(word))
	case cookie&0xFFFF == cookieRuns:
		n = int(cookie>>16) + 1
		if flags, err = r.take((n + 7) / 8); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("it begins with %d", cookie)
	}
	keys, err := r.take(4 * n)
	if err != nil {
		return nil, err
	}
	if flags == nil || n >= offsetsFrom {
		if _, err = r.take(4 * n); err != nil {
			return nil, err
		}
	}
	list := make([]container, n)
	for i := range list {
		list[i] = container{
			key:  uint32(binary.LittleEndian.Uint16(keys[4*i:])),
			size: int(binary.LittleEndian.Uint16(keys[4*i+2:])) + 1,
			runs: flags != nil && flags[i/8]>>(i%8)&1 != 0,
		}
	}
	return list, nil
}

// container appends the numbers of one container. That they ascend is checked with
// all of them.
func (r *roaring) container(rows []uint32, c container) ([]uint32, error) {
	high := c.key << 16
	switch {
	case c.runs:
		return r.runs(rows, c)
	case c.size <= arrayMost:
		low, err := r.take(2 * c.size)
		for i := 0; i < len(low); i += 2 {
			rows = append(rows, high|uint32(binary.LittleEndian.Uint16(low[i:])))
		}
		return rows, err
	}
	set, err := r.take(bitsetBytes)
	for i := 0; i < len(set); i += 8 {
		for word := binary.LittleEndian.Uint64(set[i:]); word != 0; word &= word - 1 {
			rows = append(rows, high|uint32(i*8+bits.TrailingZeros64(word)))
		}
	}
	return rows, err
}

func (r *roaring) runs(rows []uint32, c container) ([]uint32, error) {
	head, err := r.take(2)
	if err != nil {
		return nil, err
	}
	pairs, err := r.take(4 * int(binary.LittleEndian.Uint16(head)))
	if err != nil {
		return nil, err
	}
	left := c.size
	for i := 0; i < len(pairs); i += 4 {
		first, n := int(binary.LittleEndian.Uint16(pairs[i:])), int(binary.LittleEndian.Uint16(pairs[i+2:]))+1
		if n > left || first+n > 1<<16 {
			return nil, fmt.Errorf("a run of %d from %d", n, first)
		}
		left -= n
		for k := range n {
			rows = append(rows, c.key<<16|uint32(first+k))
		}
	}
	return rows, nil
}

// encodeRoaring is the bitmap of ascending rows, without runs.
func encodeRoaring(rows []uint32) []byte {
	var parts [][]uint32
	for from := 0; from < len(rows); {
		to := from
		for to < len(rows) && rows[to]>>16 == rows[from]>>16 {
			to++
		}
		parts = append(parts, rows[from:to])
		from = to
	}
	b := binary.LittleEndian.AppendUint32(nil, cookiePlain)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(parts)))
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint16(b, uint16(p[0]>>16))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p)-1))
	}
	at := len(b) + 4*len(parts)
	for _, p := range parts {
		b = binary.LittleEndian.AppendUint32(b, uint32(at))
		at += min(2*len(p), bitsetBytes)
	}
	for _, p := range parts {
		b = appendContainer(b, p)
	}
	return b
}

func appendContainer(b []byte, rows []uint32) []byte {
	if len(rows) <= arrayMost {
		for _, row := range rows {
			b = binary.LittleEndian.AppendUint16(b, uint16(row))
		}
		return b
	}
	var set [bitsetBytes]byte
	for _, row := range rows {
		set[row&0xFFFF/8] |= 1 << (row % 8)
	}
	return append(b, set[:]...)
}
