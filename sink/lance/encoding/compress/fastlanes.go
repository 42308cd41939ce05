package compress

import "unsafe"

// word is an unsigned integer that bit packing works on.
type word interface {
	uint8 | uint16 | uint32 | uint64
}

// laneChunk is the number of values that are always packed together.
const laneChunk = 1024

// laneOrder is the order in which FastLanes takes groups of eight rows.
var laneOrder = [8]int{0, 4, 2, 6, 1, 5, 3, 7} //nolint:gochecknoglobals // a constant table

// wordBits is the size of a word in bits, T in the descriptions below.
func wordBits[T word]() int { return int(unsafe.Sizeof(T(0))) * 8 }

// rowStart is the position of a row's first value: the value of lane l in a
// row is at rowStart(row)+l.
func rowStart(row int) int { return laneOrder[row/8]*16 + row%8*128 }

// packLanes packs 1,024 values into 1,024*width/T words. T/width rows of
// 1024/T lanes share a word; bits of row r of any lane begin at bit r*width of
// that lane's words, which lie 1024/T apart. Values must fit into width bits.
func packLanes[T word](dst []T, src *[laneChunk]T, width int) {
	if width == 0 {
		return
	}
	bits := wordBits[T]()
	lanes := laneChunk / bits
	for row := range bits {
		in := src[rowStart(row):][:lanes]
		at, shift := row*width/bits, row*width%bits
		out := dst[at*lanes:][:lanes]
		if shift == 0 {
			copy(out, in)
			continue
		}
		for i, v := range in {
			out[i] |= v << shift
		}
		if shift+width > bits {
			next := dst[(at+1)*lanes:][:lanes]
			for i, v := range in {
				next[i] = v >> (bits - shift)
			}
		}
	}
}

// unpackLanes is the reverse of packLanes.
func unpackLanes[T word](dst *[laneChunk]T, src []T, width int) {
	if width == 0 {
		clear(dst[:])
		return
	}
	bits := wordBits[T]()
	lanes := laneChunk / bits
	mask := ^T(0) >> (bits - width)
	for row := range bits {
		out := dst[rowStart(row):][:lanes]
		at, shift := row*width/bits, row*width%bits
		in := src[at*lanes:][:lanes]
		if shift+width <= bits {
			for i, v := range in {
				out[i] = v >> shift & mask
			}
			continue
		}
		next := src[(at+1)*lanes:][:lanes]
		for i, v := range in {
			out[i] = (v>>shift | next[i]<<(bits-shift)) & mask
		}
	}
}

// asBytes is the memory of words as bytes; little endian.
func asBytes[T word](w []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*int(unsafe.Sizeof(T(0))))
}

// wordsOf is bytes as the words they are, without a copy where they are
// aligned.
func wordsOf[T word](data []byte) []T {
	if w, ok := aligned[T](data); ok {
		return w
	}
	w := make([]T, len(data)/int(unsafe.Sizeof(T(0))))
	copy(asBytes(w), data)
	return w
}

// aligned is the memory of bytes as words, if it begins where words may.
func aligned[T word](data []byte) ([]T, bool) {
	size := int(unsafe.Sizeof(T(0)))
	p := unsafe.Pointer(unsafe.SliceData(data))
	if uintptr(p)%uintptr(size) != 0 {
		return nil, false
	}
	return unsafe.Slice((*T)(p), len(data)/size), true
}

// union is the bits that any of the values has set.
func union[T word](values []T) T {
	var a, b, c, d T
	for len(values) >= 4 {
		a |= values[0]
		b |= values[1]
		c |= values[2]
		d |= values[3]
		values = values[4:]
	}
	for _, v := range values {
		a |= v
	}
	return a | b | c | d
}
