package fields

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// maxListSize bounds the length of fixed-size lists and binaries: lengths are
// int32 in Arrow.
const maxListSize = 1<<31 - 1

// primitives are the logical types without parameters, by name; made once, never changed.
var primitives = sync.OnceValue(func() map[string]arrow.DataType {
	return map[string]arrow.DataType{
		"null": arrow.Null, "bool": arrow.FixedWidthTypes.Boolean,
		"int8": arrow.PrimitiveTypes.Int8, "int16": arrow.PrimitiveTypes.Int16,
		"int32": arrow.PrimitiveTypes.Int32, "int64": arrow.PrimitiveTypes.Int64,
		"uint8": arrow.PrimitiveTypes.Uint8, "uint16": arrow.PrimitiveTypes.Uint16,
		"uint32": arrow.PrimitiveTypes.Uint32, "uint64": arrow.PrimitiveTypes.Uint64,
		"halffloat": arrow.FixedWidthTypes.Float16,
		"float":     arrow.PrimitiveTypes.Float32, "double": arrow.PrimitiveTypes.Float64,
		"string": arrow.BinaryTypes.String, "large_string": arrow.BinaryTypes.LargeString,
		"binary": arrow.BinaryTypes.Binary, "large_binary": arrow.BinaryTypes.LargeBinary,
		"json":       arrow.BinaryTypes.LargeBinary,
		"date32:day": arrow.FixedWidthTypes.Date32, "date64:ms": arrow.FixedWidthTypes.Date64,
		"time32:s": arrow.FixedWidthTypes.Time32s, "time32:ms": arrow.FixedWidthTypes.Time32ms,
		"time64:us": arrow.FixedWidthTypes.Time64us, "time64:ns": arrow.FixedWidthTypes.Time64ns,
		"duration:s": arrow.FixedWidthTypes.Duration_s, "duration:ms": arrow.FixedWidthTypes.Duration_ms,
		"duration:us": arrow.FixedWidthTypes.Duration_us, "duration:ns": arrow.FixedWidthTypes.Duration_ns,
		// A brain float has no Arrow type of its own; its two bytes do.
		"lance.bfloat16": &arrow.FixedSizeBinaryType{ByteWidth: 2},
	}
})

// parseLogical turns the logical type of a field without children into its Arrow
// type. An unknown one gives ErrUnsupported, naming it.
func parseLogical(s string) (arrow.DataType, error) {
	if t, ok := primitives()[s]; ok {
		return t, nil
	}
	head, rest, _ := strings.Cut(s, ":")
	switch head {
	case "timestamp":
		return parseTimestamp(s, rest)
	case "decimal":
		return parseDecimal(s, rest)
	case "fixed_size_binary":
		n, err := parseSize(rest)
		if err != nil {
			return nil, fmt.Errorf("logical type %q: %w", s, err)
		}
		return &arrow.FixedSizeBinaryType{ByteWidth: n}, nil
	case "fixed_size_list":
		return parseFixedSizeList(s, rest)
	case "dict":
		return parseDictionary(s, rest)
	}
	return nil, fmt.Errorf("logical type %q: %w", s, ErrUnsupported)
}

func parseTimestamp(whole, rest string) (arrow.DataType, error) {
	unit, zone, ok := strings.Cut(rest, ":")
	if !ok {
		return nil, fmt.Errorf("logical type %q lacks a time zone part: %w", whole, ErrUnsupported)
	}
	if zone == "-" {
		zone = ""
	}
	for _, u := range []arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond} {
		if u.String() == unit {
			return &arrow.TimestampType{Unit: u, TimeZone: zone}, nil
		}
	}
	return nil, fmt.Errorf("logical type %q: unit %q: %w", whole, unit, ErrUnsupported)
}

func parseDecimal(whole, rest string) (arrow.DataType, error) {
	var bits, precision, scale int32
	if n, err := fmt.Sscanf(rest, "%d:%d:%d", &bits, &precision, &scale); n != 3 || err != nil {
		return nil, fmt.Errorf("logical type %q: %w", whole, ErrUnsupported)
	}
	switch {
	case bits == 128 && precision >= 1 && precision <= 38:
		return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
	case bits == 256 && precision >= 1 && precision <= 76:
		return &arrow.Decimal256Type{Precision: precision, Scale: scale}, nil
	}
	return nil, fmt.Errorf("logical type %q: %w", whole, ErrUnsupported)
}

