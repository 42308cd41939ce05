package layout

import (
	"encoding/binary"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// Grammar is what the pages of a file version may look like: how a mini-block
// page writes the words of its chunks and the sizes of their value buffers, and
// what a constant page may hold. Readers refuse the other one.
type Grammar bool

// The two grammars.
const (
	Narrow Grammar = false // 2.1: two bytes each; a constant page is all null
	Wide   Grammar = true  // from 2.2: four bytes each
)

// Check refuses, as the reference does, a page that is not of the grammar. The
// error is a *corrupt.Error. Encodings below the layout are not looked at: what
// no version knows is refused where it is met.
func (g Grammar) Check(l *lancepb.PageLayout) error {
	switch kind := l.GetLayout().(type) {
	case *lancepb.PageLayout_MiniBlock:
		if Grammar(kind.MiniBlock.GetHasLargeChunk()) != g {
			return corrupt.Errorf("", "mini-block page", -1, "chunk words of %d bytes, where the file version has %d",
				Grammar(kind.MiniBlock.GetHasLargeChunk()).width(), g.width())
		}
	case *lancepb.PageLayout_Constant:
		if g == Wide {
			return nil
		}
		if kind.Constant.InlineValue != nil {
			return corrupt.Errorf("", "constant page", -1, "a value, which the file version knows no page of")
		}
		if kind.Constant.GetRepCompression() != nil || kind.Constant.GetDefCompression() != nil {
			return corrupt.Errorf("", "constant page", -1, "compressed levels, which the file version does not know")
		}
	}
	return nil
}

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
