package repdef

import "math/bits"

// rung is one layer of a path rebuilt from the levels of one leaf: which of
// its entries are null, and for a list where their items start.
type rung struct {
	list     bool
	nullable bool
	valid    validity
	starts   []int32 // lists: one more than entries once closed
}

// same reports whether two leaves tell the same about a layer.
func (r *rung) same(o *rung) bool {
	if !r.valid.same(&o.valid) || len(r.starts) != len(o.starts) {
		return false
	}
	for i, s := range r.starts {
		if s != o.starts[i] {
			return false
		}
	}
	return true
}

// unravel rebuilds the layers of a checked leaf into rungs, which come
// outermost first, empty, and as many as the leaf has layers.
func unravel(l Leaf, rungs []rung) {
	maxRep := MaxRep(l.Layers)
	if maxRep == 0 {
		unravelItems(l, rungs)
		return
	}
	causes := causeOfDef(l.Layers)
	resume := make([]int, 1, int(maxRep)+1) // per list continued: the rung to go on with
	for i := range rungs {
		if rungs[i].list {
			resume = append(resume, i+1)
		}
	}
	for i := 0; i < len(l.Rep); i++ {
		if run := presentRun(l, i); run > 0 {
			for j := resume[maxRep]; j < len(rungs); j++ {
				rungs[j].valid.addRun(run)
			}
			i += run - 1
			continue
		}
		why := cause(0)
		if len(l.Def) > 0 {
			why = causes[l.Def[i]]
		}
		enter(rungs, resume[maxRep-l.Rep[i]], why)
	}
	for i := range rungs {
		if rungs[i].list {
			rungs[i].starts = append(rungs[i].starts, int32(rungs[i+1].valid.n))
		}
	}
}

// presentRun is how many levels from i on are present further items of one
// innermost list: most levels of long lists.
func presentRun(l Leaf, i int) int {
	end := i
	for end < len(l.Rep) && l.Rep[end] == 0 && (len(l.Def) == 0 || l.Def[end] == 0) {
		end++
	}
	return end - i
}

// enter adds one level to the rungs from first inward, up to a list that has
// no item.
func enter(rungs []rung, first int, why cause) {
	for j := first; j < len(rungs); j++ {
		r := &rungs[j]
		missing := why != 0 && layerOf(why) <= j
		null := missing && !(layerOf(why) == j && isEmptyCause(why))
		r.valid.add(!null || !r.nullable)
		if r.list {
			r.starts = append(r.starts, int32(rungs[j+1].valid.n))
			if missing {
				return
			}
		}
	}
}

// unravelItems is unravel for a leaf under structs alone: every row has one
// entry in every layer.
func unravelItems(l Leaf, rungs []rung) {
	if len(l.Def) == 0 {
		for j := range rungs {
			rungs[j].valid.n = l.Rows
		}
		return
	}
	causes := causeOfDef(l.Layers)
	for j := range rungs {
		valid := &rungs[j].valid
		if !rungs[j].nullable {
			valid.n = l.Rows
			continue
		}
		// A layer is null from the level that tells its own null upward: the
		// levels above are of layers further out.
		from := len(causes)
		for def := len(causes) - 1; def > 0 && layerOf(causes[def]) <= j; def-- {
			from = def
		}
		valid.fill(l.Def, uint16(from))
	}
}

// validity grows a bitmap, 1 for valid. It takes no memory until the first
// null.
type validity struct {
	bitmap []byte
	n      int // entries
	nulls  int
}

// add appends an entry.
func (v *validity) add(valid bool) {
	if !valid && v.bitmap == nil {
		v.begin(0)
	}
	if v.bitmap != nil {
		if v.n&7 == 0 {
			v.bitmap = append(v.bitmap, 0)
		}
		if valid {
			v.bitmap[v.n>>3] |= 1 << (v.n & 7)
		}
	}
	if !valid {
		v.nulls++
	}
	v.n++
}

// addRun appends valid entries.
func (v *validity) addRun(n int) {
	if v.bitmap == nil {
		v.n += n
		return
	}
	for range n {
		v.add(true)
	}
}

// begin makes the bitmap of the valid entries so far, with room for more.
func (v *validity) begin(more int) {
	v.bitmap = make([]byte, (v.n+7)/8, (v.n+more+7)/8+8)
	for i := range v.n / 8 {
		v.bitmap[i] = 0xff
	}
	if rest := v.n & 7; rest != 0 {
		v.bitmap[v.n>>3] = 1<<rest - 1
	}
}

// fill makes the entries of all levels, null where they reach from.
func (v *validity) fill(def []uint16, from uint16) {
	v.n = len(def)
	v.bitmap = make([]byte, (len(def)+7)/8)
	for i := range v.bitmap {
		v.bitmap[i] = below(def[8*i:min(8*i+8, len(def))], from)
	}
	valid := 0
	for _, b := range v.bitmap {
		valid += bits.OnesCount8(b)
	}
	if v.nulls = v.n - valid; v.nulls == 0 {
		v.bitmap = nil
	}
}

// below has a bit for each of up to eight levels: set if the level is below a limit.
func below(def []uint16, limit uint16) (set byte) {
	for i, d := range def {
		set |= byte((uint32(d)-uint32(limit))>>31) << i
	}
	return set
}

// same reports whether two have the same entries.
func (v *validity) same(o *validity) bool {
	if v.n != o.n || v.nulls != o.nulls {
		return false
	}
	for i, b := range v.bitmap {
		if b != o.bitmap[i] {
			return false
		}
	}
	return true
}

// at makes the bitmap for an array whose data starts at an offset: its first
// bits are of no entry. It is nil if no entry is null.
func (v *validity) at(offset int) []byte {
	if v.nulls == 0 {
		return nil
	}
	if offset == 0 {
		return v.bitmap
	}
	shifted := make([]byte, (offset+v.n+7)/8)
	for i := range v.n {
		bit := v.bitmap[i>>3] >> (i & 7) & 1
		shifted[(offset+i)>>3] |= bit << ((offset + i) & 7)
	}
	return shifted
}
