package decode

import "math"

// array reads the array that is next into column c, a list or a vector.
func (b *Batch) array(c *column, depth int) *Reject {
	if depth > b.o.MaxDepth {
		return b.tooDeep()
	}
	if c.kind == unborn {
		if rej := b.bearArray(c); rej != nil {
			return rej
		}
	}
	switch c.kind {
	case list:
		return b.list(c, depth)
	case vector:
		if c.item.isNumber() {
			return b.vectorOrList(c, depth)
		}
	default:
	}
	return misfit(c, "array")
}

func (b *Batch) bearArray(c *column) *Reject {
	dim, ok := b.looksLikeVector(c)
	if !ok {
		return b.bear(c, list, 0)
	}
	return b.bearVector(c, dim)
}

// bearVector makes a new column one of vectors of dim values.
func (b *Batch) bearVector(c *column, dim int) *Reject {
	if dim == 0 {
		return reject(ClassType, "field %s: a vector of no values", c.path())
	}
	if dim > b.o.MaxVector {
		return reject(ClassLimit, "field %s: a vector of %d values, the limit is %d", c.path(), dim, b.o.MaxVector)
	}
	if rej := b.bear(c, vector, 0); rej != nil {
		return rej
	}
	c.dim = dim
	return nil
}

func (b *Batch) list(c *column, depth int) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	b.i++
	b.space()
	if b.peek() == ']' {
		b.i++
		return c.closeList()
	}
	for {
		if rej := b.value(c.item, depth+1); rej != nil {
			return rej
		}
		if rej := b.endItem(c); rej != nil {
			return rej
		}
		b.space()
		switch b.peek() {
		case ',':
			b.i++
			b.space()
		case ']':
			b.i++
			return c.closeList()
		default:
			return b.unexpected()
		}
	}
}

// endItem ends an item of the list that is open.
func (b *Batch) endItem(c *column) *Reject {
	if c.item.required && c.item.n <= c.items.slots {
		return reject(ClassRequired, "field %s: the table does not allow null", c.item.path())
	}
	return b.finish(c.items)
}

// closeList ends the list of the slot that is open.
func (c *column) closeList() *Reject {
	if c.items.slots > math.MaxInt32 {
		return overflow("field %s: more than 2^31 items in one batch", c.path())
	}
	c.offs = append(c.offs, int32(c.items.slots))
	return nil
}

// vector reads an array of exactly c.dim numbers.
func (b *Batch) vector(c *column) *Reject {
	if rej := b.open(c); rej != nil {
		return rej
	}
	b.i++
	b.space()
	count := 0
	if b.peek() == ']' {
		b.i++
		return reject(ClassType, "field %s: a vector of no values does not fit %s", c.path(), c.typeName())
	}
	for {
		if rej := b.component(c, count); rej != nil {
			return rej
		}
		count++
		b.space()
		switch b.peek() {
		case ',':
			b.i++
			b.space()
		case ']':
			b.i++
			if count != c.dim {
				return otherLength(c, count)
			}
			return nil
		default:
			return b.unexpected()
		}
	}
}

// component reads one number of a vector. Vectors of floats take the nearest
// value to any number in their range.
func (b *Batch) component(c *column, count int) *Reject {
	switch ch := b.peek(); {
	case ch == '-' || '0' <= ch && ch <= '9':
	case ch == 'n':
		return misfit(c, "null inside a vector")
	case ch == '"' || ch == '{' || ch == '[' || ch == 't' || ch == 'f':
		return misfit(c, "array of anything but numbers")
	default:
		return b.unexpected()
	}
	if rej := b.number(); rej != nil {
		return rej
	}
	if count == c.dim {
		return misfit(c, "longer vector")
	}
	v, ok := b.num.component(c.item)
	if !ok {
		return misfit(c, b.num.what(c.item))
	}
	c.item.component(v)
	return nil
}

// component is bitsFor for vectors.
func (n *number) component(item *column) (uint64, bool) {
	if item.isHalf() {
		h, ok := n.nearest16()
		return uint64(h), ok
	}
	if item.kind != floating {
		return n.bitsFor(item)
	}
	if item.width == 32 {
		f, ok := n.nearest32()
		return uint64(math.Float32bits(f)), ok
	}
	f, ok := n.nearest64()
	return math.Float64bits(f), ok
}
