package layout

import (
	"math/bits"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

const (
	// chunkBytes is the most that a chunk may take: the size word has 12 bits,
	// in units of 8 bytes.
	chunkBytes = 32 << 10
	// valueRoom is what a chunk leaves for its value buffer before general
	// compression. Large chunks compress better; the rest is for levels.
	valueRoom = 27 << 10
	// MaxMiniBlockValue is the longest value of which a chunk holds the two it
	// must, beside their offsets.
	MaxMiniBlockValue = valueRoom/2 - 16
	// slack is what the header, paddings and a value buffer that grows under
	// general compression may take.
	slack = 384
	// levelRoom is what is left for levels, repetition and definition together.
	levelRoom = chunkBytes - valueRoom - slack
)

// span is one chunk of a page: which items and which levels it holds.
type span struct {
	item, items   int
	level, levels int
}

// planner cuts a leaf into chunks.
type planner struct {
	values     compress.Chunked
	items      int
	levels     int              // 0 when the page stores none
	def        []uint16         // nil when every level is visible
	visible    uint16           // largest definition level with a value slot
	reps, defs *compress.Levels // the writers of both kinds; nil where the page stores none
	room       int              // bytes of a chunk for each kind
}

// newPlanner takes the level writers after their Reset.
func newPlanner(leaf repdef.Leaf, values compress.Chunked, rep, def *compress.Levels) planner {
	p := planner{values: values, items: leaf.Values.Len(), room: levelRoom}
	if leaf.Rep != nil && leaf.Def != nil {
		p.room /= 2
	}
	if leaf.Rep != nil {
		p.levels, p.reps = len(leaf.Rep), rep
	}
	if leaf.Def != nil {
		p.levels, p.defs = len(leaf.Def), def
		p.visible = repdef.MaxVisible(leaf.Layers)
		if p.visible < repdef.MaxDef(leaf.Layers) {
			p.def = leaf.Def
		}
	}
	return p
}

// levelCap is the most levels of a chunk that starts at a level.
func (p *planner) levelCap(level int) int {
	most := 1<<16 - 1
	if p.reps != nil {
		most = min(most, p.reps.Fit(level, p.room))
	}
	if p.defs != nil {
		most = min(most, p.defs.Fit(level, p.room))
	}
	return most
}

// plan appends the chunks of the whole leaf; false if some chunk can not be
// kept within the limits, so that the page has to hold fewer rows.
func (p *planner) plan(spans []span) ([]span, bool) {
	for item, level := 0, 0; item < p.items; {
		s, ok := p.next(item, level)
		if !ok {
			return spans, false
		}
		spans = append(spans, s)
		item, level = item+s.items, level+s.levels
	}
	return spans, true
}

// next is the chunk that starts at an item and a level.
func (p *planner) next(item, level int) (span, bool) {
	remain := p.items - item
	n := p.round(p.values.Fit(item, remain, valueRoom), remain)
	levelCap := p.levelCap(level)
	for n >= 1 {
		levels, found := p.take(level, n, levelCap)
		if found < n {
			n = p.round(found, remain)
			continue
		}
		if n == remain {
			if levels = p.levels - level; levels > levelCap && p.levels > 0 {
				n = p.round(n-1, remain)
				continue
			}
		}
		return span{item: item, items: n, level: level, levels: levels}, true
	}
	return span{}, false
}

// round is how many items a chunk holds when n fit: all that remain, or a
// power of two not below the scheme's unit, or 0 if that is impossible.
func (p *planner) round(n, remain int) int {
	if n >= remain {
		return remain
	}
	if n < p.values.Unit() {
		return 0
	}
	return 1 << (bits.Len(uint(n)) - 1)
}

// take walks from a level on until n visible items are found or the chunk is
// full of levels, and returns the levels walked and the items found.
func (p *planner) take(level, n, levelCap int) (levels, found int) {
	if p.levels == 0 {
		return 0, n
	}
	if p.def == nil {
		n = min(n, levelCap)
		return n, n
	}
	def := p.def[level:min(level+levelCap, len(p.def))]
	for i, d := range def {
		if d > p.visible {
			continue
		}
		if found++; found == n {
			return i + 1, n
		}
	}
	return len(def), found
}
