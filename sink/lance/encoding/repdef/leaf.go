package repdef

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// Leaf is one column, or whole rows of it: its values and the levels that say
// where they sit. Leaves may share memory with the arrays and leaves they were
// made from; nobody may write to their levels or values.
type Leaf struct {
	// Values holds exactly the visible items, in order: null items and items
	// of null structs keep a slot, null and empty lists have none. Its own
	// validity bitmap means nothing; the levels tell which slots are null.
	Values arrow.Array
	// Rep and Def are the levels, one entry each: nil where MaxRep or MaxDef
	// of the layers is 0. Of no rows both may be nil.
	Rep, Def []uint16
	// Layers are the kinds of the nesting steps, innermost first.
	Layers []Layer
	// Rows is the number of top-level rows.
	Rows int
}

// Levels is the number of levels, stored or not. Without lists it is the
// number of rows.
func (l Leaf) Levels() int {
	if len(l.Rep) > 0 {
		return len(l.Rep)
	}
	return l.Rows
}

// Visible is the number of value slots that the levels in [from, to) have.
func (l Leaf) Visible(from, to int) int {
	maxVisible := MaxVisible(l.Layers)
	if len(l.Def) == 0 || maxVisible == MaxDef(l.Layers) {
		return to - from
	}
	return CountVisible(l.Def[from:to], maxVisible)
}

// CountVisible counts the definition levels that have a value slot.
func CountVisible(def []uint16, maxVisible uint16) int {
	n := 0
	for _, d := range def {
		if d <= maxVisible {
			n++
		}
	}
	return n
}

// Release gives up the reference to the values.
func (l Leaf) Release() {
	if l.Values != nil {
		l.Values.Release()
	}
}

// Slice is the rows [from, to) of a leaf; it shares the leaf's memory and
// holds its own reference to the values. The rows must exist and the leaf must
// be sound (made by Shred, Concat or Check). To cut a leaf into many parts use
// a Cursor, which does not start from the front each time.
func (l Leaf) Slice(from, to int) Leaf {
	c := NewCursor(l)
	c.Skip(from)
	return c.Next(to - from)
}

// Cursor cuts a leaf into parts of whole rows, front to back, in one pass over
// its levels. It is not safe for concurrent use.
type Cursor struct {
	leaf   Leaf
	maxRep uint16
	row    int // rows handed out
	level  int // levels handed out
	value  int // values handed out
}

// NewCursor is a cursor at the first row of a sound leaf. It borrows the leaf.
func NewCursor(l Leaf) *Cursor { return &Cursor{leaf: l, maxRep: MaxRep(l.Layers)} }

// Remaining is the number of rows not handed out yet.
func (c *Cursor) Remaining() int { return c.leaf.Rows - c.row }

// Skip passes over rows; at most Remaining.
func (c *Cursor) Skip(rows int) {
	level := c.after(rows)
	c.value += c.leaf.Visible(c.level, level)
	c.row, c.level = c.row+rows, level
}

// Next is a leaf of the next rows, at most Remaining. Its layers are the
// whole leaf's, even if the rows need less.
func (c *Cursor) Next(rows int) Leaf {
	level, value := c.level, c.value
	c.Skip(rows)
	part := Leaf{Layers: c.leaf.Layers, Rows: rows}
	if len(c.leaf.Rep) > 0 {
		part.Rep = c.leaf.Rep[level:c.level]
	}
	if len(c.leaf.Def) > 0 {
		part.Def = c.leaf.Def[level:c.level]
	}
	part.Values = array.NewSlice(c.leaf.Values, int64(value), int64(c.value))
	return part
}

// after is the level at which the rows after the next rows start.
func (c *Cursor) after(rows int) int {
	if len(c.leaf.Rep) == 0 {
		return c.level + rows
	}
	if rows == c.Remaining() {
		return len(c.leaf.Rep)
	}
	level := c.level
	for starts := 0; level < len(c.leaf.Rep); level++ {
		if c.leaf.Rep[level] != c.maxRep {
			continue
		}
		if starts == rows {
			break
		}
		starts++
	}
	return level
}
