package layout

import (
	"encoding/binary"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// chunk is one chunk of a mini-block page.
type chunk struct {
	at    int // in the data buffer
	size  int // bytes
	items int
	first int  // the first row that has levels here
	rows  int  // how many rows have levels here
	mid   bool // the first of them began in the chunk before
}

// chunkRun is neighbouring chunks [from, to), and the rows wanted of them, which
// all begin and end there.
type chunkRun struct {
	from, to int
	want     []block.Span
}

// miniBlock reads the chunks that hold the wanted rows and keeps those rows.
func (p *some) miniBlock(l *lancepb.MiniBlockLayout) (content, error) {
	r := &miniBlockReader{layout: l, grammar: Grammar(l.GetHasLargeChunk())}
	bufs, err := p.sideBuffers(l)
	if err != nil {
		return content{}, err
	}
	if err := r.open(bufs, p.shape, p.expanders); err != nil {
		return content{}, err
	}
	chunks, err := r.table(bufs[0], p.src.Size(1))
	if err != nil {
		return content{}, err
	}
	if repdef.MaxRep(p.layers) > 0 {
		err = placeByIndex(chunks, bufs[len(bufs)-1], p.rows)
	} else {
		err = placeByItems(chunks, p.rows)
	}
	if err != nil {
		return content{}, err
	}
	return p.decode(r, chunks, p.runs(chunks))
}

// sideBuffers reads all buffers of a page but the chunks.
func (p *some) sideBuffers(l *lancepb.MiniBlockLayout) ([][]byte, error) {
	if err := checkBuffers(l, p.src.Buffers()); err != nil {
		return nil, err
	}
	bufs := make([][]byte, p.src.Buffers())
	for i := range bufs {
		if i == 1 {
			continue
		}
		var err error
		if bufs[i], err = whole(p.src, i); err != nil {
			return nil, err
		}
	}
	return bufs, nil
}

// placeByItems tells the rows of chunks that hold one item a row.
func placeByItems(chunks []chunk, rows int) error {
	at := 0
	for i := range chunks {
		chunks[i].first, chunks[i].rows = at, chunks[i].items
		at += chunks[i].items
	}
	if at != rows {
		return corrupt.Errorf("", "chunk metadata", -1, "%d items of %d rows", at, rows)
	}
	return nil
}

// placeByIndex tells the rows of chunks by the repetition index: two numbers a
// chunk, the rows that end in it and the levels of one that goes on.
func placeByIndex(chunks []chunk, index []byte, rows int) error {
	if len(index) != 16*len(chunks) {
		return corrupt.Errorf("", "repetition index", -1, "%d bytes for %d chunks", len(index), len(chunks))
	}
	at, mid := 0, false
	for i := range chunks {
		c := &chunks[i]
		ended, open := binary.LittleEndian.Uint64(index[16*i:]), binary.LittleEndian.Uint64(index[16*i+8:])
		if ended > uint64(rows-at) {
			return corrupt.Errorf("", "repetition index", int64(16*i), "%d more rows of %d", ended, rows-at)
		}
		c.first, c.rows, c.mid = at, int(ended), mid
		at += int(ended)
		if mid = open > 0; mid {
			c.rows++
		}
	}
	if at != rows || mid {
		return corrupt.Errorf("", "repetition index", -1, "%d rows of %d", at, rows)
	}
	return nil
}

// runs chooses the chunks that hold the wanted rows.
func (p *some) runs(chunks []chunk) []chunkRun {
	var runs []chunkRun
	at := 0
	for _, s := range p.want {
		for at < len(chunks)-1 && chunks[at].first+chunks[at].rows <= s.From {
			at++
		}
		to := at + 1
		for to < len(chunks) && chunks[to].first < s.To {
			to++
		}
		if n := len(runs); n > 0 && runs[n-1].to > at {
			runs[n-1].to = max(runs[n-1].to, to)
			runs[n-1].want = append(runs[n-1].want, s)
			continue
		}
		runs = append(runs, chunkRun{from: at, to: to, want: []block.Span{s}})
	}
	return runs
}

// decode reads the chunks of one run after the other and keeps what is wanted.
func (p *some) decode(r *miniBlockReader, chunks []chunk, runs []chunkRun) (content, error) {
	parts := make([]block.Span, len(runs))
	for i, run := range runs {
		last := chunks[run.to-1]
		parts[i] = block.Span{From: chunks[run.from].at, To: last.at + last.size}
	}
	k := keeper{
		reader: r, lists: repdef.MaxRep(p.layers), visible: repdef.MaxVisible(p.layers),
		values: block.NewBuilder(p.shape, block.Total(p.want), block.Total(parts)),
	}
	err := pieces(p.src, 1, parts, func(i int, piece []byte) error {
		if k.lists > 0 {
			return k.levels(chunks, runs[i], piece)
		}
		return k.items(chunks, runs[i], piece)
	})
	k.out.values = k.values.Block()
	return k.out, err
}
