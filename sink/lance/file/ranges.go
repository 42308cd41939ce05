package file

import (
	"cmp"
	"slices"
)

// Range is a run of bytes of an object.
type Range struct {
	Offset uint64 `json:"offset"`
	Length uint64 `json:"length"`
}

// End is the offset after the last byte.
func (r Range) End() uint64 { return r.Offset + r.Length }

// Ranges returns the byte ranges that hold the rows [from, to) of some columns:
// what a cache fetches before these rows are read. Metadata is not among them.
// They ascend; those that a gap of at most gap bytes parts are one. A page is
// taken whole, because only its contents tell where rows lie in it, and all
// pages are of a column that counts items. Nil columns are all columns; those
// that the file has not are ignored.
func (l *Layout) Ranges(columns []int, from, to, gap uint64) []Range {
	var ranges []Range
	for i := range l.Columns {
		c := &l.Columns[i]
		if columns != nil && !slices.Contains(columns, i) {
			continue
		}
		before := len(ranges)
		for _, p := range c.Pages {
			if !c.Items && (p.FirstRow >= to || p.FirstRow+p.Rows <= from) {
				continue
			}
			for _, b := range p.Buffers {
				ranges = append(ranges, b.Range)
			}
		}
		if len(ranges) > before {
			ranges = append(ranges, c.Buffers...)
		}
	}
	return Coalesce(ranges, gap)
}

// Coalesce sorts ranges, in place, and joins those that overlap or that at most
// gap bytes part: fewer requests for some bytes too many. Empty ones are dropped.
func Coalesce(ranges []Range, gap uint64) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.Offset, b.Offset) })
	out := ranges[:0]
	for _, r := range ranges {
		if r.Length == 0 {
			continue
		}
		if n := len(out); n > 0 && (r.Offset <= out[n-1].End() || r.Offset-out[n-1].End() <= gap) {
			out[n-1].Length = max(out[n-1].End(), r.End()) - out[n-1].Offset
			continue
		}
		out = append(out, r)
	}
	return out
}
