package layout

import (
	"encoding/binary"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// fullZip reads the wanted rows alone: their place follows from the width of a row,
// or stands in the index.
func (p *some) fullZip(l *lancepb.FullZipLayout) (content, error) {
	if n := p.src.Buffers(); n < 1 || n > 2 {
		return content{}, corrupt.Errorf("", "full-zip page", -1, "%d buffers", n)
	}
	var parts []block.Span
	var err error
	if p.src.Buffers() == 2 {
		parts, err = p.indexed()
	} else {
		parts, err = p.strided(l)
	}
	if err != nil {
		return content{}, err
	}
	size := block.Total(parts)
	r, err := newFullZipReader(l, p.layers, block.NewBuilder(p.shape, int(l.GetNumVisibleItems()), size), p.expanders)
	if err != nil {
		return content{}, err
	}
	err = pieces(p.src, 0, parts, func(i int, piece []byte) error {
		r.data, r.at = piece, 0
		for r.at < len(piece) {
			if err := r.level(); err != nil {
				return located(err, fmt.Sprintf("rows from %d on", p.want[i].From), int64(parts[i].From))
			}
		}
		return nil
	})
	r.out.values = r.builder.Block()
	return r.out, err
}

// strided is where the wanted rows lie if each has one item of a fixed width.
func (p *some) strided(l *lancepb.FullZipLayout) ([]block.Span, error) {
	if repdef.MaxRep(p.layers) > 0 || p.shape.Offsets > 0 {
		return nil, corrupt.Errorf("", "full-zip page", -1, "no index of its rows")
	}
	stride := controlBytes(int(l.GetBitsRep()+l.GetBitsDef())) + int(l.GetBitsPerValue()/8)
	if size := p.src.Size(0); stride < 1 || size/stride != p.rows || size%stride != 0 {
		return nil, corrupt.Errorf("", "full-zip page", -1, "%d bytes for %d rows of %d", size, p.rows, stride)
	}
	parts := make([]block.Span, len(p.want))
	for i, s := range p.want {
		parts[i] = block.Span{From: s.From * stride, To: s.To * stride}
	}
	return parts, nil
}

// indexed is where the wanted rows lie by the index: an offset for each row and
// one for the end, all as wide as the whole allows.
func (p *some) indexed() ([]block.Span, error) {
	size, end := p.src.Size(1), p.src.Size(0)
	width := size / (p.rows + 1)
	if size%(p.rows+1) != 0 || width != 1 && width != 2 && width != 4 && width != 8 {
		return nil, corrupt.Errorf("", "row index", -1, "%d bytes for %d rows", size, p.rows)
	}
	entries := make([]block.Span, len(p.want))
	for i, s := range p.want {
		entries[i] = block.Span{From: s.From * width, To: (s.To + 1) * width}
	}
	parts := make([]block.Span, len(p.want))
	err := pieces(p.src, 1, entries, func(i int, piece []byte) error {
		from, to := offset(piece[:width]), offset(piece[len(piece)-width:])
		if from > to || to > uint64(end) || i > 0 && from < uint64(parts[i-1].To) {
			return corrupt.Errorf("", "row index", int64(entries[i].From), "rows from %d to %d of %d bytes", from, to, end)
		}
		parts[i] = block.Span{From: int(from), To: int(to)}
		return nil
	})
	return parts, err
}

// offset is a number of up to 8 bytes.
func offset(b []byte) uint64 {
	var word [8]byte
	copy(word[:], b)
	return binary.LittleEndian.Uint64(word[:])
}
