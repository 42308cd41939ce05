package lance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sort"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// ErrNoRow is returned by Take and TakeAddresses for a row that is not there, or is
// deleted.
var ErrNoRow = errors.New("no such row")

// RowRange is the rows [From, To) of a table, in its order, deleted ones not counted.
type RowRange struct{ From, To uint64 }

// piece is the rows wanted of one fragment.
type piece struct {
	fragment *manifest.Fragment
	rows     []file.Span // by their place in its files
}

// wanted are the rows that options ask for: ascending, none empty.
func (o *ScanOptions) wanted(live uint64) ([]RowRange, error) {
	ranges := o.Ranges
	if ranges == nil {
		ranges = []RowRange{{0, live}}
	}
	skip, left := o.Offset, o.Limit
	if left == 0 {
		left = live
	}
	end := uint64(0)
	var out []RowRange
	for _, r := range ranges {
		if r.From > r.To || r.From < end {
			return nil, fmt.Errorf("rows %d to %d: ranges must ascend and may not overlap", r.From, r.To)
		}
		end = r.To
		r.To = min(r.To, live)
		r.From = min(r.From, r.To)
		skipped := min(skip, r.To-r.From)
		skip -= skipped
		r.From += skipped
		r.To = r.From + min(left, r.To-r.From)
		left -= r.To - r.From
		if r.From == r.To {
			continue
		}
		if n := len(out); n > 0 && out[n-1].To == r.From {
			out[n-1].To = r.To
			continue
		}
		out = append(out, r)
	}
	return out, nil
}

// pieces yields the fragments that hold some of the wanted rows, which ascend. Of
// other fragments nothing is read.
func (d *Dataset) pieces(ctx context.Context, want []RowRange) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		first := uint64(0)
		for i := 0; i < d.manifest.Fragments() && len(want) > 0; i++ {
			f, err := d.manifest.Fragment(i)
			if err != nil {
				yield(piece{}, err)
				return
			}
			end := first + f.PhysicalRows - f.DeletedRows
			var here []RowRange
			for len(want) > 0 && want[0].From < end {
				here = append(here, RowRange{max(want[0].From, first) - first, min(want[0].To, end) - first})
				if want[0].To > end {
					break
				}
				want = want[1:]
			}
			first = end
			if len(here) == 0 {
				continue
			}
			gone, err := d.table.deletedRows(ctx, f)
			if !yield(piece{fragment: f, rows: stored(here, gone)}, err) || err != nil {
				return
			}
		}
	}
}

// stored is where live rows of a fragment lie in its files, between the deleted ones.
func stored(live []RowRange, gone []uint32) []file.Span {
	var spans []file.Span
	for _, r := range live {
		// As many rows are deleted before r.From as have at most r.From live ones before them.
		k := sort.Search(len(gone), func(i int) bool { return uint64(gone[i])-uint64(i) > r.From })
		at, left := int(r.From)+k, int(r.To-r.From)
		for left > 0 {
			n := left
			if k < len(gone) {
				n = min(n, int(gone[k])-at)
			}
			if n > 0 {
				spans = appendSpan(spans, file.Span{From: at, To: at + n})
			}
			at, left, k = at+n+1, left-n, k+1
		}
	}
	return spans
}

// appendSpan adds a span behind others, to the last if it touches that.
func appendSpan(spans []file.Span, s file.Span) []file.Span {
	if n := len(spans); n > 0 && spans[n-1].To == s.From {
		spans[n-1].To = s.To
		return spans
	}
	return append(spans, s)
}
