package layout

import "encoding/binary"

// Grammar is how a mini-block page writes the words of its chunks and the sizes
// of their value buffers. The file version decides it, and readers refuse the
// other one.
type Grammar bool

// The two grammars.
const (
	Narrow Grammar = false // 2.1: two bytes each
	Wide   Grammar = true  // from 2.2: four bytes each
)

// width is the bytes of a word.
func (g Grammar) width() int {
	if g == Wide {
		return 4
	}
	return 2
}

func (g Grammar) append(dst []byte, word int) []byte {
	if g == Wide {
		return binary.LittleEndian.AppendUint32(dst, uint32(word))
	}
	return binary.LittleEndian.AppendUint16(dst, uint16(word))
}

func (g Grammar) put(dst []byte, word int) {
	if g == Wide {
		binary.LittleEndian.PutUint32(dst, uint32(word))
		return
	}
	binary.LittleEndian.PutUint16(dst, uint16(word))
}

// get reads a word from the front of b, which must hold one.
func (g Grammar) get(b []byte) uint32 {
	if g == Wide {
		return binary.LittleEndian.Uint32(b)
	}
	return uint32(binary.LittleEndian.Uint16(b))
}
