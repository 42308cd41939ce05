package layout

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// padByte fills the paddings inside a page; its value is free.
const padByte = 0xFE

// MiniBlock writes mini-block pages. It keeps its buffers between pages, so a
// page costs no allocation but its description. Not safe for concurrent use.
type MiniBlock struct {
	Grammar           Grammar // of the file version
	rep, def          compress.Levels
	spans             []span
	meta, data, index []byte
	raw               []byte
}

// Write lays out a leaf with at least one visible item. Values are the leaf's
// values; codec, unless nil, compresses each chunk if the page gets smaller by
// it. False says that the leaf does not fit the limits of one page and has to
// be cut into fewer rows, or into another layout.
func (m *MiniBlock) Write(leaf repdef.Leaf, values compress.Chunked, codec *compress.Codec) (Page, bool, error) {
	m.rep.Reset(leaf.Rep, repdef.MaxRep(leaf.Layers), m.Grammar == Wide)
	m.def.Reset(leaf.Def, repdef.MaxDef(leaf.Layers), m.Grammar == Wide)
	p := newPlanner(leaf, values, &m.rep, &m.def)
	var ok bool
	if m.spans, ok = p.plan(m.spans[:0]); !ok {
		return Page{}, false, nil
	}
	shrunk := false
	if codec != nil {
		var err error
		if shrunk, err = m.chunks(leaf, values, codec); err != nil {
			return Page{}, false, err
		}
	}
	if !shrunk {
		if _, err := m.chunks(leaf, values, nil); err != nil {
			return Page{}, false, err
		}
		codec = nil
	}
	return m.page(leaf, values, codec), true, nil
}

// page describes what chunks wrote.
func (m *MiniBlock) page(leaf repdef.Leaf, values compress.Chunked, codec *compress.Codec) Page {
	l := &lancepb.MiniBlockLayout{
		ValueCompression: values.Encoding(),
		Layers:           kinds(leaf.Layers),
		NumBuffers:       uint64(buffersOf(values)),
		NumItems:         uint64(leaf.Values.Len()),
		HasLargeChunk:    m.Grammar == Wide,
	}
	if codec != nil {
		l.ValueCompression = codec.Encoding(l.ValueCompression)
	}
	buffers := [][]byte{m.meta, m.data}
	if indexed, ok := values.(compress.Indexed); ok {
		d := indexed.Dictionary()
		l.Dictionary, l.NumDictionaryItems = d.Encoding, d.Items
		buffers = append(buffers, d.Buffer)
	}
	if leaf.Def != nil {
		l.DefCompression = m.def.Encoding()
	}
	if leaf.Rep != nil {
		l.RepCompression = m.rep.Encoding()
		l.RepetitionIndexDepth = 1
		m.index = appendRepIndex(m.index[:0], leaf, m.spans)
		buffers = append(buffers, m.index)
	}
	layout := &lancepb.PageLayout{Layout: &lancepb.PageLayout_MiniBlock{MiniBlock: l}}
	return Page{Layout: layout, Buffers: buffers}
}

// chunks writes all chunks and their words. With a codec it says whether that
// made the values smaller, and gives up early when the first chunk did not
// shrink.
func (m *MiniBlock) chunks(leaf repdef.Leaf, values compress.Chunked, codec *compress.Codec) (shrunk bool, err error) {
	m.meta, m.data = m.meta[:0], m.data[:0]
	plain, stored := 0, 0
	parted, _ := values.(compress.Parted)
	for i, s := range m.spans {
		start := len(m.data)
		sizes := m.header(leaf, s, buffersOf(values))
		at := len(m.data)
		if codec == nil {
			m.data = values.Append(m.data, s.item, s.items)
		} else {
			m.raw = values.Append(m.raw[:0], s.item, s.items)
			if m.data, err = codec.Append(m.data, m.raw); err != nil {
				return false, err
			}
			plain, stored = plain+len(m.raw), stored+len(m.data)-at
			if stored >= plain {
				return false, nil
			}
		}
		m.Grammar.put(m.data[sizes:], len(m.data)-at)
		m.data = pad(m.data)
		for part := 1; part < buffersOf(values); part++ {
			at = len(m.data)
			m.data = parted.AppendPart(m.data, part, s.item, s.items)
			m.Grammar.put(m.data[sizes+part*m.Grammar.width():], len(m.data)-at)
			m.data = pad(m.data)
		}
		size := len(m.data) - start
		if size > chunkBytes {
			return false, fmt.Errorf("a chunk of %d bytes passes the limit of %d", size, chunkBytes)
		}
		log := 0
		if i < len(m.spans)-1 {
			log = bits.Len(uint(s.items)) - 1
		}
		m.meta = m.Grammar.append(m.meta, (size/8-1)<<4|log)
	}
	return stored < plain, nil
}

