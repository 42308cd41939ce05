package schema

import (
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
)

// KeyType is the key of field metadata that marks columns of a type of ours, which
// Arrow has no name for; TypeJSON is its only value.
const (
	KeyType  = "pst.type"
	TypeJSON = "json" // utf8 that holds the text of one JSON value
)

// flatTypes are the types without parameters by their names, the one that is
// printed first; made once, never changed.
var flatTypes = sync.OnceValue(func() []flatType {
	return []flatType{
		{arrow.Null, []string{"null"}},
		{arrow.FixedWidthTypes.Boolean, []string{"bool", "boolean"}},
		{arrow.PrimitiveTypes.Int8, []string{"int8"}},
		{arrow.PrimitiveTypes.Int16, []string{"int16"}},
		{arrow.PrimitiveTypes.Int32, []string{"int32"}},
		{arrow.PrimitiveTypes.Int64, []string{"int64"}},
		{arrow.PrimitiveTypes.Uint8, []string{"uint8"}},
		{arrow.PrimitiveTypes.Uint16, []string{"uint16"}},
		{arrow.PrimitiveTypes.Uint32, []string{"uint32"}},
		{arrow.PrimitiveTypes.Uint64, []string{"uint64"}},
		{arrow.FixedWidthTypes.Float16, []string{"halffloat", "float16", "half"}},
		{arrow.PrimitiveTypes.Float32, []string{"float", "float32"}},
		{arrow.PrimitiveTypes.Float64, []string{"double", "float64"}},
		{arrow.BinaryTypes.String, []string{"utf8", "string"}},
		{arrow.BinaryTypes.LargeString, []string{"large_utf8", "large_string"}},
		{arrow.BinaryTypes.Binary, []string{"binary"}},
		{arrow.BinaryTypes.LargeBinary, []string{"large_binary"}},
		{arrow.FixedWidthTypes.Date32, []string{"date32"}},
		{arrow.FixedWidthTypes.Date64, []string{"date64"}},
	}
})

type flatType struct {
	typ   arrow.DataType
	names []string
}

// flatNamed is the type without parameters of a name, nil if there is none.
func flatNamed(name string) arrow.DataType {
	for _, f := range flatTypes() {
		for _, n := range f.names {
			if n == name {
				return f.typ
			}
		}
	}
	return nil
}

// FormatType names the type of a field as ParseColumn reads it. A type that
// ParseColumn does not know (unions, views, run ends, extensions) is named as Arrow
// does.
func FormatType(f arrow.Field) string {
	var out strings.Builder
	formatField(&out, f)
	return out.String()
}

func formatField(out *strings.Builder, f arrow.Field) {
	if IsJSON(f) {
		out.WriteString(TypeJSON)
		return
	}
	formatType(out, f.Type)
}

// IsJSON reports whether a column of text holds JSON values.
func IsJSON(f arrow.Field) bool {
	kind, _ := f.Metadata.GetValue(KeyType)
	return kind == TypeJSON && (f.Type.ID() == arrow.STRING || f.Type.ID() == arrow.LARGE_STRING)
}

func formatType(out *strings.Builder, t arrow.DataType) {
	switch t := t.(type) {
	case *arrow.TimestampType:
		out.WriteString("timestamp[" + t.Unit.String())
		if t.TimeZone != "" {
			out.WriteString(", " + t.TimeZone)
		}
		out.WriteByte(']')
	case *arrow.Time32Type, *arrow.Time64Type, *arrow.DurationType:
		out.WriteString(t.Name() + "[" + t.(arrow.TemporalWithUnit).TimeUnit().String() + "]")
	case arrow.DecimalType:
		out.WriteString("decimal" + strconv.Itoa(t.(arrow.FixedWidthDataType).BitWidth()) +
			"(" + strconv.Itoa(int(t.GetPrecision())) + ", " + strconv.Itoa(int(t.GetScale())) + ")")
	case *arrow.FixedSizeBinaryType:
		out.WriteString("fixed_size_binary[" + strconv.Itoa(t.ByteWidth) + "]")
	case *arrow.ListType:
		formatList(out, "list", t.ElemField())
	case *arrow.LargeListType:
		formatList(out, "large_list", t.ElemField())
	case *arrow.FixedSizeListType:
		formatList(out, "fixed_size_list", t.ElemField())
		out.WriteString("[" + strconv.Itoa(int(t.Len())) + "]")
	case *arrow.StructType:
		out.WriteString("struct<")
		for i, f := range t.Fields() {
			if i > 0 {
				out.WriteString(", ")
			}
			formatMember(out, f)
		}
		out.WriteByte('>')
	case *arrow.MapType:
		out.WriteString("map<")
		formatField(out, t.KeyField())
		out.WriteString(", ")
		formatField(out, t.ItemField())
		formatNull(out, t.ItemField())
		out.WriteByte('>')
	case *arrow.DictionaryType:
		out.WriteString("dictionary<")
		formatType(out, t.IndexType)
		out.WriteString(", ")
		formatType(out, t.ValueType)
		out.WriteByte('>')
	default:
		out.WriteString(flatName(t))
	}
}

func flatName(t arrow.DataType) string {
	for _, f := range flatTypes() {
		if arrow.TypeEqual(f.typ, t) {
			return f.names[0]
		}
	}
	return t.String()
}

// formatList leaves out the name of an item that has the usual one.
func formatList(out *strings.Builder, list string, item arrow.Field) {
	out.WriteString(list + "<")
	if item.Name == itemName {
		formatField(out, item)
		formatNull(out, item)
	} else {
		formatMember(out, item)
	}
	out.WriteByte('>')
}

// itemName is the name of the field inside a list, unless the type says another.
const itemName = "item"

func formatMember(out *strings.Builder, f arrow.Field) {
	if plainName(f.Name) {
		out.WriteString(f.Name)
	} else {
		out.WriteString(strconv.Quote(f.Name))
	}
	out.WriteString(": ")
	formatField(out, f)
	formatNull(out, f)
}

func formatNull(out *strings.Builder, f arrow.Field) {
	if !f.Nullable {
		out.WriteString(notNull)
	}
}

const notNull = " not null"

// plainName tells whether a name of a member needs no quotes.
func plainName(name string) bool {
	for i := range len(name) {
		if !isNameByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_-.$", c) >= 0 || c >= 0x80
}