// parseFixedSizeList reads T:n, where T may hold colons itself. T is a type
// without children, or another fixed-size list of one.
func parseFixedSizeList(whole, rest string) (arrow.DataType, error) {
	at := strings.LastIndexByte(rest, ':')
	if at < 0 {
		return nil, fmt.Errorf("logical type %q lacks a length: %w", whole, ErrUnsupported)
	}
	n, err := parseSize(rest[at+1:])
	if err != nil {
		return nil, fmt.Errorf("logical type %q: %w", whole, err)
	}
	item, err := parseLogical(rest[:at])
	if err == nil && item.ID() == arrow.DICTIONARY {
		err = ErrUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("item of %q: %w", whole, err)
	}
	return arrow.FixedSizeListOf(int32(n), item), nil
}

// parseDictionary reads value type, key type and order ("V:K:false"). The format
// forgets the order: both of its words mean a dictionary without.
func parseDictionary(whole, rest string) (arrow.DataType, error) {
	parts := strings.Split(rest, ":")
	if len(parts) != 3 || parts[2] != "false" && parts[2] != "true" {
		return nil, fmt.Errorf("logical type %q: %w", whole, ErrUnsupported)
	}
	value, key := primitives()[parts[0]], primitives()[parts[1]]
	if value == nil || !dictionary.Holds(value) || parts[0] == "json" {
		return nil, fmt.Errorf("values of %q: %w", whole, ErrUnsupported)
	}
	if key == nil || !arrow.IsInteger(key.ID()) {
		return nil, fmt.Errorf("keys of %q are not integers: %w", whole, ErrUnsupported)
	}
	return &arrow.DictionaryType{IndexType: key, ValueType: value}, nil
}

func parseSize(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > maxListSize {
		return 0, fmt.Errorf("length %q: %w", s, ErrUnsupported)
	}
	return int(n), nil
}

// formatLogical names an Arrow type. For lists and structs it gives the name of
// the parent alone; their children are fields of their own.
func formatLogical(t arrow.DataType) (string, error) {
	switch t := t.(type) {
	case *arrow.StructType:
		return "struct", nil
	case *arrow.ListType:
		return listName("list", t.Elem()), nil
	case *arrow.LargeListType:
		return listName("large_list", t.Elem()), nil
	case *arrow.MapType:
		if t.KeysSorted {
			return "", fmt.Errorf("type %s with sorted keys: %w", t, ErrUnsupported)
		}
		return mapName, nil
	case *arrow.TimestampType:
		zone := t.TimeZone
		if zone == "" {
			zone = "-"
		}
		return "timestamp:" + t.Unit.String() + ":" + zone, nil
	case *arrow.Decimal128Type:
		return fmt.Sprintf("decimal:128:%d:%d", t.Precision, t.Scale), nil
	case *arrow.Decimal256Type:
		return fmt.Sprintf("decimal:256:%d:%d", t.Precision, t.Scale), nil
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("fixed_size_binary:%d", t.ByteWidth), nil
	case *arrow.FixedSizeListType:
		if id := t.Elem().ID(); arrow.IsNested(id) && id != arrow.FIXED_SIZE_LIST || id == arrow.DICTIONARY {
			return "", fmt.Errorf("type %s: %w", t, ErrUnsupported)
		}
		item, err := formatLogical(t.Elem())
		return fmt.Sprintf("fixed_size_list:%s:%d", item, t.Len()), err
	case *arrow.DictionaryType:
		return formatDictionary(t)
	}
	for name, p := range primitives() {
		if name != "json" && name != "lance.bfloat16" && arrow.TypeEqual(p, t) {
			return name, nil
		}
	}
	return "", fmt.Errorf("type %s: %w", t, ErrUnsupported)
}

func formatDictionary(t *arrow.DictionaryType) (string, error) {
	switch {
	case !dictionary.Holds(t.ValueType):
		return "", fmt.Errorf("type %s: the format has no dictionaries of %s: %w", t, t.ValueType, ErrUnsupported)
	case t.Ordered:
		return "", fmt.Errorf("type %s: the format forgets that a dictionary is ordered: %w", t, ErrUnsupported)
	}
	value, err := formatLogical(t.ValueType)
	if err != nil {
		return "", err
	}
	key, err := formatLogical(t.IndexType)
	return fmt.Sprintf("dict:%s:%s:false", value, key), err
}

func listName(list string, item arrow.DataType) string {
	if item.ID() == arrow.STRUCT {
		return list + ".struct"
	}
	return list
}
