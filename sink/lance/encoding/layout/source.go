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

// allOf reads all buffers.
func allOf(src Source) ([][]byte, error) {
	bufs := make([][]byte, src.Buffers())
	for i := range bufs {
		var err error
		if bufs[i], err = whole(src, i); err != nil {
			return nil, err
		}
	}
	return bufs, nil
}

// withoutSource is a page without its buffer number without.
type withoutSource struct {
	Source
	without int
}

func (w withoutSource) Buffers() int { return w.Source.Buffers() - 1 }

func (w withoutSource) Size(buffer int) int { return w.Source.Size(w.place(buffer)) }

func (w withoutSource) Read(buffer int, part block.Span, into []byte) error {
	return w.Source.Read(w.place(buffer), part, into)
}

func (w withoutSource) place(buffer int) int {
	if buffer >= w.without {
		return buffer + 1
	}
	return buffer
}
