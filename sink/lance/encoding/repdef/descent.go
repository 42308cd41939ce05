package repdef

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// cause says why a level has no value: 0 if it has one, else which layer,
// counted from the outermost, is null or empty there. The outermost such
// layer wins. Unlike a definition level it does not depend on the layers
// below, so leaves under one parent share it.
type cause = uint16

func nullAt(layer int) cause    { return cause(2*layer + 1) }
func emptyAt(layer int) cause   { return cause(2*layer + 2) }
func layerOf(c cause) int       { return int(c-1) / 2 }
func isEmptyCause(c cause) bool { return c != 0 && c%2 == 0 }

// step is one layer passed on the way down, and what was seen there.
type step struct {
	list, null, empty bool
}

// descent is what is known on the way from the rows down to one array:
// the levels so far and which entries of the array they are about. It is a
// value; going through a layer makes a new one, and siblings share their
// parent's slices.
type descent struct {
	rows   int
	levels int
	// continued is per level the number of lists, from the outermost, that go
	// on in it: 0 starts a row. Nil before the first list.
	continued []uint16
	causes    []cause // per level; nil while every level has a value
	spans     spans   // the array's visible entries, one per visible level
	path      []step  // outermost first
	barrier   cause   // the largest cause that has no slot: that of the innermost list
}

// visible reports whether a level of that cause has a slot in the array.
func (d *descent) visible(c cause) bool { return c == 0 || c > d.barrier }

func (d *descent) cause(level int) cause {
	if d.causes == nil {
		return 0
	}
	return d.causes[level]
}

func (d *descent) continuedAt(level int) uint16 {
	if d.continued == nil {
		return 0
	}
	return d.continued[level]
}

// extend is the path with one more step; it never writes to the old path.
func (d *descent) extend(s step) []step {
	return append(d.path[:len(d.path):len(d.path)], s)
}

// throughItem passes the item layer of arr, a struct or a leaf.
func (d descent) throughItem(arr arrow.Array) descent {
	missing, some := nullsOf(arr)
	var causes []cause
	var used bool
	switch {
	case !some:
	case d.causes == nil:
		causes, used = d.firstNulls(missing)
	default:
		causes, used = d.moreNulls(missing)
	}
	if used {
		d.causes = causes
	}
	d.path = d.extend(step{null: used})
	return d
}

// firstNulls makes the causes where no level had one yet: every level has a
// slot.
func (d *descent) firstNulls(missing nulls) (causes []cause, used bool) {
	why := nullAt(len(d.path))
	causes = make([]cause, d.levels)
	level := 0
	for _, sp := range d.spans {
		for i := missing.next(sp.from, sp.to); i < sp.to; i = missing.next(i+1, sp.to) {
			causes[level+i-sp.from] = why
			used = true
		}
		level += sp.to - sp.from
	}
	return causes, used
}

// moreNulls adds to the causes there are; those of outer layers win.
func (d *descent) moreNulls(missing nulls) (causes []cause, used bool) {
	why := nullAt(len(d.path))
	causes = slices.Clone(d.causes)
	level := 0
	for _, sp := range d.spans {
		for i := sp.from; i < sp.to; i++ {
			for !d.visible(causes[level]) {
				level++
			}
			if causes[level] == 0 && missing.at(i) {
				causes[level] = why
				used = true
			}
			level++
		}
	}
	return causes, used
}

// throughList passes the list layer of arr, whose entries lie between
// neighbouring offsets.
func throughList[O int32 | int64](d descent, arr arrow.Array, offsets []O) descent {
	items := 0
	for _, sp := range d.spans {
		if sp.from < sp.to {
			items += int(offsets[sp.to] - offsets[sp.from])
		}
	}
	missing, _ := nullsOf(arr)
	g := listing{
		continued: make([]uint16, 0, d.levels+items),
		layer:     len(d.path),
		depth:     1,
	}
	for _, s := range d.path {
		if s.list {
			g.depth++
		}
	}
	level := 0
	for _, sp := range d.spans {
		for i := sp.from; i < sp.to; i, level = i+1, level+1 {
			level = g.hidden(&d, level)
			c, continued := d.cause(level), d.continuedAt(level)
			switch {
			case c != 0:
				g.single(continued, c)
			case missing.at(i):
				g.step.null = true
				g.single(continued, nullAt(g.layer))
			case offsets[i] == offsets[i+1]:
				g.step.empty = true
				g.single(continued, emptyAt(g.layer))
			default:
				g.items(continued, span{int(offsets[i]), int(offsets[i+1])})
			}
		}
	}
	g.hidden(&d, level)
	return g.below(d)
}

