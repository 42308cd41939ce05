package ledger

import (
	"fmt"
	"iter"
	"sort"
)

// Run is a closed interval of stream sequences, First <= Last.
type Run struct{ First, Last uint64 }

// Set is a set of stream sequences, held as disjoint, non-adjacent runs in
// ascending order. The zero value is empty. A Set is a value: no method changes
// it, so copies may be shared between goroutines.
type Set struct{ runs []Run }

// SetOf returns the set of the given sequences, in any order and with repeats.
func SetOf(seqs ...uint64) Set {
	sorted := seqs
	if !sort.SliceIsSorted(seqs, func(i, j int) bool { return seqs[i] < seqs[j] }) {
		sorted = append([]uint64(nil), seqs...)
		sort.Slice(sorted, func(i, j int) bool { return sorted[i] < sorted[j] })
	}
	var runs []Run
	for _, seq := range sorted {
		runs = appendRun(runs, Run{seq, seq})
	}
	return Set{runs}
}

// SetOfRuns returns the set of the given runs, which must ascend and may touch or overlap.
func SetOfRuns(runs ...Run) (Set, error) {
	var out []Run
	for i, r := range runs {
		if r.First > r.Last || (i > 0 && r.First < runs[i-1].First) {
			return Set{}, fmt.Errorf("run %d (%d-%d) is not in order", i, r.First, r.Last)
		}
		out = appendRun(out, r)
	}
	return Set{out}, nil
}

// appendRun adds r, which begins at or after the last run's first, and joins what touches.
func appendRun(runs []Run, r Run) []Run {
	if n := len(runs); n > 0 {
		last := &runs[n-1]
		if r.First <= last.Last || r.First == last.Last+1 {
			last.Last = max(last.Last, r.Last)
			return runs
		}
	}
	return append(runs, r)
}

// Has reports whether seq is in the set.
func (s Set) Has(seq uint64) bool {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].Last >= seq })
	return i < len(s.runs) && s.runs[i].First <= seq
}

// Touches reports whether seq is in the set or next to one of its runs, so that
// adding it would not make the set longer.
func (s Set) Touches(seq uint64) bool {
	return s.Has(seq) || (seq > 0 && s.Has(seq-1)) || (seq < ^uint64(0) && s.Has(seq+1))
}

// Empty reports whether nothing is in the set.
func (s Set) Empty() bool { return len(s.runs) == 0 }

// Len returns the number of sequences in the set.
func (s Set) Len() uint64 {
	var n uint64
	for _, r := range s.runs {
		n += r.Last - r.First + 1
	}
	return n
}

// RunCount returns the number of runs.
func (s Set) RunCount() int { return len(s.runs) }

// Runs yields the runs in ascending order.
func (s Set) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for _, r := range s.runs {
			if !yield(r) {
				return
			}
		}
	}
}

// Min returns the lowest sequence; false if the set is empty.
func (s Set) Min() (uint64, bool) {
	if s.Empty() {
		return 0, false
	}
	return s.runs[0].First, true
}

// Max returns the highest sequence; false if the set is empty.
func (s Set) Max() (uint64, bool) {
	if s.Empty() {
		return 0, false
	}
	return s.runs[len(s.runs)-1].Last, true
}

// Union returns what is in s, in o or in both.
func (s Set) Union(o Set) Set {
	switch {
	case s.Empty():
		return o
	case o.Empty():
		return s
	}
	runs := make([]Run, 0, len(s.runs)+len(o.runs))
	i, j := 0, 0
	for i < len(s.runs) || j < len(o.runs) {
		if j == len(o.runs) || (i < len(s.runs) && s.runs[i].First <= o.runs[j].First) {
			runs = appendRun(runs, s.runs[i])
			i++
		} else {
			runs = appendRun(runs, o.runs[j])
			j++
		}
	}
	return Set{runs}
}

// Minus returns what is in s and not in o.
func (s Set) Minus(o Set) Set {
	if s.Empty() || o.Empty() {
		return s
	}
	var runs []Run
	j := 0
	for _, r := range s.runs {
		for j < len(o.runs) && o.runs[j].Last < r.First {
			j++
		}
		rest, whole := r, true
		for k := j; k < len(o.runs) && o.runs[k].First <= rest.Last; k++ {
			if o.runs[k].First > rest.First {
				runs = append(runs, Run{rest.First, o.runs[k].First - 1})
			}
			if o.runs[k].Last >= rest.Last {
				whole = false
				break
			}
			rest.First = o.runs[k].Last + 1
		}
		if whole {
			runs = append(runs, rest)
		}
	}
	return Set{runs}
}

// Above returns what is in s and greater than floor.
func (s Set) Above(floor uint64) Set {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].Last > floor })
	if i == len(s.runs) {
		return Set{}
	}
	if s.runs[i].First > floor {
		return Set{s.runs[i:]}
	}
	runs := append([]Run(nil), s.runs[i:]...)
	runs[0].First = floor + 1
	return Set{runs}
}

// Between returns how many sequences of s lie in first..last.
func (s Set) Between(first, last uint64) uint64 {
	var n uint64
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].Last >= first })
	for ; i < len(s.runs) && s.runs[i].First <= last; i++ {
		n += min(s.runs[i].Last, last) - max(s.runs[i].First, first) + 1
	}
	return n
}

// String lists the first runs, for people.
func (s Set) String() string {
	const most = 8
	out := "{"
	for i, r := range s.runs {
		if i == most {
			return out + fmt.Sprintf(" and %d runs more}", len(s.runs)-most)
		}
		if i > 0 {
			out += " "
		}
		out += fmt.Sprintf("%d-%d", r.First, r.Last)
	}
	return out + "}"
}
