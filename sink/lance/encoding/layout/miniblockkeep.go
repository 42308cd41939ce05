package layout

import (
	"fmt"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// keeper gathers the wanted rows of a mini-block page.
type keeper struct {
	reader  *miniBlockReader
	lists   uint16 // the repetition level that starts a row
	visible uint16
	out     content
	values  *block.Builder
	picks   []block.Span
	run     *block.Builder // the items of a run of chunks; nil before the first
}

// items keeps the wanted rows of a run of chunks that hold one item a row.
func (k *keeper) items(chunks []chunk, run chunkRun, data []byte) error {
	r, want := k.reader, run.want
	for i := run.from; i < run.to; i++ {
		c := chunks[i]
		k.picks = k.picks[:0]
		for len(want) > 0 && want[0].From < c.first+c.items {
			s := want[0]
			k.picks = append(k.picks, block.Span{From: max(s.From-c.first, 0), To: min(s.To-c.first, c.items)})
			if s.To > c.first+c.items {
				break // it goes on in the next chunk
			}
			want = want[1:]
		}
		r.out.def = r.out.def[:0]
		if err := r.pick(k.values, i, c, data[c.at-chunks[run.from].at:][:c.size], k.picks); err != nil {
			return err
		}
		if r.def == nil {
			continue
		}
		if len(r.out.def) != c.items {
			return corrupt.Errorf("", fmt.Sprintf("chunk %d", i), int64(c.at), "%d levels for %d items", len(r.out.def), c.items)
		}
		for _, s := range k.picks {
			k.out.def = append(k.out.def, r.out.def[s.From:s.To]...)
		}
	}
	return nil
}

// levels keeps the wanted rows of a run of chunks, of some levels each.
func (k *keeper) levels(chunks []chunk, run chunkRun, data []byte) error {
	r, first := k.reader, chunks[run.from]
	r.out.rep, r.out.def = r.out.rep[:0], r.out.def[:0]
	if k.run == nil {
		k.run = block.NewBuilder(k.values.Shape(), 0, len(data))
	}
	k.run.Reset()
	for i := run.from; i < run.to; i++ {
		c := chunks[i]
		if err := r.chunk(k.run, i, c, data[c.at-first.at:][:c.size]); err != nil {
			return err
		}
	}
	err := k.rows(first, run.want)
	if err == nil {
		err = k.values.AppendPicked(k.run.Block(), k.picks)
	}
	if err == nil && k.values.Bytes() > maxPageBytes {
		err = fmt.Errorf("the rows expand to more than %d bytes", maxPageBytes)
	}
	if err != nil {
		return located(err, fmt.Sprintf("chunk %d", run.from), int64(first.at))
	}
	return nil
}

// rows keeps the levels of the wanted rows and picks their items. The levels before
// the first row that starts in the run belong to the row before.
func (k *keeper) rows(first chunk, want []block.Span) error {
	r := k.reader
	in := r.out
	k.picks = k.picks[:0]
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
	if item != k.run.Items() {
		return fmt.Errorf("levels of %d items, but %d are there", item, k.run.Items())
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