// buffersOf is how many value buffers a chunk has.
func buffersOf(values compress.Chunked) int {
	if p, ok := values.(compress.Parted); ok {
		return p.Buffers()
	}
	return 1
}

// header writes the header and the levels of a chunk of so many value buffers,
// and returns where their sizes belong.
func (m *MiniBlock) header(leaf repdef.Leaf, s span, buffers int) (sizeAt int) {
	m.data = binary.LittleEndian.AppendUint16(m.data, uint16(s.levels))
	repAt := len(m.data)
	if leaf.Rep != nil {
		m.data = append(m.data, 0, 0)
	}
	defAt := len(m.data)
	if leaf.Def != nil {
		m.data = append(m.data, 0, 0)
	}
	sizeAt = len(m.data)
	m.data = pad(append(m.data, make([]byte, m.Grammar.width()*buffers)...))
	if leaf.Rep != nil {
		m.levels(&m.rep, leaf.Rep[s.level:s.level+s.levels], repAt)
	}
	if leaf.Def != nil {
		m.levels(&m.def, leaf.Def[s.level:s.level+s.levels], defAt)
	}
	return sizeAt
}

// levels writes the levels of a chunk, and their size where it belongs.
func (m *MiniBlock) levels(w *compress.Levels, levels []uint16, sizeAt int) {
	at := len(m.data)
	m.data = w.Append(m.data, levels)
	Narrow.put(m.data[sizeAt:], len(m.data)-at)
	m.data = pad(m.data)
}

// pad fills up to a multiple of 8. Chunks begin at such multiples, so the
// position in the buffer is as good as that in the chunk.
func pad(b []byte) []byte {
	for len(b)%8 != 0 {
		b = append(b, padByte)
	}
	return b
}

// appendRepIndex writes, per chunk, how many rows end in it and how many of
// its last levels belong to a row that goes on in the next chunk. Whether a
// chunk's tail is a whole row is known only at the start of the next chunk.
func appendRepIndex(dst []byte, leaf repdef.Leaf, spans []span) []byte {
	maxRep := repdef.MaxRep(leaf.Layers)
	base := len(dst)
	for i, s := range spans {
		rep := leaf.Rep[s.level : s.level+s.levels]
		rows, tail := 0, 0 // tail: where the last row that starts here begins
		for j := 1; j < len(rep); j++ {
			if rep[j] == maxRep {
				rows, tail = rows+1, j
			}
		}
		leftover := len(rep) - tail
		if i == len(spans)-1 {
			rows, leftover = rows+1, 0
		}
		if i > 0 && rep[0] == maxRep {
			prev := dst[base+(i-1)*16:]
			if binary.LittleEndian.Uint64(prev[8:]) != 0 {
				binary.LittleEndian.PutUint64(prev, binary.LittleEndian.Uint64(prev)+1)
				binary.LittleEndian.PutUint64(prev[8:], 0)
			}
		}
		dst = binary.LittleEndian.AppendUint64(dst, uint64(rows))
		dst = binary.LittleEndian.AppendUint64(dst, uint64(leftover))
	}
	return dst
}
