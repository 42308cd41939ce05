package layout

import (
	"encoding/binary"
	"fmt"
	"math"

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

// chunkRun is neighbouring chunks [from, to), and where their content begins among
// what was decoded.
type chunkRun struct {
	from, to      int
	want          []block.Span // rows
	level, item   int
	levels, items int
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
	runs := p.runs(chunks)
	if err := p.decode(r, chunks, runs); err != nil {
		return content{}, err
	}
	if repdef.MaxRep(p.layers) > 0 {
		return p.keepLevels(r, chunks, runs)
	}
	return p.keepItems(r, chunks, runs)
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
		if n := len(runs); n > 0 && runs[n-1].to >= at {
			runs[n-1].to = max(runs[n-1].to, to)
			runs[n-1].want = append(runs[n-1].want, s)
			continue
		}
		runs = append(runs, chunkRun{from: at, to: to, want: []block.Span{s}})
	}
	return runs
}

// decode reads the chunks of all runs, one behind the other.
func (p *some) decode(r *miniBlockReader, chunks []chunk, runs []chunkRun) error {
	parts := make([]block.Span, len(runs))
	items := 0
	for i, run := range runs {
		last := chunks[run.to-1]
		parts[i] = block.Span{From: chunks[run.from].at, To: last.at + last.size}
		for _, c := range chunks[run.from:run.to] {
			items = min(items+c.items, maxPageBytes)
		}
	}
	r.builder = block.NewBuilder(p.shape, items, block.Total(parts))
	return pieces(p.src, 1, parts, func(i int, piece []byte) error {
		run := &runs[i]
		run.level, run.item = max(len(r.out.rep), len(r.out.def)), r.builder.Items()
		first := chunks[run.from].at
		for k, c := range chunks[run.from:run.to] {
			if err := r.decode(run.from+k, c, piece[c.at-first:][:c.size]); err != nil {
				return err
			}
		}
		run.levels = max(len(r.out.rep), len(r.out.def)) - run.level
		run.items = r.builder.Items() - run.item
		return nil
	})
}

// decode reads one chunk by its place in the table.
func (r *miniBlockReader) decode(i int, c chunk, data []byte) error {
	if err := r.chunk(data, c.items); err != nil {
		return located(err, fmt.Sprintf("chunk %d", i), int64(c.at))
	}
	if r.builder.Bytes() > maxPageBytes {
		return corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(c.at), "the page expands to more than %d bytes", maxPageBytes)
	}
	return nil
}

// keepItems keeps the wanted rows where each has one item.
func (p *some) keepItems(r *miniBlockReader, chunks []chunk, runs []chunkRun) (content, error) {
	out := content{}
	picks := make([]block.Span, 0, len(p.want))
	for _, run := range runs {
		if r.def != nil && run.levels != run.items {
			return content{}, corrupt.Errorf("", fmt.Sprintf("chunk %d", run.from), -1, "%d levels for %d items", run.levels, run.items)
		}
		shift := run.item - chunks[run.from].first
		for _, s := range run.want {
			pick := block.Span{From: s.From + shift, To: s.To + shift}
			picks = append(picks, pick)
			if r.def != nil {
				out.def = append(out.def, r.out.def[pick.From:pick.To]...)
			}
		}
	}
	var err error
	out.values, err = block.Pick(r.builder.Block(), p.shape, picks)
	return out, err
}

// keepLevels keeps the wanted rows where each has some levels.
func (p *some) keepLevels(r *miniBlockReader, chunks []chunk, runs []chunkRun) (content, error) {
	if r.rep == nil {
		return content{}, corrupt.Errorf("", "mini-block page", -1, "lists without repetition levels")
	}
	if r.def != nil && len(r.out.def) != len(r.out.rep) {
		return content{}, corrupt.Errorf("", "mini-block page", -1, "%d repetition and %d definition levels", len(r.out.rep), len(r.out.def))
	}
	k := keeper{in: r.out, maxRep: repdef.MaxRep(p.layers), visible: repdef.MaxVisible(p.layers)}
	for _, run := range runs {
		first := chunks[run.from].first
		if !chunks[run.from].mid {
			first--
		}
		if items := k.run(run, first); items != run.items {
			return content{}, corrupt.Errorf("", fmt.Sprintf("chunk %d", run.from), -1, "levels of %d items, but %d are there", items, run.items)
		}
	}
	var err error
	k.out.values, err = block.Pick(r.builder.Block(), p.shape, k.picks)
	return k.out, err
}

// keeper copies the levels of wanted rows, and notes their items.
type keeper struct {
	in, out         content
	maxRep, visible uint16
	picks           []block.Span
}

// run goes over the levels of a run, whose first level belongs to row if it does
// not start a row. It returns how many items they have.
func (k *keeper) run(run chunkRun, row int) int {
	want, item := run.want, run.item
	until := math.MinInt // the end of the span that the row is in
	for i := run.level; i < run.level+run.levels; i++ {
		if k.in.rep[i] == k.maxRep {
			row++
			for len(want) > 0 && row >= want[0].To {
				want = want[1:]
			}
			until = math.MinInt
			if len(want) > 0 && row >= want[0].From {
				until = want[0].To
			}
		}
		visible := k.in.def == nil || k.in.def[i] <= k.visible
		if row < until {
			k.out.rep = append(k.out.rep, k.in.rep[i])
			if k.in.def != nil {
				k.out.def = append(k.out.def, k.in.def[i])
			}
			if visible {
				k.pick(item)
			}
		}
		if visible {
			item++
		}
	}
	return item - run.item
}

func (k *keeper) pick(item int) {
	if n := len(k.picks); n > 0 && k.picks[n-1].To == item {
		k.picks[n-1].To++
		return
	}
	k.picks = append(k.picks, block.Span{From: item, To: item + 1})
}
