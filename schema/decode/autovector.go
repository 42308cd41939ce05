package decode

import (
	"encoding/binary"
	"math"
)

// From so many values of one length, at least so long, a list of floats is a vector,
// where a declaration says vectors: auto. Fewer may be anything, and coordinates and
// histograms are short.
const (
	minVectors   = 100
	minVectorDim = 16
)

// findVectors makes vectors of the new lists inside a struct that look like some. It is
// decided once for a batch, by all its rows.
func (c *column) findVectors() {
	for _, child := range c.children {
		switch {
		case child.kind == structure:
			child.findVectors()
		case child.kind == list && child.inferred:
			if dim, ok := child.vectorDim(); ok {
				child.becomeVector(dim)
			}
		}
	}
}

// vectorDim tells whether a list of floats has only vectors, and of how many values.
func (c *column) vectorDim() (dim int, ok bool) {
	if c.item.kind != floating || c.item.width != 64 || c.item.nullCount() > 0 {
		return 0, false
	}
	count := 0
	for i := range c.n {
		if !c.holds(i) {
			continue
		}
		n := int(c.offs[i+1] - c.offs[i])
		if count++; dim == 0 {
			dim = n
		}
		if n != dim || n < minVectorDim {
			return 0, false
		}
	}
	if count < minVectors {
		return 0, false
	}
	fraction := false
	for _, bits := range c.item.words {
		f := math.Float64frombits(bits)
		if math.Abs(f) > math.MaxFloat32 {
			return 0, false
		}
		fraction = fraction || f != math.Trunc(f)
	}
	return dim, fraction
}

// holds tells whether slot i, which was written, is not null.
func (c *column) holds(i int) bool { return c.valid == nil || c.valid[i>>3]&(1<<(i&7)) != 0 }

// nullCount is the number of nulls among the slots of the level.
func (c *column) nullCount() int {
	c.pad(c.lv.slots)
	_, nulls := c.validity(c.n)
	return nulls
}

// becomeVector makes vectors of the lists, all of which have dim values.
func (c *column) becomeVector(dim int) {
	buf := make([]byte, 0, 4*dim*c.n)
	for i := range c.n {
		if !c.holds(i) {
			buf = append(buf, make([]byte, 4*dim)...)
			continue
		}
		for _, bits := range c.item.words[c.offs[i]:c.offs[i+1]] {
			buf = binary.NativeEndian.AppendUint32(buf, math.Float32bits(float32(math.Float64frombits(bits))))
		}
	}
	c.kind, c.dim, c.offs, c.items = vector, dim, nil, nil
	c.item = &column{parent: c, kind: floating, width: 32, buf: buf, n: c.n * dim}
}
