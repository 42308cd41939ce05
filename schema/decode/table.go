package decode

import (
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/schema"
)

// Reset empties the batch and prepares it for a table with the given schema,
// nil if there is no table yet. Memory is used again where no record holds it,
// and what the last batch learned (sizes, the order of fields) is kept.
func (b *Batch) Reset(table *arrow.Schema) {
	last := b.root
	b.table, b.rows = table, &level{}
	b.root = &column{kind: structure, lv: b.rows, live: true}
	b.bits, b.born, b.named, b.unborn, b.spent = 0, 0, 0, 0, false
	b.log = b.log[:0]
	b.take(nil)
	if cap(b.scratch) > maxScratch {
		b.scratch = nil
	}
	if cap(b.keys.text) > maxScratch {
		b.keys = keyStack{}
	}
	if cap(b.binary) > maxScratch {
		b.binary = nil
	}
	if table == nil {
		b.addMeta(true)
	}
	whole, err := b.whole()
	if b.misfit = err; err != nil {
		whole = table // it stands as it is: nothing is appended
	}
	if whole != nil {
		for _, f := range whole.Fields() {
			if b.root.byName[f.Name] == nil { // the first of two columns of a name: no reader finds the second
				b.root.adopt(b.fromField(b.root, b.rows, f, 1))
			}
		}
	}
	if table != nil {
		b.addMeta(false)
	}
	b.root.settle(last)
	b.declared()
	b.root.needed = slices.DeleteFunc(b.root.needed, b.isMeta) // a payload cannot have them
}

const maxScratch = 1 << 20

// fromField makes a column of the table whose slots are those of lv. What lies
// deeper than a value may lie is foreign.
func (b *Batch) fromField(parent *column, lv *level, f arrow.Field, depth int) *column {
	c := &column{
		name: f.Name, parent: parent, lv: lv,
		typ: f.Type, meta: f.Metadata, required: !f.Nullable,
	}
	b.named++
	if depth > b.o.MaxDepth {
		c.kind = foreign
		return c
	}
	c.kind, c.width = kindOf(f.Type)
	if c.whole = parent.whole; c.whole == nil && f.Type.ID() == arrow.LARGE_LIST {
		c.whole = c
	}
	if name, _ := f.Metadata.GetValue("ARROW:extension:name"); name == storedJSON {
		c.kind = foreign
	}
	b.nest(c, depth)
	c.declare(f)
	if c.kind.hasOffsets() {
		c.offs = []int32{0}
	}
	return c
}

// storedJSON is the extension of binary columns that hold JSON in a binary form of
// Lance's own, which payloads do not have.
const storedJSON = "lance.json"

// nest makes the columns inside a column of the table.
func (b *Batch) nest(c *column, depth int) {
	switch t := c.typ.(type) {
	case *arrow.StructType:
		for _, child := range t.Fields() {
			if c.byName[child.Name] == nil {
				c.adopt(b.fromField(c, c.lv, child, depth+1))
			}
		}
	case *arrow.ListType:
		b.fromItem(c, t.ElemField(), depth)
	case *arrow.LargeListType:
		b.fromItem(c, t.ElemField(), depth)
	case *arrow.FixedSizeListType:
		c.dim = int(t.Len())
		b.fromItem(c, t.ElemField(), depth)
		if !c.item.hasWidth() {
			c.kind = foreign
		}
	case *arrow.DictionaryType:
		c.makeEntries(t)
	}
}

// hasWidth tells whether values of the column are of one width, so that a vector can
// hold them.
func (c *column) hasWidth() bool {
	switch c.kind {
	case boolean, signed, unsigned, floating, date, timestamp, fixed, vector:
		return true
	default:
		return false
	}
}

func (b *Batch) fromItem(c *column, f arrow.Field, depth int) {
	c.items = &level{}
	c.item = b.fromField(c, c.items, f, depth+1)
	b.named-- // the list is counted
	if c.item.kind == foreign {
		c.kind = foreign
	}
}

// kindOf returns the kind of a type of the table and the width of its values.
func kindOf(t arrow.DataType) (kind, int) {
	switch t.ID() {
	case arrow.BOOL:
		return boolean, 0
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.INT64:
		return signed, t.(arrow.FixedWidthDataType).BitWidth()
	case arrow.UINT8, arrow.UINT16, arrow.UINT32, arrow.UINT64:
		return unsigned, t.(arrow.FixedWidthDataType).BitWidth()
	case arrow.FLOAT32, arrow.FLOAT64:
		return floating, t.(arrow.FixedWidthDataType).BitWidth()
	case arrow.STRING, arrow.LARGE_STRING:
		return text, 0
	case arrow.BINARY, arrow.LARGE_BINARY:
		return binaries, 0
	case arrow.DATE32:
		return date, 32
	case arrow.TIMESTAMP:
		return timestamp, 64
	case arrow.FIXED_SIZE_LIST:
		return vector, 0
	case arrow.LIST, arrow.LARGE_LIST:
		return list, 0
	case arrow.STRUCT:
		return structure, 0
	case arrow.FLOAT16, arrow.DECIMAL128, arrow.DECIMAL256, arrow.FIXED_SIZE_BINARY,
		arrow.DATE64, arrow.TIME32, arrow.TIME64, arrow.DURATION:
		return fixed, t.(arrow.FixedWidthDataType).BitWidth()
	case arrow.DICTIONARY:
		if k, _ := kindOf(t.(*arrow.DictionaryType).ValueType); k == text || k == binaries || k == fixed || k == signed || k == unsigned || k == floating {
			return dictionary, 32
		}
		return foreign, 0
	default:
		return foreign, 0
	}
}

// settle prepares the children for reading: keys, predictions and memory. last
// is the same column of the last batch, or nil.
func (c *column) settle(last *column) {
	if last != nil {
		c.inherit(last)
	}
	if c.item != nil {
		var item *column
		if last != nil {
			item = last.item
		}
		c.item.settle(item)
	}
	for _, child := range c.children {
		if child.required || child.demanded {
			c.needed = append(c.needed, child)
		}
		if child.fallback != nil {
			c.defaults = append(c.defaults, child)
		}
		if c.nameOf(child.name) == child.name && (c.parent != nil || !isReserved(child.name)) {
			c.expect(child, child.name)
		}
		var was *column
		if last != nil {
			was = last.byName[child.name]
		}
		child.settle(was)
	}
	c.predict(last)
}

// predict links the fields in the order in which the last batch met them, or
// else in that of the table.
func (c *column) predict(last *column) {
	link := &c.first
	for _, child := range c.children {
		if c.parent == nil && isReserved(child.name) {
			continue
		}
		*link = child
		link = &child.next
	}
	if last == nil {
		return
	}
	follow := func(link **column, was *column) {
		if was != nil && c.byName[was.name] != nil {
			*link = c.byName[was.name]
		}
	}
	follow(&c.first, last.first)
	for _, child := range c.children {
		if was := last.byName[child.name]; was != nil {
			follow(&child.next, was.next)
		}
	}
}

func isReserved(name string) bool {
	return len(name) >= len(schema.Prefix) && name[:len(schema.Prefix)] == schema.Prefix
}