// listing makes the levels below a list layer.
type listing struct {
	continued []uint16
	causes    []cause
	spans     spans
	step      step
	layer     int    // the list's, from the outermost
	depth     uint16 // lists that go on in all items of an entry but the first
}

// hidden carries over the levels from here on that have no slot in the list
// array, and returns the next that has.
func (g *listing) hidden(d *descent, level int) int {
	for level < d.levels && !d.visible(d.cause(level)) {
		g.single(d.continuedAt(level), d.causes[level])
		level++
	}
	return level
}

// single adds a level without items.
func (g *listing) single(continued uint16, c cause) {
	if g.causes == nil {
		g.causes = make([]cause, cap(g.continued))
	}
	g.causes[len(g.continued)] = c
	g.continued = append(g.continued, continued)
}

// items adds the levels of an entry's items; there is at least one.
func (g *listing) items(continued uint16, items span) {
	g.continued = append(g.continued, continued)
	for range items.to - items.from - 1 {
		g.continued = append(g.continued, g.depth)
	}
	g.spans = g.spans.add(items)
}

// below is the descent d after the list.
func (g *listing) below(d descent) descent {
	g.step.list = true
	d.path = d.extend(g.step)
	d.levels = len(g.continued)
	d.continued = g.continued
	d.causes = nil
	if g.causes != nil {
		d.causes = g.causes[:d.levels]
	}
	d.spans = g.spans
	d.barrier = emptyAt(g.layer)
	return d
}

// layers is the path as the format tells it.
func (d *descent) layers() []Layer {
	layers := make([]Layer, 0, len(d.path))
	for i := len(d.path) - 1; i >= 0; i-- {
		layers = append(layers, makeLayer(d.path[i]))
	}
	return layers
}

// repLevels counts the lists from the other end.
func (d *descent) repLevels(layers []Layer) []uint16 {
	if d.continued == nil {
		return nil
	}
	top := MaxRep(layers)
	rep := make([]uint16, len(d.continued))
	for i, c := range d.continued {
		rep[i] = top - c
	}
	return rep
}

// defLevels numbers the causes from the leaf outward, as far as they occur.
func (d *descent) defLevels(layers []Layer) []uint16 {
	if d.causes == nil || MaxDef(layers) == 0 {
		return nil
	}
	levels := defOfCause(layers)
	same := true
	for c, def := range levels {
		same = same && (int(def) == c || def == 0)
	}
	if same { // a flat column: do not copy
		return d.causes
	}
	def := make([]uint16, len(d.causes))
	for i, c := range d.causes {
		def[i] = levels[c]
	}
	return def
}

// defOfCause maps each cause to its definition level; 0 for those that the
// layers cannot tell.
func defOfCause(layers []Layer) []uint16 {
	table := make([]uint16, 2*len(layers)+1)
	def := uint16(0)
	for i, l := range layers {
		outward := len(layers) - 1 - i
		if l.hasNull() {
			def++
			table[nullAt(outward)] = def
		}
		if l.hasEmpty() {
			def++
			table[emptyAt(outward)] = def
		}
	}
	return table
}

// causeOfDef is the reverse of defOfCause, with an entry for every level from
// 0 to MaxDef.
func causeOfDef(layers []Layer) []cause {
	table := make([]cause, int(MaxDef(layers))+1)
	for c, def := range defOfCause(layers) {
		if def != 0 {
			table[def] = cause(c)
		}
	}
	return table
}
