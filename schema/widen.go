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
	// Round: some integers, stored or new, become the nearest float64. From and To are
	// float64 where that is about a value alone, and no type changes.
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

func bits(t arrow.DataType) int { return t.(arrow.FixedWidthDataType).BitWidth() }

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
			list = wider(list, append(path[:len(path):len(path)], r.Name), t.Type, r.Type)
		}
	}
	return list
}

func wider(list []Widening, path []string, table, rec arrow.DataType) []Widening {
	switch t := table.(type) {
	case *arrow.StructType:
		if r, ok := rec.(*arrow.StructType); ok {
			return widerFields(list, path, t.Fields(), r.Fields())
		}
	case *arrow.ListType:
		if r, ok := rec.(*arrow.ListType); ok {
			return wider(list, append(path[:len(path):len(path)], Item), t.Elem(), r.Elem())
		}
	case *arrow.LargeListType:
		if r, ok := rec.(*arrow.LargeListType); ok {
			return wider(list, append(path[:len(path):len(path)], Item), t.Elem(), r.Elem())
		}
	default:
		if Widens(table, rec) {
			return append(list, Widening{Path: path, From: table, To: rec})
		}
	}
	return list
}
