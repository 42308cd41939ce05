package decode

import (
	"math/bits"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// Record hands the rows over as an Arrow record, which owns its memory and need
// not be released. The batch is spent until Reset.
//
// The columns are those of the table in its order, then new ones by first
// appearance, the metadata columns before others. A nullable column without any
// value is left out; so is a field of which no type is known: only nulls, empty
// lists or empty objects were seen. A struct of the table has all its fields,
// new ones behind. New columns are nullable, except schema.Seq, schema.Time and
// schema.Subject in a new table.
func (b *Batch) Record() (arrow.Record, error) {
	if b.spent {
		return nil, errSpent
	}
	b.spent = true
	b.take(nil)
	if b.o.Declared != nil && b.o.Declared.AutoVectors {
		b.root.findVectors()
	}
	var fields []arrow.Field
	var columns []arrow.Array
	for _, c := range b.root.children {
		if c.always && c.kind == foreign {
			columns = append(columns, c.nulls(b.rows.slots))
			fields = append(fields, c.field(c.typ))
			continue
		}
		if c.kind == foreign || !c.live && !c.required || !c.writable() {
			continue
		}
		data := c.data(b.rows.slots)
		columns = append(columns, array.MakeFromData(data))
		fields = append(fields, c.field(data.DataType()))
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), columns, int64(b.rows.slots)), nil
}

// writable tells whether the type of the column is known to the last leaf.
func (c *column) writable() bool {
	switch c.kind {
	case unborn, foreign:
		return false
	case list:
		return c.item.writable()
	case structure:
		for _, child := range c.children {
			if child.writable() {
				return true
			}
		}
		return false
	default:
		return true
	}
}

func (c *column) field(t arrow.DataType) arrow.Field {
	return arrow.Field{Name: c.name, Type: t, Nullable: !c.required, Metadata: c.meta}
}

// data takes the values of the column, of which there are n slots, as Arrow
// data, and leaves the column without memory.
func (c *column) data(n int) arrow.ArrayData {
	c.pad(n)
	c.hint = hint{words: len(c.words), buf: len(c.buf), offs: len(c.offs)}
	valid, nulls := c.validity(n)
	var out arrow.ArrayData
	switch c.kind {
	case structure:
		out = c.structData(n, valid, nulls)
	case list:
		item := c.item.data(c.items.slots)
		out = array.NewData(c.listType(item.DataType()), n, []*memory.Buffer{valid, c.ends()}, []arrow.ArrayData{item}, nulls, 0)
	case vector:
		item := c.item.data(n * c.dim)
		out = array.NewData(c.vectorType(), n, []*memory.Buffer{valid}, []arrow.ArrayData{item}, nulls, 0)
	case dictionary:
		out = c.indexed(n, valid, nulls)
	case text, binaries:
		out = array.NewData(c.flatType(), n, []*memory.Buffer{valid, c.ends(), memory.NewBufferBytes(c.buf)}, nil, nulls, 0)
	default:
		values := c.buf
		if c.width == 64 {
			values = arrow.Uint64Traits.CastToBytes(c.words)
		}
		out = array.NewData(c.flatType(), n, []*memory.Buffer{valid, memory.NewBufferBytes(values)}, nil, nulls, 0)
	}
	c.valid, c.words, c.buf, c.offs = nil, nil, nil, nil
	return out
}

// validity returns the bitmap, nil if no slot is null, and the number of nulls.
func (c *column) validity(n int) (*memory.Buffer, int) {
	if c.valid == nil {
		return nil, 0
	}
	nulls := n
	for _, b := range c.valid {
		nulls -= bits.OnesCount8(b)
	}
	if nulls == 0 {
		return nil, 0
	}
	return memory.NewBufferBytes(c.valid), nulls
}

// ends returns the offsets at the width that the type asks for.
func (c *column) ends() *memory.Buffer {
	if c.typ == nil || !isLarge(c.typ.ID()) {
		return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(c.offs))
	}
	wide := make([]int64, len(c.offs))
	for i, end := range c.offs {
		wide[i] = int64(end)
	}
	return memory.NewBufferBytes(arrow.Int64Traits.CastToBytes(wide))
}

// isLarge tells whether a type has offsets of 64 bits.
func isLarge(id arrow.Type) bool {
	return id == arrow.LARGE_STRING || id == arrow.LARGE_BINARY || id == arrow.LARGE_LIST
}

func (c *column) structData(n int, valid *memory.Buffer, nulls int) arrow.ArrayData {
	var fields []arrow.Field
	var children []arrow.ArrayData
	for _, child := range c.children {
		if !child.writable() {
			continue
		}
		data := child.data(n)
		children = append(children, data)
		fields = append(fields, child.field(data.DataType()))
	}
	return array.NewData(arrow.StructOf(fields...), n, []*memory.Buffer{valid}, children, nulls, 0)
}

// flatType is the type of a column without columns inside it.
func (c *column) flatType() arrow.DataType {
	if c.typ != nil {
		return c.typ
	}
	switch c.kind {
	case boolean:
		return arrow.FixedWidthTypes.Boolean
	case signed:
		return arrow.PrimitiveTypes.Int64
	case unsigned:
		return arrow.PrimitiveTypes.Uint64
	case text:
		return arrow.BinaryTypes.String
	case binaries:
		return arrow.BinaryTypes.Binary
	default: // floating: no other kind is inferred
		if c.width == 32 {
			return arrow.PrimitiveTypes.Float32
		}
		return arrow.PrimitiveTypes.Float64
	}
}

// listType is the type of a list whose items, which may have gained fields, are
// of type item.
func (c *column) listType(item arrow.DataType) arrow.DataType {
	if c.typ == nil {
		return arrow.ListOf(item)
	}
	if c.typ.ID() == arrow.LARGE_LIST {
		return arrow.LargeListOfField(c.item.field(item))
	}
	return arrow.ListOfField(c.item.field(item))
}

func (c *column) vectorType() arrow.DataType {
	if c.typ != nil {
		return c.typ
	}
	return arrow.FixedSizeListOf(int32(c.dim), arrow.PrimitiveTypes.Float32)
}

// inherit takes over what the same column of the last batch knows: the capacity
// it needed, or the memory itself where no record holds it.
func (c *column) inherit(last *column) {
	c.hint = last.hint
	if last.offs != nil || last.words != nil || last.buf != nil {
		c.words, c.buf = last.words[:0], last.buf[:0]
	}
}

// reserve makes room for the values of a batch like the last one.
func (c *column) reserve() {
	if c.words == nil && c.hint.words > 0 {
		c.words = make([]uint64, 0, c.hint.words+c.hint.words/8)
	}
	if c.buf == nil && c.hint.buf > 0 {
		c.buf = make([]byte, 0, c.hint.buf+c.hint.buf/8)
	}
	if len(c.offs) == 1 && cap(c.offs) < c.hint.offs {
		c.offs = append(make([]int32, 0, c.hint.offs+c.hint.offs/8), 0)
	}
}
