package schema

import (
	"fmt"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"
)

// Keys of field metadata that say how values come into a column, beside KeyType.
// They are in the table, so that every worker goes by them.
const (
	KeyDefault  = "pst.default"  // JSON text of the value for rows that lack the field
	KeyRequired = "pst.required" // "true": rows must have a value, though the column has nulls of older rows
	KeyConflict = "pst.conflict" // "string": a column of text keeps the text of any value
	KeyVector   = "pst.vector"   // "to_list": another length makes the vector a list
	KeyWiden    = "pst.widen"    // "float": integers may become floats though some are rounded
)

// KeyPrimaryKey is the mark of Lance for the columns of a primary key that nobody
// enforces, and KeyPrimaryKeyPosition their order, from 1.
const (
	KeyPrimaryKey         = "lance-schema:unenforced-primary-key"
	KeyPrimaryKeyPosition = "lance-schema:unenforced-primary-key:position"
)

// Extra is the column that keeps fields without a column of their own, as one JSON
// object a row, where the declaration asks for it.
const Extra = "_extra"

// Undeclared says what becomes of a field that neither the table nor the declaration
// has a column for.
type Undeclared uint8

// What may become of such fields.
const (
	Evolve   Undeclared = iota // it becomes a new column
	Ignore                     // its value is checked and dropped
	KeepJSON                   // it is kept in the column Extra
	Refuse                     // the message is rejected
)

// String is the word for it in a schema file.
func (u Undeclared) String() string {
	if int(u) < len(undeclaredWords()) {
		return undeclaredWords()[u]
	}
	return fmt.Sprintf("Undeclared(%d)", u)
}

func undeclaredWords() []string { return []string{"evolve", "ignore", "json", "reject"} }

// ParseUndeclared is the inverse of String.
func ParseUndeclared(word string) (Undeclared, error) {
	if i := slices.Index(undeclaredWords(), word); i >= 0 {
		return Undeclared(i), nil
	}
	return 0, fmt.Errorf("%q is none of %v", word, undeclaredWords())
}

// Declaration says which columns a topic's table shall have, and what becomes of
// other fields. It is never changed, and may be used concurrently. A nil one
// declares nothing.
type Declaration struct {
	// Fields are the columns, their settings in the metadata. Columns that are not
	// nullable are so in a new table; where the table exists already they are marked
	// KeyRequired instead.
	Fields     []arrow.Field
	Undeclared Undeclared
	// AutoVectors takes a new list of numbers for a vector by its values.
	AutoVectors bool
}

// extraField is the column Extra.
func extraField() arrow.Field {
	return arrow.Field{
		Name: Extra, Type: arrow.BinaryTypes.String, Nullable: true,
		Metadata: arrow.NewMetadata([]string{KeyType}, []string{TypeJSON}),
	}
}

// columns are the declared ones, and Extra where it is needed.
func (d *Declaration) columns() []arrow.Field {
	if d.Undeclared != KeepJSON || slices.ContainsFunc(d.Fields, func(f arrow.Field) bool { return f.Name == Extra }) {
		return d.Fields
	}
	return append(slices.Clip(d.Fields), extraField())
}

// Policy is what becomes of fields without a column.
func (d *Declaration) Policy() Undeclared {
	if d == nil {
		return Evolve
	}
	return d.Undeclared
}

// Contradiction says that a column of a table has another type than declared.
type Contradiction struct {
	Path            string
	Table, Declared arrow.Field
}

// Error names the column and both types.
func (c *Contradiction) Error() string {
	return fmt.Sprintf("column %s: the table holds %s, and %s is declared", c.Path, FormatType(c.Table), FormatType(c.Declared))
}

// Apply returns the columns that rows are decoded for: those of the table, nil for
// none yet, with what the declaration says of them, and behind them the declared
// ones that it lacks. The error is a *Contradiction.
func (d *Declaration) Apply(table *arrow.Schema) (*arrow.Schema, error) {
	switch {
	case d == nil:
		return table, nil
	case table == nil:
		if len(d.columns()) == 0 {
			return nil, nil //nolint:nilnil // no table and nothing declared
		}
		return arrow.NewSchema(d.columns(), nil), nil
	}
	fields, err := applyAll("", table.Fields(), d.columns())
	if err != nil {
		return nil, err
	}
	md := table.Metadata()
	return arrow.NewSchema(fields, &md), nil
}

