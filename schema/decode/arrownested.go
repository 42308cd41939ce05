package decode

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

func (b *Batch) arrowStruct(c *column, a *ipc.Array, sp span, in place) *Reject {
	c.pad(c.lv.slots)
	c.appendValid(in.present, sp)
	c.n += sp.n
	fields := a.Type.(*arrow.StructType).Fields()
	return b.arrowMembers(c, fields, a.Children, sp, in)
}

// itemSpan is which items value i of a list has.
func itemSpan(a *ipc.Array, i int) span {
	if t, ok := a.Type.(*arrow.FixedSizeListType); ok {
		return span{i * int(t.Len()), int(t.Len())}
	}
	from := a.Offset(i)
	return span{from, a.Offset(i+1) - from}
}

func itemField(t arrow.DataType) arrow.Field {
	return t.(arrow.ListLikeType).ElemField()
}

// arrowList appends lists. Items of lists that lie behind each other go in together;
// those of lists that are null are left out.
func (b *Batch) arrowList(c *column, a *ipc.Array, sp span, in place) *Reject {
	c.pad(c.lv.slots)
	present := in.present
	c.appendValid(present, sp)
	in.present = nil
	items, end := span{}, c.items.slots
	for i := sp.from; i < sp.from+sp.n; i++ {
		if present == nil || present[i>>3]>>(i&7)&1 != 0 {
			one := itemSpan(a, i)
			if one.from != items.from+items.n {
				if rej := b.arrowItems(c, a, items, in); rej != nil {
					return rej
				}
				items = span{one.from, 0}
			}
			items.n += one.n
			end += one.n
		}
		if end > math.MaxInt32 {
			return overflow("field %s: more than 2^31 items in one batch", c.path())
		}
		c.offs = append(c.offs, int32(end))
	}
	c.n += sp.n
	return b.arrowItems(c, a, items, in)
}

func (b *Batch) arrowItems(c *column, a *ipc.Array, sp span, in place) *Reject {
	if sp.n == 0 && c.item.kind != unborn {
		return nil
	}
	if rej := b.arrowColumn(c.item, itemField(a.Type), a.Children[0], sp, in); rej != nil {
		return rej
	}
	return b.finishSlots(c.items, sp.n)
}

// arrowVectorOrList appends to a column of vectors, or of what it becomes for lists of
// another length.
func (b *Batch) arrowVectorOrList(c *column, a *ipc.Array, sp span, in place) *Reject {
	for i := sp.from; c.listable && c.kind == vector && i < sp.from+sp.n; i++ {
		present := in.present == nil || in.present[i>>3]>>(i&7)&1 != 0
		if one := itemSpan(a, i); present && one.n != c.dim {
			if rej := b.toList(c, otherLength(c, one.n)); rej != nil {
				return rej
			}
			c.pad(c.lv.slots)
		}
	}
	if c.kind == list {
		return b.arrowList(c, a, sp, in)
	}
	return b.arrowVector(c, a, sp, in.present)
}

// arrowVector appends vectors, or lists that are all as long as the vectors.
func (b *Batch) arrowVector(c *column, a *ipc.Array, sp span, present []byte) *Reject {
	t, fixedSize := a.Type.(*arrow.FixedSizeListType)
	if fixedSize && int(t.Len()) == c.dim && present == nil {
		c.pad(c.lv.slots)
		if rej := b.vectorItems(c, a, span{sp.from * c.dim, sp.n * c.dim}); rej != nil {
			return rej
		}
		c.appendValid(nil, sp)
		c.n += sp.n
		return nil
	}
	lv, first := c.lv, c.lv.slots
	defer func() { lv.slots = first }()
	for i := range sp.n {
		at := sp.from + i
		if present != nil && present[at>>3]>>(at&7)&1 == 0 {
			continue
		}
		one := itemSpan(a, at)
		if one.n != c.dim {
			return otherLength(c, one.n)
		}
		lv.slots = first + i
		if rej := b.open(c); rej != nil {
			return rej
		}
		if rej := b.vectorItems(c, a, one); rej != nil {
			return rej
		}
	}
	return nil
}

// vectorItems appends items to a vector column, whose slots are accounted for.
func (b *Batch) vectorItems(c *column, a *ipc.Array, sp span) *Reject {
	items := a.Children[0]
	if c.item.required && nullsIn(items, items.Valid, sp) > 0 {
		return misfit(c, "null inside a vector")
	}
	switch {
	case c.item.kind == vector:
		inner, ok := items.Type.(*arrow.FixedSizeListType)
		if !ok || int(inner.Len()) != c.item.dim {
			return misfit(c, a.Type.String())
		}
		if rej := b.vectorItems(c.item, items, span{sp.from * c.item.dim, sp.n * c.item.dim}); rej != nil {
			return rej
		}
		c.item.appendValid(items.Valid, sp)
		c.item.n += sp.n
		return nil
	case !c.item.sameType(items.Type):
		return b.castItems(c, a, sp)
	default:
		c.item.copyFixed(items, sp, items.Valid)
		return nil
	}
}

// castItems is vectorItems for items of another type: each must be exact in that of
// the column.
func (b *Batch) castItems(c *column, a *ipc.Array, sp span) *Reject {
	items := a.Children[0]
	if !c.item.isNumber() || !arrow.IsInteger(items.Type.ID()) && !arrow.IsFloating(items.Type.ID()) {
		return misfit(c, a.Type.String())
	}
	for i := sp.from; i < sp.from+sp.n; i++ {
		if items.IsNull(i) {
			return misfit(c, "null inside a vector of "+items.Type.String())
		}
		f, isFloat := floatAt(items, i)
		switch {
		case isFloat && c.item.kind == floating:
			if c.item.width == 32 && float64(float32(f)) != f && f == f { //nolint:gocritic // NaN
				return misfit(c, "a "+items.Type.String()+" beyond the exact ones")
			}
			c.item.component(c.item.floatBits(f))
			continue
		case isFloat && (math.IsNaN(f) || math.IsInf(f, 0)):
			return misfit(c, "NaN or infinity")
		case isFloat:
			b.setFloat(f)
		default:
			b.setIntegerOf(items, i)
		}
		v, ok := b.num.bitsFor(c.item)
		if !ok {
			return misfit(c, b.num.what(c.item))
		}
		c.item.component(v)
	}
	return nil
}
