package schema

import (
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
)

// Widening is the change of a column's type to one that holds more.
type Widening struct {
	// Path are the names of what the column lies in, and its own; "item" for what a
	// list holds.
	Path     []string
	From, To arrow.DataType
	// Round: integers may become the nearest float64, as the column is declared.
	Round bool
}

// Item stands in a path for what a list holds.
const Item = "item"

// String names the column and both types, for people.
func (w Widening) String() string {
	parts := make([]string, len(w.Path))
	for i, part := range w.Path {
		parts[i] = Quote(part)
	}
	return "column " + strings.Join(parts, ".") + " from " + w.From.String() + " to " + w.To.String()
}

// Instant is the type that a column of dates becomes when a time of day comes.
//
//nolint:gochecknoglobals // a constant type
var Instant arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}

// Widens reports whether a column may change from one type to another by itself: to a
// wider integer of the same kind, from an integer or float32 to float64, from date32
// to timestamp[us, UTC], from utf8 to large_utf8. Each value must be exact in the new
// type; that is for those to see who have the values.
func Widens(from, to arrow.DataType) bool {
	switch {
	case arrow.IsSignedInteger(from.ID()):
		return to.ID() == arrow.FLOAT64 || arrow.IsSignedInteger(to.ID()) && bits(to) > bits(from)
	case arrow.IsUnsignedInteger(from.ID()):
		return to.ID() == arrow.FLOAT64 || arrow.IsUnsignedInteger(to.ID()) && bits(to) > bits(from)
	case from.ID() == arrow.FLOAT32:
		return to.ID() == arrow.FLOAT64
	case from.ID() == arrow.DATE32:
		return arrow.TypeEqual(to, Instant)
	case from.ID() == arrow.STRING:
		return to.ID() == arrow.LARGE_STRING
	default:
		return false
	}
}

// BecomesList reports whether a column of vectors may become one of lists with the same
// values, or with wider ones: where it is declared with vector: to_list, which is for
// those to see who have the declaration.
func BecomesList(from, to arrow.DataType) bool {
	v, isVector := from.(*arrow.FixedSizeListType)
	l, isList := to.(*arrow.ListType)
	return isVector && isList && (sameType(v.Elem(), l.Elem()) || Widens(v.Elem(), l.Elem()))
}

// Listable reports whether a field is a vector that is declared with vector: to_list. One
// that an extension type is stored as stays what it is: its readers expect it.
func Listable(f arrow.Field) bool {
	how, _ := f.Metadata.GetValue(KeyVector)
	_, extends := f.Metadata.GetValue("ARROW:extension:name")
	return how == "to_list" && f.Type.ID() == arrow.FIXED_SIZE_LIST && !extends
}

func bits(t arrow.DataType) int { return t.(arrow.FixedWidthDataType).BitWidth() }

// Rounds reports whether a field is declared with widen: float.
func Rounds(f arrow.Field) bool {
	how, _ := f.Metadata.GetValue(KeyWiden)
	return how == "float"
}

// Widenings lists the columns that a record has in a wider type than the table, at any
// depth of structs and lists. Columns that differ in another way are not in it; see
// Diff.
func Widenings(table, rec *arrow.Schema) []Widening {
	if table == nil {
		return nil
	}
	return widerFields(nil, nil, table.Fields(), rec.Fields())
}

func widerFields(list []Widening, path []string, table, rec []arrow.Field) []Widening {
	byName := make(map[string]arrow.Field, len(table))
	for _, f := range table {
		byName[f.Name] = f
	}
	for _, r := range rec {
		if t, ok := byName[r.Name]; ok {
			list = wider(list, below(path, r.Name), t, r)
		}
	}
	return list
}

func below(path []string, name string) []string { return append(path[:len(path):len(path)], name) }

func wider(list []Widening, path []string, table, rec arrow.Field) []Widening {
	switch t := table.Type.(type) {
	case *arrow.StructType:
		if r, ok := rec.Type.(*arrow.StructType); ok {
			return widerFields(list, path, t.Fields(), r.Fields())
		}
	case *arrow.ListType, *arrow.LargeListType:
		if t.ID() == rec.Type.ID() {
			return wider(list, below(path, Item), itemOf(t), itemOf(rec.Type))
		}
	default:
		if Widens(table.Type, rec.Type) || BecomesList(table.Type, rec.Type) {
			return append(list, Widening{Path: path, From: table.Type, To: rec.Type, Round: Rounds(table) || Rounds(rec)})
		}
	}
	return list
}
