package manifest

import (
	"errors"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Tables with stable row ids say in fields 5, 9 and 7 of every fragment which ids its
// rows have, deleted ones included, and in which version each was made and last changed:
//
//	row ids       1: segment*                       of consecutive rows
//	segment       1: range {1 first, 2 end}         others are not written here
//	row versions  1: {1: segment, 2: version}*      the segment is of places in the fragment

// giveRowIDs gives the rows of a new fragment ids that were never used.
func (m *Manifest) giveRowIDs(f *Fragment) error {
	if !m.StableRowIDs() {
		return nil
	}
	first := m.head.NextRowId
	if f.PhysicalRows > math.MaxUint64-first {
		return errors.New("row ids are used up")
	}
	m.head.NextRowId = first + f.PhysicalRows
	versions := message(1, rangeSegment(0, f.PhysicalRows))
	versions = protowire.AppendTag(versions, 2, protowire.VarintType)
	versions = message(1, protowire.AppendVarint(versions, m.Version()))
	f.rowFields = slices.Concat(message(5, message(1, rangeSegment(first, m.head.NextRowId))), message(7, versions), message(9, versions))
	return nil
}

// rangeSegment is the segment of the numbers from first up to end.
func rangeSegment(first, end uint64) []byte {
	var b []byte
	if first > 0 {
		b = protowire.AppendTag(b, 1, protowire.VarintType)
		b = protowire.AppendVarint(b, first)
	}
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	return message(1, protowire.AppendVarint(b, end))
}

// message is a message with one field that is a message.
func message(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}
