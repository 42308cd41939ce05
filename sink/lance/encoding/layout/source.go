package layout

import (
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// Source is the buffers of a stored page, to be read in parts.
type Source interface {
	// Buffers is their number.
	Buffers() int
	// Size is the bytes of one of them.
	Size(buffer int) int
	// Read is a part of one, which must lie inside it. It belongs to the caller.
	Read(buffer int, part block.Span) ([]byte, error)
}

// readGap is the most bytes between two parts that are read to save a read.
const readGap = 16 << 10

// whole reads one buffer.
func whole(src Source, buffer int) ([]byte, error) {
	return src.Read(buffer, block.Span{To: src.Size(buffer)})
}

// pieces reads parts of a buffer, which must ascend, near ones together, and hands
// each to visit.
func pieces(src Source, buffer int, parts []block.Span, visit func(i int, piece []byte) error) error {
	for i := 0; i < len(parts); {
		last := i
		for last+1 < len(parts) && parts[last+1].From-parts[last].To <= readGap {
			last++
		}
		data, err := src.Read(buffer, block.Span{From: parts[i].From, To: parts[last].To})
		if err != nil {
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
