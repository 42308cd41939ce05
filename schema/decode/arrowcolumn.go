package decode

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema/decode/ipc"
)

// maxMetadata is how many bytes of metadata the field of a new column takes over: they
// are in every manifest.
const maxMetadata = 4 << 10

// arrowColumn appends values of an array to column c.
func (b *Batch) arrowColumn(c *column, f arrow.Field, a *ipc.Array, sp span, in place) *Reject {
	if (c.required || c.demanded) && nullWherePresent(a, sp, in.present) {
		return reject(ClassRequired, "field %s: the table needs a value of %s", c.path(), c.typeName())
	}
	if a.Type.ID() == arrow.NULL {
		return nil
	}
	valid := both(a.Valid, in.present, sp)
	if c.kind == unborn {
		if rej := b.arrowBear(c, f, in); rej != nil {
			return rej
		}
		in.fresh = true
	} else if nullsIn(a, valid, sp) == sp.n {
		return nil // nothing is written: the slots stay null
	}
	if rej := b.enliven(c); rej != nil {
		return rej
	}
	if rej := b.room(c.lv, sp.n); rej != nil {
		return rej
	}
	in.depth++
	in.present = valid
	return b.arrowValues(c, f, a, sp, in)
}

// arrowValues appends values to a column that has a type. in.present says which of them
// are not null.
func (b *Batch) arrowValues(c *column, f arrow.Field, a *ipc.Array, sp span, in place) *Reject {
	id := a.Type.ID()
	switch {
	case c.keeps != keepsNothing:
		return b.arrowTexts(c, a, sp, in.present)
	case c.kind == structure && id == arrow.STRUCT:
		return b.arrowStruct(c, a, sp, in)
	case c.kind == list && (id == arrow.LIST || id == arrow.LARGE_LIST || id == arrow.FIXED_SIZE_LIST):
		return b.arrowList(c, a, sp, in)
	case c.kind == vector && (id == arrow.LIST || id == arrow.LARGE_LIST || id == arrow.FIXED_SIZE_LIST):
		return b.arrowVectorOrList(c, a, sp, in)
	case c.kind == dictionary && id == arrow.DICTIONARY:
		return b.arrowEntries(c, a, sp, in.present)
	case c.sameType(a.Type) && (c.kind == text || c.kind == binaries):
		return b.copyTexts(c, a, sp, in.present)
	case c.sameType(a.Type) && c.hasWidth() && c.kind != vector:
		c.pad(c.lv.slots)
		c.copyFixed(a, sp, in.present)
		return nil
	default:
		return b.arrowCells(c, a, sp, in.present)
	}
}

// sameType tells whether values of a type are stored in the column as they are.
func (c *column) sameType(t arrow.DataType) bool {
	switch {
	case c.kind == text:
		return t.ID() == arrow.STRING || t.ID() == arrow.LARGE_STRING
	case c.kind == binaries:
		return t.ID() == arrow.BINARY || t.ID() == arrow.LARGE_BINARY
	case c.typ != nil:
		return arrow.TypeEqual(c.typ, t)
	case c.kind == boolean || c.isNumber():
		return arrow.TypeEqual(c.flatType(), t)
	default:
		return false
	}
}

// arrowBear gives a column the type that a field has.
func (b *Batch) arrowBear(c *column, f arrow.Field, in place) *Reject {
	if rej := b.arrowHolds(c, f, in); rej != nil {
		return rej
	}
	k, width := kindOf(f.Type)
	if rej := b.bear(c, k, width); rej != nil {
		return rej
	}
	c.inferred, c.typ, c.meta = false, f.Type, kept(f.Metadata)
	switch t := f.Type.(type) {
	case *arrow.StructType:
		c.typ = nil // that of what comes
	case *arrow.DictionaryType:
		c.makeEntries(t)
	case *arrow.FixedSizeListType:
		return b.bearItems(c, t)
	case *arrow.ListType:
		c.item.name, c.item.meta = t.ElemField().Name, kept(t.ElemField().Metadata)
	case *arrow.LargeListType:
		c.item.name, c.item.meta = t.ElemField().Name, kept(t.ElemField().Metadata)
	default:
		if width > 8*b.o.MaxMessageBytes {
			return reject(ClassLimit, "field %s: values of %d bytes", c.path(), width/8)
		}
	}
	return nil
}

// arrowHolds tells whether there may be a new column of a field.
func (b *Batch) arrowHolds(c *column, f arrow.Field, in place) *Reject {
	k, _ := kindOf(f.Type)
	ext, _ := f.Metadata.GetValue("ARROW:extension:name")
	if k == foreign || strings.HasPrefix(ext, "lance.") {
		return reject(ClassType, "field %s: there are no columns of %s", c.path(), f.Type)
	}
	if (k == structure || k == list || k == vector) && in.depth+1 > b.o.MaxDepth {
		return reject(ClassLimit, "field %s: more than %d structs and lists inside each other", c.path(), b.o.MaxDepth)
	}
	size := 0
	md := kept(f.Metadata)
	for i, key := range md.Keys() {
		size += len(key) + len(md.Values()[i])
	}
	if size > maxMetadata {
		return reject(ClassLimit, "field %s: metadata of %d bytes, the limit is %d", c.path(), size, maxMetadata)
	}
	if b.o.Holds != nil && !in.fresh {
		f.Name, f.Nullable, f.Metadata = c.name, true, md
		if err := b.o.Holds(f); err != nil {
			return reject(ClassType, "field %s: the table cannot hold it: %v", c.path(), err)
		}
	}
	return nil
}

// bearItems makes the items of a new vector.
func (b *Batch) bearItems(c *column, t *arrow.FixedSizeListType) *Reject {
	elem := t.ElemField()
	c.dim = int(t.Len())
	c.item = &column{name: elem.Name, parent: c, typ: elem.Type, meta: kept(elem.Metadata)}
	c.item.kind, c.item.width = kindOf(elem.Type)
	if inner, ok := elem.Type.(*arrow.FixedSizeListType); ok {
		if rej := b.bearItems(c.item, inner); rej != nil {
			return rej
		}
	}
	switch {
	case !c.item.hasWidth():
		return reject(ClassType, "field %s: there are no columns of %s", c.path(), t)
	case c.dim > b.o.MaxVector:
		return reject(ClassLimit, "field %s: a vector of %d values, the limit is %d", c.path(), c.dim, b.o.MaxVector)
	case c.item.valueBits() > 8*b.o.MaxMessageBytes/c.dim:
		return reject(ClassLimit, "field %s: vectors of more than %d bytes", c.path(), b.o.MaxMessageBytes)
	}
	c.typ = arrow.FixedSizeListOfField(t.Len(), arrow.Field{Name: elem.Name, Type: c.item.typ, Nullable: true, Metadata: c.item.meta})
	return nil
}
