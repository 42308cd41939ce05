package layout

import (
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// maxPageBytes bounds what the values of one page may come to; pages of the
// reference stay below 64 MiB.
const maxPageBytes = 1 << 30

// content is what a page holds: levels and values.
type content struct {
	rep, def []uint16
	values   block.Block
}

// miniBlockReader reads the chunks of one page, front to back.
type miniBlockReader struct {
	layout   *lancepb.MiniBlockLayout
	grammar  Grammar
	values   compress.Decoder
	rep, def *compress.LevelDecoder // nil where the page stores none
	out      content
	bufs     [][]byte
	all      []block.Span // of the chunk that is read
}

// readMiniBlock is the content of a mini-block page. Damage is a
// *corrupt.Error whose section is the chunk.
func readMiniBlock(l *lancepb.MiniBlockLayout, bufs [][]byte, shape block.Shape, x *compress.Expanders) (content, error) {
	if err := checkBuffers(l, len(bufs)); err != nil {
		return content{}, err
	}
	r := &miniBlockReader{layout: l, grammar: Grammar(l.GetHasLargeChunk())}
	if err := r.open(bufs, shape, x); err != nil {
		return content{}, err
	}
	chunks, err := r.table(bufs[0], len(bufs[1]))
	if err != nil {
		return content{}, err
	}
	values := block.NewBuilder(shape, int(min(l.GetNumItems(), maxPageBytes)), len(bufs[1]))
	for i, c := range chunks {
		if err := r.chunk(values, i, c, bufs[1][c.at:c.at+c.size]); err != nil {
			return content{}, err
		}
	}
	r.out.values = values.Block()
	return r.out, nil
}

// open makes the decoders that the description asks for.
func (r *miniBlockReader) open(bufs [][]byte, shape block.Shape, x *compress.Expanders) (err error) {
	l := r.layout
	if l.GetDictionary() != nil {
		d := compress.Dictionary{Encoding: l.GetDictionary(), Items: l.GetNumDictionaryItems(), Buffer: bufs[2]}
		r.values, err = compress.OpenDictionary(l.GetValueCompression(), d, shape, x)
	} else {
		r.values, err = compress.Open(l.GetValueCompression(), shape, x)
	}
	if err != nil {
		return located(err, "value compression", -1)
	}
	if r.layout.GetNumBuffers() != uint64(r.values.Buffers()) {
		return corrupt.Errorf("", "mini-block page", -1, "%d value buffers per chunk instead of %d",
			r.layout.GetNumBuffers(), r.values.Buffers())
	}
	if e := r.layout.GetRepCompression(); e != nil {
		if r.rep, err = compress.OpenLevels(e, x); err != nil {
			return err
		}
	}
	if e := r.layout.GetDefCompression(); e != nil {
		if r.def, err = compress.OpenLevels(e, x); err != nil {
			return err
		}
	}
	return nil
}

// checkBuffers holds the number of a page's buffers against its description.
func checkBuffers(l *lancepb.MiniBlockLayout, n int) error {
	want := 2
	if l.GetDictionary() != nil {
		want++
	}
	if l.GetRepetitionIndexDepth() > 0 {
		want++
	}
	if n != want {
		return corrupt.Errorf("", "mini-block page", -1, "%d buffers instead of %d", n, want)
	}
	return nil
}

// table lists the chunks by the words of the metadata buffer: the low four bits
// are the logarithm of the items, 0 for the last chunk, which holds what remains;
// the rest is the size in units of 8 bytes, less one.
func (r *miniBlockReader) table(meta []byte, size int) ([]chunk, error) {
	width := r.grammar.width()
	if len(meta)%width != 0 {
		return nil, corrupt.Errorf("", "chunk metadata", -1, "%d bytes of words of %d", len(meta), width)
	}
	chunks := make([]chunk, len(meta)/width)
	remain := r.layout.GetNumItems()
	at := 0
	for i := range chunks {
		word := r.grammar.get(meta[width*i:])
		bytes, log := (int(word>>4)+1)*8, word&15
		if bytes > size-at {
			return nil, corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(at), "%d bytes, but the buffer has %d left", bytes, size-at)
		}
		n := uint64(1) << log
		if last := i == len(chunks)-1; last && log == 0 {
			n = remain
		} else if n > remain || log == 0 || last && n != remain {
			return nil, corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(at), "%d items, but the page has %d left", n, remain)
		}
		if n > maxPageBytes {
			return nil, corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(at), "%d items in one chunk", n)
		}
		chunks[i] = chunk{at: at, size: bytes, items: int(n)}
		remain -= n
		at += bytes
	}
	if remain != 0 {
		return nil, corrupt.Errorf("", "chunk metadata", -1, "%d items are in no chunk", remain)
	}
	return chunks, nil
}

// chunk reads one chunk by its place in the table.
func (r *miniBlockReader) chunk(dst *block.Builder, i int, c chunk, data []byte) error {
	r.all = append(r.all[:0], block.Span{To: c.items})
	return r.pick(dst, i, c, data, r.all)
}

// pick reads all levels but only the wanted items of a chunk.
func (r *miniBlockReader) pick(dst *block.Builder, i int, c chunk, data []byte, want []block.Span) error {
	err := r.split(data)
	if err == nil {
		err = r.values.Decode(dst, r.bufs, c.items, want)
	}
	if err != nil {
		return located(err, fmt.Sprintf("chunk %d", i), int64(c.at))
	}
	if dst.Bytes() > maxPageBytes {
		return corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(c.at), "the page expands to more than %d bytes", maxPageBytes)
	}
	return nil
}

// split reads the levels of a chunk and finds its value buffers.
func (r *miniBlockReader) split(data []byte) (err error) {
	s := splitter{data: data}
	levels := s.size(Narrow)
	repSize, defSize := 0, 0
	if r.rep != nil {
		repSize = s.size(Narrow)
	}
	if r.def != nil {
		defSize = s.size(Narrow)
	}
	sizes := make([]int, 0, 2)
	for range r.values.Buffers() {
		sizes = append(sizes, s.size(r.grammar))
	}
	s.align()
	if r.rep != nil {
		if r.out.rep, err = r.rep.Append(r.out.rep, s.take(repSize), levels); err != nil {
			return fmt.Errorf("repetition levels: %w", err)
		}
	}
	if r.def != nil {
		if r.out.def, err = r.def.Append(r.out.def, s.take(defSize), levels); err != nil {
			return fmt.Errorf("definition levels: %w", err)
		}
	}
	r.bufs = r.bufs[:0]
	for _, size := range sizes {
		r.bufs = append(r.bufs, s.take(size))
	}
	if s.short {
		return fmt.Errorf("its parts need more than its %d bytes", len(data))
	}
	return nil
}

// splitter cuts a chunk into its parts. Past the end it yields nothing and
// remembers that.
type splitter struct {
	data  []byte
	at    int
	short bool
}

// size reads a size of the width that a grammar gives it.
func (s *splitter) size(g Grammar) int {
	if len(s.data)-s.at < g.width() {
		s.short = true
		return 0
	}
	size := g.get(s.data[s.at:])
	s.at += g.width()
	return int(size)
}

// take is the next part, which is padded to 8 bytes.
func (s *splitter) take(size int) []byte {
	if size > len(s.data)-s.at {
		s.short = true
		return nil
	}
	part := s.data[s.at : s.at+size]
	s.at += size
	s.align()
	return part
}

func (s *splitter) align() { s.at = min((s.at+7)&^7, len(s.data)) }