func applyAll(path string, table, declared []arrow.Field) ([]arrow.Field, error) {
	out := slices.Clone(table)
	for _, f := range declared {
		at := slices.IndexFunc(out, func(t arrow.Field) bool { return t.Name == f.Name })
		if at < 0 {
			out = append(out, later(f))
			continue
		}
		var err error
		if out[at], err = apply(join(path, f.Name), out[at], f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// later is a declared column as it comes into a table that has rows already.
func later(f arrow.Field) arrow.Field {
	if !f.Nullable {
		f.Nullable = true
		f.Metadata = WithMetadata(f.Metadata, KeyRequired, "true")
	}
	return f
}

// apply lays what is declared of a column over what the table has.
func apply(path string, table, declared arrow.Field) (arrow.Field, error) {
	out := table
	switch t := table.Type.(type) {
	case *arrow.StructType:
		d, ok := declared.Type.(*arrow.StructType)
		if !ok {
			return out, &Contradiction{path, table, declared}
		}
		members, err := applyAll(path, t.Fields(), d.Fields())
		if err != nil {
			return out, err
		}
		out.Type = arrow.StructOf(members...)
	case *arrow.ListType, *arrow.LargeListType:
		if Listable(declared) && BecomesList(declared.Type, t) { // it did since
			break
		}
		if t.ID() != declared.Type.ID() {
			return out, &Contradiction{path, table, declared}
		}
		item, err := apply(path+"[]", itemOf(t), itemOf(declared.Type))
		if err != nil {
			return out, err
		}
		if out.Type = arrow.DataType(arrow.ListOfField(item)); t.ID() == arrow.LARGE_LIST {
			out.Type = arrow.LargeListOfField(item)
		}
	default:
		switch {
		case sameType(table.Type, declared.Type), Widens(declared.Type, table.Type): // it became wider since
		case Widens(table.Type, declared.Type):
			out.Type = declared.Type
		default:
			return out, &Contradiction{path, table, declared}
		}
	}
	out.Metadata = overlay(table, declared)
	return out, nil
}

func itemOf(t arrow.DataType) arrow.Field { return t.(arrow.ListLikeType).ElemField() }

// sameType compares types without columns inside them; whether the values of a
// vector may be null makes no difference.
func sameType(a, b arrow.DataType) bool {
	va, ok := a.(*arrow.FixedSizeListType)
	vb, both := b.(*arrow.FixedSizeListType)
	if ok && both {
		return va.Len() == vb.Len() && sameType(va.Elem(), vb.Elem())
	}
	return arrow.TypeEqual(a, b)
}

// overlay is the metadata of the table's column with the declared settings of ours,
// and without those that are not declared. What Lance goes by stays as it is.
func overlay(table, declared arrow.Field) arrow.Metadata {
	md := table.Metadata
	for _, key := range settings() {
		value, ok := declared.Metadata.GetValue(key)
		if key == KeyRequired {
			value, ok = "true", !declared.Nullable && table.Nullable
		}
		if !ok {
			value = ""
		}
		md = WithMetadata(md, key, value)
	}
	return md
}

// settings are the keys of what the file says of a column, and not its type.
func settings() []string {
	return []string{KeyType, KeyDefault, KeyRequired, KeyConflict, KeyVector, KeyWiden}
}

// WithMetadata sets a key, or removes it where the value is empty.
func WithMetadata(md arrow.Metadata, key, value string) arrow.Metadata {
	if was, ok := md.GetValue(key); ok && was == value || !ok && value == "" {
		return md
	}
	keys, values := slices.Clone(md.Keys()), slices.Clone(md.Values())
	if i := slices.Index(keys, key); i >= 0 {
		keys, values = slices.Delete(keys, i, i+1), slices.Delete(values, i, i+1)
	}
	if value != "" {
		keys, values = append(keys, key), append(values, value)
	}
	return arrow.NewMetadata(keys, values)
}
