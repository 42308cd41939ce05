package compress

import (
	"math/rand/v2"
	"testing"
)

// The expected words were made by another writer and read right by the
// reference.
func TestPackLanesGolden(t *testing.T) {
	var in64 [laneChunk]uint64
	var in32 [laneChunk]uint32
	var in16 [laneChunk]uint16
	for i := range laneChunk {
		in64[i], in32[i], in16[i] = uint64(i), uint32(i), uint16(i%8)
	}
	out64 := make([]uint64, 160)
	packLanes(out64, &in64, 10)
	expectWords(t, out64, map[int]uint64{
		0: 0x0a02006010020000, 1: 0x1a06016050120401, 16: 0x407014030040e030, 159: 0xfff7fbfe7f7fd7f3,
	})
	out32 := make([]uint32, 320)
	packLanes(out32, &in32, 10)
	expectWords(t, out32, map[int]uint32{0: 0x10020000, 1: 0x50120401, 32: 0x0a020060, 319: 0xfff7fbfe})
	out16 := make([]uint16, 192)
	packLanes(out16, &in16, 3)
	expectWords(t, out16, map[int]uint16{
		0: 0x0000, 1: 0x9249, 2: 0x2492, 3: 0xb6db, 4: 0x4924, 5: 0xdb6d, 6: 0x6db6, 7: 0xffff, 64: 0x0000, 65: 0x4924,
	})
}

func expectWords[T word](t *testing.T, got []T, want map[int]T) {
	t.Helper()
	for i, w := range want {
		if got[i] != w {
			t.Errorf("%d bit words: word %d is %#x instead of %#x", wordBits[T](), i, got[i], w)
		}
	}
}

func TestPackLanesReversesAtEveryWidth(t *testing.T) {
	testPackLanes[uint8](t)
	testPackLanes[uint16](t)
	testPackLanes[uint32](t)
	testPackLanes[uint64](t)
}

func testPackLanes[T word](t *testing.T) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	bits := wordBits[T]()
	for width := range bits + 1 {
		var in, out [laneChunk]T
		for i := range in {
			in[i] = T(rng.Uint64() & (1<<width - 1))
		}
		packed := make([]T, laneChunk*width/bits)
		packLanes(packed, &in, width)
		for i := range out {
			out[i] = ^T(0)
		}
		unpackLanes(&out, packed, width)
		if in != out {
			t.Errorf("%d bit words do not survive packing to %d bits", bits, width)
		}
	}
}
