package decode

import (
	"encoding/binary"
	"math"
)

// packedKind is what a value of MessagePack is.
type packedKind uint8

const (
	packedNil packedKind = iota
	packedBool
	packedInt
	packedFloat
	packedStr
	packedBin
	packedTime
	packedMap
	packedArray
)

// packed is one value of MessagePack, or the head of a map or an array.
type packed struct {
	kind  packedKind
	yes   bool   // packedBool
	neg   bool   // packedInt
	nano  int32  // packedTime
	n     uint64 // packedInt: without its sign; packedFloat: its bits; packedTime: seconds since 1970
	size  int    // packedMap, packedArray: how many members; so many bytes at least are there
	bytes []byte // packedStr, packedBin: a part of the payload
}

func (t *packed) float() float64 { return math.Float64frombits(t.n) }

func isPackedArray(first byte) bool {
	return first&0xf0 == 0x90 || first == 0xdc || first == 0xdd
}

// packedNumberNext tells whether a number or nil is next.
func (b *Batch) packedNumberNext() bool {
	if b.i >= len(b.p) {
		return false
	}
	first := b.p[b.i]
	return first < 0x80 || first >= 0xe0 || first == 0xc0 || first >= 0xca && first <= 0xd3
}

// packed reads the value that is next. Of maps and arrays it reads the head only.
func (b *Batch) packed() (t packed, rej *Reject) {
	at := b.i
	if at >= len(b.p) {
		return t, b.packedEnd()
	}
	first := b.p[at]
	b.i++
	switch {
	case first < 0x80:
		return packed{kind: packedInt, n: uint64(first)}, nil
	case first >= 0xe0:
		return packed{kind: packedInt, neg: true, n: uint64(-int8(first))}, nil
	case first < 0x90:
		return b.packedHead(packedMap, int(first&0x0f))
	case first < 0xa0:
		return b.packedHead(packedArray, int(first&0x0f))
	case first < 0xc0:
		return b.packedBytes(packedStr, int(first&0x1f))
	}
	switch first {
	case 0xc0:
		return packed{kind: packedNil}, nil
	case 0xc2, 0xc3:
		return packed{kind: packedBool, yes: first == 0xc3}, nil
	case 0xca, 0xcb:
		return b.packedFloat(first)
	case 0xcc, 0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3:
		return b.packedInteger(first)
	case 0xc4, 0xc5, 0xc6:
		return b.packedSized(first-0xc4, packedBin)
	case 0xd9, 0xda, 0xdb:
		return b.packedSized(first-0xd9, packedStr)
	case 0xdc, 0xdd:
		return b.packedSized(first-0xdc+1, packedArray)
	case 0xde, 0xdf:
		return b.packedSized(first-0xde+1, packedMap)
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return b.packedExtension(1<<(first-0xd4), at)
	case 0xc7, 0xc8, 0xc9:
		n, ok := b.packedUint(first - 0xc7)
		if !ok {
			return t, b.packedEnd()
		}
		return b.packedExtension(int(n), at)
	default:
		return t, reject(ClassParse, "malformed msgpack at byte %d", at)
	}
}

func (b *Batch) packedEnd() *Reject {
	return reject(ClassParse, "msgpack ends too early, at byte %d", len(b.p))
}

// packedUint reads an unsigned integer of 1<<size bytes, at most 8.
func (b *Batch) packedUint(size byte) (uint64, bool) {
	width := 1 << size
	if len(b.p)-b.i < width {
		return 0, false
	}
	p := b.p[b.i:]
	b.i += width
	switch size {
	case 0:
		return uint64(p[0]), true
	case 1:
		return uint64(binary.BigEndian.Uint16(p)), true
	case 2:
		return uint64(binary.BigEndian.Uint32(p)), true
	default:
		return binary.BigEndian.Uint64(p), true
	}
}

// packedSized reads a length of 1<<size bytes and then what has that length.
func (b *Batch) packedSized(size byte, kind packedKind) (packed, *Reject) {
	n, ok := b.packedUint(size)
	if !ok {
		return packed{}, b.packedEnd()
	}
	if kind == packedMap || kind == packedArray {
		return b.packedHead(kind, int(n))
	}
	return b.packedBytes(kind, int(n))
}

func (b *Batch) packedHead(kind packedKind, size int) (packed, *Reject) {
	least := size // bytes: one for each value
	if kind == packedMap {
		least = 2 * size
	}
	if least > len(b.p)-b.i {
		return packed{}, b.packedEnd()
	}
	return packed{kind: kind, size: size}, nil
}

func (b *Batch) packedBytes(kind packedKind, n int) (packed, *Reject) {
	if n > len(b.p)-b.i {
		return packed{}, b.packedEnd()
	}
	t := packed{kind: kind, bytes: b.p[b.i : b.i+n]}
	b.i += n
	return t, nil
}

func (b *Batch) packedFloat(first byte) (packed, *Reject) {
	bits, ok := b.packedUint(first - 0xca + 2)
	if !ok {
		return packed{}, b.packedEnd()
	}
	if first == 0xca {
		bits = math.Float64bits(float64(math.Float32frombits(uint32(bits))))
	}
	return packed{kind: packedFloat, n: bits}, nil
}

func (b *Batch) packedInteger(first byte) (packed, *Reject) {
	size := (first - 0xcc) & 3
	n, ok := b.packedUint(size)
	if !ok {
		return packed{}, b.packedEnd()
	}
	t := packed{kind: packedInt, n: n}
	if unused := 64 - 8<<size; first >= 0xd0 && int64(n<<unused) < 0 {
		t.neg, t.n = true, -uint64(int64(n<<unused)>>unused)
	}
	return t, nil
}

// packedExtension reads an extension of n bytes. There is one: an instant, type -1.
//
//	4 bytes: seconds; 8: nanoseconds (30 bits), seconds (34); 12: nanoseconds (4 bytes), seconds
func (b *Batch) packedExtension(n, at int) (packed, *Reject) {
	const instant = 0xff
	if n >= len(b.p)-b.i {
		return packed{}, b.packedEnd()
	}
	typ, p := b.p[b.i], b.p[b.i+1:b.i+1+n]
	b.i += 1 + n
	if typ != instant {
		return packed{}, reject(ClassType, "msgpack extension %d at byte %d is not known", int8(typ), at)
	}
	var sec, nano uint64
	switch n {
	case 4:
		sec = uint64(binary.BigEndian.Uint32(p))
	case 8:
		v := binary.BigEndian.Uint64(p)
		nano, sec = v>>34, v&(1<<34-1)
	case 12:
		nano, sec = uint64(binary.BigEndian.Uint32(p)), binary.BigEndian.Uint64(p[4:])
	default:
		return packed{}, reject(ClassParse, "a msgpack timestamp of %d bytes, at byte %d", n, at)
	}
	if nano >= 1e9 {
		return packed{}, reject(ClassParse, "a msgpack timestamp with %d nanoseconds, at byte %d", nano, at)
	}
	return packed{kind: packedTime, n: sec, nano: int32(nano)}, nil
}
