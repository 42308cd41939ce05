package dictionary

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
)

// Holds reports whether dictionaries hold values of a type: strings, binaries,
// integers, floats and bools. The format's names of other types do not parse
// inside that of a dictionary.
func Holds(value arrow.DataType) bool {
	switch value.ID() {
	case arrow.STRING, arrow.LARGE_STRING, arrow.BINARY, arrow.LARGE_BINARY, arrow.BOOL,
		arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64:
		return true
	default:
		return arrow.IsInteger(value.ID())
	}
}

// Has reports whether a type is a dictionary type or holds one.
func Has(dt arrow.DataType) bool {
	switch t := dt.(type) {
	case *arrow.DictionaryType:
		return true
	case arrow.ExtensionType:
		return Has(t.StorageType())
	case arrow.NestedType:
		for _, f := range t.Fields() {
			if Has(f.Type) {
				return true
			}
		}
	}
	return false
}

// PlainType is a type with the type of their values in place of all dictionary
// types. Extension types that hold some become what they are stored as.
func PlainType(dt arrow.DataType) arrow.DataType {
	return mapType(dt, func(t *arrow.DictionaryType) arrow.DataType { return t.ValueType })
}

// Capacity is how many values the keys of a type can count.
func Capacity(t *arrow.DictionaryType) int {
	bits := t.BitWidth()
	if arrow.IsSignedInteger(t.IndexType.ID()) {
		bits--
	}
	if bits >= 31 {
		return math.MaxInt32
	}
	return 1 << bits
}

// mapType replaces the dictionary types in a type.
func mapType(dt arrow.DataType, f func(*arrow.DictionaryType) arrow.DataType) arrow.DataType {
	if !Has(dt) {
		return dt
	}
	item := func(af arrow.Field) arrow.Field {
		af.Type = mapType(af.Type, f)
		return af
	}
	switch t := dt.(type) {
	case *arrow.DictionaryType:
		return f(t)
	case arrow.ExtensionType:
		return mapType(t.StorageType(), f)
	case *arrow.StructType:
		members := make([]arrow.Field, t.NumFields())
		for i, m := range t.Fields() {
			members[i] = item(m)
		}
		return arrow.StructOf(members...)
	case *arrow.ListType:
		return arrow.ListOfField(item(t.ElemField()))
	case *arrow.LargeListType:
		return arrow.LargeListOfField(item(t.ElemField()))
	case *arrow.MapType:
		key, value := item(t.KeyField()), item(t.ItemField())
		m := arrow.MapOfWithMetadata(key.Type, key.Metadata, value.Type, value.Metadata)
		m.SetItemNullable(value.Nullable)
		m.KeysSorted = t.KeysSorted
		return m
	}
	return dt // no other type holds dictionaries
}
