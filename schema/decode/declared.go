package decode

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/schema"
)

// keep says which values are not read by their type: what a column of text takes
// besides text.
type keep uint8

const (
	keepsNothing   keep = iota
	keepsJSON           // the text of any value: strings with their quotes
	keepsText           // strings as they are, and the text of any other value
	keepsElsewhere      // it is no column, but stands for an undeclared key
)

// declare reads the settings that the metadata of a column's field holds.
func (c *column) declare(f arrow.Field) {
	if f.Metadata.Len() == 0 {
		return
	}
	if c.kind == text {
		if conflict, _ := f.Metadata.GetValue(schema.KeyConflict); conflict == "string" {
			c.keeps = keepsText
		}
		if schema.IsJSON(f) {
			c.keeps = keepsJSON
		}
	}
	c.listable = schema.Listable(f)
	required, _ := f.Metadata.GetValue(schema.KeyRequired)
	c.demanded = required == "true"
	if text, _ := f.Metadata.GetValue(schema.KeyDefault); text != "" {
		c.fallback = []byte(text)
	}
}

// whole is the schema that rows are decoded for: the table's with what is declared.
// It is made once for a table.
func (b *Batch) whole() (*arrow.Schema, error) {
	if b.applied.schema == nil || b.applied.table != b.table {
		s, err := b.o.Declared.Apply(b.table)
		if err != nil {
			return nil, err
		}
		if err := b.checkExtra(s); err != nil {
			return nil, err
		}
		b.applied.table, b.applied.schema = b.table, s
	}
	return b.applied.schema, nil
}

// checkExtra tells whether undeclared fields are to be kept in a column that is no text.
func (b *Batch) checkExtra(s *arrow.Schema) error {
	if s == nil || b.o.Declared.Policy() != schema.KeepJSON {
		return nil
	}
	for _, f := range s.Fields() {
		if f.Name == schema.Extra && !isText(f.Type) {
			return fmt.Errorf("column %s: undeclared fields are kept in it as JSON: it is utf8, large_utf8 or json, not %s", f.Name, schema.FormatType(f))
		}
	}
	return nil
}

// declared prepares what is special about declared columns: all of them are part of a
// new table, whether they have a value or not, and those with a default of any record,
// so that a record that lacks one was made by who did not know of it.
func (b *Batch) declared() {
	for _, c := range b.root.defaults {
		c.always = true
		_ = b.enliven(c) // without rows it is never too much
	}
	b.log = b.log[:0]
	if b.o.Declared == nil {
		return
	}
	if c := b.root.byName[schema.Extra]; c != nil && b.isExtra(c) {
		b.root.unexpect(c) // it has no key
	}
	if b.table != nil {
		return
	}
	for _, c := range b.root.children {
		if !isReserved(c.name) {
			c.always = true
			_ = b.enliven(c) // without rows it is never too much
		}
	}
	b.log = b.log[:0]
}

// keepText stores the text of the value that is next.
func (b *Batch) keepText(c *column, depth int) *Reject {
	if c.isUndeclared() {
		return b.undeclared(c, depth)
	}
	switch ch := b.peek(); {
	case ch == 'n':
		return b.literal(wordNull)
	case ch == '"' && c.keeps == keepsText:
		return b.text(c)
	}
	start := b.i
	if rej := b.skip(depth); rej != nil {
		return rej
	}
	return b.putText(c, b.p[start:b.i])
}

// fill gives a column its default in the slot that is open.
func (b *Batch) fill(c *column) *Reject {
	p, i, n := b.p, b.i, b.num
	b.take(c.fallback)
	rej := b.value(c, 1)
	if rej == nil && b.i != len(b.p) {
		rej = b.unexpected()
	}
	b.p, b.i, b.num = p, i, n
	if rej != nil {
		return reject(ClassType, "the default of field %s: %s", c.path(), rej.Reason)
	}
	return nil
}

// endObject ends an object: fields that it lacks get their defaults, and columns that
// are not nullable must have a value. A field that is null is not one that it lacks.
func (b *Batch) endObject(st *column) *Reject {
	for _, c := range st.defaults {
		if c.seen != st.serial {
			if rej := b.fill(c); rej != nil {
				return rej
			}
		}
	}
	if st == b.root && len(b.extra.text) > 0 {
		if rej := b.putExtra(); rej != nil {
			return rej
		}
	}
	if len(st.needed) > 0 {
		return b.checkRequired(st)
	}
	return nil
}

// CheckDeclaration tells why rows cannot be made as declared: a default does not fit
// its column, or a column that is not nullable is of a type that payloads have no
// value for. The error joins nothing: it is the first fault.
func CheckDeclaration(d *schema.Declaration) error {
	for _, f := range d.Fields {
		if err := checkDefaults(schema.Quote(f.Name), f); err != nil {
			return err
		}
	}
	return Check(nil, Options{Declared: d})
}

// Default is an array of one entry: the default that a field's metadata has for rows
// that lack it, null where it has none. The error is that of CheckDeclaration.
func Default(f arrow.Field) (arrow.Array, error) {
	f.Nullable, f.Metadata = true, schema.WithMetadata(f.Metadata, schema.KeyRequired, "")
	b := NewBatch(nil, Options{Declared: &schema.Declaration{Fields: []arrow.Field{f}, Undeclared: schema.Refuse}})
	if _, err := b.Append(Meta{}, []byte("{}")); err != nil {
		return nil, fmt.Errorf("the default of column %s does not fit %s: %w", schema.Quote(f.Name), schema.FormatType(f), err)
	}
	rec, err := b.Record()
	if err != nil {
		return nil, err
	}
	return rec.Column(0), nil
}

func checkDefaults(path string, f arrow.Field) error {
	if _, ok := f.Metadata.GetValue(schema.KeyDefault); ok {
		one := f
		one.Name = "c"
		b := NewBatch(nil, Options{Declared: &schema.Declaration{Fields: []arrow.Field{one}, Undeclared: schema.Refuse}})
		if _, err := b.Append(Meta{}, []byte("{}")); err != nil {
			return fmt.Errorf("the default of column %s does not fit %s: %w", path, schema.FormatType(f), err)
		}
		if b.root.byName["c"].n == 0 && !f.Nullable {
			return fmt.Errorf("the default of column %s is null, and the column may not be", path)
		}
	}
	switch t := f.Type.(type) {
	case *arrow.StructType:
		for _, m := range t.Fields() {
			if err := checkDefaults(path+"."+schema.Quote(m.Name), m); err != nil {
				return err
			}
		}
	case *arrow.ListType:
		return checkDefaults(path+"[]", t.ElemField())
	case *arrow.LargeListType:
		return checkDefaults(path+"[]", t.ElemField())
	}
	return nil
}

// isExtra tells whether a column is the one that undeclared fields are kept in.
func (b *Batch) isExtra(c *column) bool {
	return c.parent == b.root && c.name == schema.Extra && b.o.Declared.Policy() == schema.KeepJSON
}

// nulls is a column of a new table that is of a type without values here.
func (c *column) nulls(n int) arrow.Array {
	return array.MakeArrayOfNull(memory.DefaultAllocator, c.typ, n)
}

// Untyped lists the fields of which only null, [] or {} was seen in the batch, and that
// have no column: their paths for people. It is asked before Record.
func (b *Batch) Untyped() []string {
	var out []string
	var visit func(c *column)
	visit = func(c *column) {
		for _, child := range c.children {
			switch {
			case child.inferred && !child.writable():
				out = append(out, child.path())
			case child.kind == structure:
				visit(child)
			}
		}
	}
	visit(b.root)
	return out
}
