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
	items, largest := 0, 0
	for i, run := range runs {
		last := chunks[run.to-1]
		parts[i] = block.Span{From: chunks[run.from].at, To: last.at + last.size}
		largest = max(largest, parts[i].Len())
		for _, c := range chunks[run.from:run.to] {
			items = min(items+c.items, maxPageBytes)
		}
	}
	r.builder = block.NewBuilder(p.shape, items, largest)
	k := keeper{
		lists: repdef.MaxRep(p.layers), visible: repdef.MaxVisible(p.layers),
		values: block.NewBuilder(p.shape, block.Total(p.want), block.Total(parts)),
	}
	err := pieces(p.src, 1, parts, func(i int, piece []byte) error {
		run := runs[i]
		r.builder.Reset()
		r.out.rep, r.out.def = r.out.rep[:0], r.out.def[:0]
		first := chunks[run.from].at
		for n, c := range chunks[run.from:run.to] {
			if err := r.decode(run.from+n, c, piece[c.at-first:][:c.size]); err != nil {
				return err
			}
		}
		if err := k.keep(r, chunks[run.from], run.want); err != nil {
			return located(err, fmt.Sprintf("chunk %d", run.from), int64(first))
		}
		return nil
	})
	k.out.values = k.values.Block()
	return k.out, err
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

// keeper gathers the wanted rows of what was decoded.
type keeper struct {
	lists   uint16 // the repetition level that starts a row
	visible uint16
	out     content
	values  *block.Builder
	picks   []block.Span
}

// keep keeps the wanted rows of a run, whose first chunk is given.
func (k *keeper) keep(r *miniBlockReader, first chunk, want []block.Span) error {
	k.picks = k.picks[:0]
	items := r.builder.Items()
	var err error
	if k.lists > 0 {
		err = k.levels(r, first, want)
	} else {
		err = k.items(r, first, want)
	}
	if err != nil {
		return err
	}
	if n := len(k.picks); n > 0 && k.picks[n-1].To > items {
		return fmt.Errorf("rows to item %d of %d", k.picks[n-1].To, items)
	}
	if err := k.values.AppendPicked(r.builder.Block(), k.picks); err != nil {
		return err
	}
	if k.values.Bytes() > maxPageBytes {
		return fmt.Errorf("the rows expand to more than %d bytes", maxPageBytes)
	}
	return nil
}

// items keeps rows of one item each.
func (k *keeper) items(r *miniBlockReader, first chunk, want []block.Span) error {
	if r.def != nil && len(r.out.def) != r.builder.Items() {
		return fmt.Errorf("%d levels for %d items", len(r.out.def), r.builder.Items())
	}
	for _, s := range want {
		pick := block.Span{From: s.From - first.first, To: s.To - first.first}
		if pick.To > r.builder.Items() {
			return fmt.Errorf("rows to item %d of %d", pick.To, r.builder.Items())
		}
		k.picks = append(k.picks, pick)
		if r.def != nil {
			k.out.def = append(k.out.def, r.out.def[pick.From:pick.To]...)
		}
	}
	return nil
}

// levels keeps rows of some levels each. Those before the first row that starts
// here belong to the row before.
func (k *keeper) levels(r *miniBlockReader, first chunk, want []block.Span) error {
	in := r.out
	if r.rep == nil || r.def != nil && len(in.def) != len(in.rep) {
		return fmt.Errorf("%d repetition and %d definition levels", len(in.rep), len(in.def))
	}
	row, item := first.first, 0
	if !first.mid {
		row--
	}
	until := math.MinInt // the end of the span that the row is in
	for i, rep := range in.rep {
		if rep == k.lists {
			row++
			for len(want) > 0 && row >= want[0].To {
				want = want[1:]
			}
			until = math.MinInt
			if len(want) > 0 && row >= want[0].From {
				until = want[0].To
			}
		}
		visible := r.def == nil || in.def[i] <= k.visible
		if row < until {
			k.out.rep = append(k.out.rep, rep)
			if r.def != nil {
				k.out.def = append(k.out.def, in.def[i])
			}
			if visible {
				k.pick(item)
			}
		}
		if visible {
			item++
		}
	}
	if item != r.builder.Items() {
		return fmt.Errorf("levels of %d items, but %d are there", item, r.builder.Items())
	}
	return nil
}

func (k *keeper) pick(item int) {
	if n := len(k.picks); n > 0 && k.picks[n-1].To == item {
		k.picks[n-1].To++
		return
	}
	k.picks = append(k.picks, block.Span{From: item, To: item + 1})
}
