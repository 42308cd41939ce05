package layout

import (
	"slices"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// Source is the buffers of a stored page, to be read in parts.
type Source interface {
	// Buffers is their number.
	Buffers() int
	// Size is the bytes of one of them.
	Size(buffer int) int
	// Read fills into with a part of one, as long as that and inside it.
	Read(buffer int, part block.Span, into []byte) error
}

// readGap is the most bytes between two parts that are read to save a read.
const readGap = 16 << 10

// whole reads one buffer.
func whole(src Source, buffer int) ([]byte, error) {
	data := make([]byte, src.Size(buffer))
	return data, src.Read(buffer, block.Span{To: len(data)}, data)
}

// pieces reads parts of a buffer, which must ascend, near ones together, and lends
// each to visit.
func pieces(src Source, buffer int, parts []block.Span, visit func(i int, piece []byte) error) error {
	var data []byte
	for i := 0; i < len(parts); {
		last := i
		for last+1 < len(parts) && parts[last+1].From-parts[last].To <= readGap {
			last++
		}
		together := block.Span{From: parts[i].From, To: parts[last].To}
		data = slices.Grow(data[:0], together.Len())[:together.Len()]
		if err := src.Read(buffer, together, data); err != nil {
			return err
		}
		for first := parts[i].From; i <= last; i++ {
			if err := visit(i, data[parts[i].From-first:parts[i].To-first]); err != nil {
				return err
			}
		}
	}
	return nil
}
