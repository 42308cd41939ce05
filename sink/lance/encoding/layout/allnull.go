package layout

import (
	"encoding/binary"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// AllNull reports whether no value of a leaf counts: every visible item is
// null, or there is none.
func AllNull(leaf repdef.Leaf) bool {
	if leaf.Values.Len() == 0 {
		return true
	}
	if leaf.Def == nil {
		return false
	}
	for _, d := range leaf.Def {
		if d == 0 {
			return false
		}
	}
	return true
}

// simple reports whether layers are those of a flat nullable leaf, whose
// all-null page needs no levels.
func simple(layers []repdef.Layer) bool {
	return len(layers) == 1 && layers[0] == repdef.NullableItem
}

// appendLevels adds levels as they are.
func appendLevels(dst []byte, levels []uint16) []byte {
	for _, l := range levels {
		dst = binary.LittleEndian.AppendUint16(dst, l)
	}
	return dst
}

// parseLevels reads raw levels.
func parseLevels(b []byte) []uint16 {
	if len(b) == 0 {
		return nil
	}
	levels := make([]uint16, len(b)/2)
	for i := range levels {
		levels[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return levels
}
