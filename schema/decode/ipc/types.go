package ipc

import (
	"strconv"

	"github.com/apache/arrow/go/v17/arrow"
)

// Numbers of the types that are read, as the format has them.
const (
	typeNull            = 1
	typeInt             = 2
	typeFloat           = 3
	typeBinary          = 4
	typeUTF8            = 5
	typeBool            = 6
	typeDecimal         = 7
	typeDate            = 8
	typeTime            = 9
	typeTimestamp       = 10
	typeList            = 12
	typeStruct          = 13
	typeFixedSizeBinary = 15
	typeFixedSizeList   = 16
	typeDuration        = 18
	typeLargeBinary     = 19
	typeLargeUTF8       = 20
	typeLargeList       = 21
)

// others are the types that no table holds, by their numbers.
//
//nolint:gochecknoglobals // a constant table
var others = map[byte]string{
	11: "interval", 14: "union", 17: "map", 22: "run_end_encoded",
	23: "binary_view", 24: "utf8_view", 25: "list_view", 26: "large_list_view",
}

// dataType makes the type of a field from its table and its children.
func dataType(kind byte, t table, children []arrow.Field, path string) (arrow.DataType, error) {
	want := 0
	switch kind {
	case typeList, typeLargeList, typeFixedSizeList:
		want = 1
	case typeStruct:
		want = len(children)
	}
	if name, ok := others[kind]; ok {
		return nil, unsupported(path, name)
	}
	if len(children) != want {
		return nil, damaged("a field with " + strconv.Itoa(len(children)) + " children")
	}
	switch kind {
	case typeNull:
		return arrow.Null, nil
	case typeInt:
		return integer(t, path)
	case typeBinary:
		return arrow.BinaryTypes.Binary, nil
	case typeUTF8:
		return arrow.BinaryTypes.String, nil
	case typeBool:
		return arrow.FixedWidthTypes.Boolean, nil
	case typeLargeBinary:
		return arrow.BinaryTypes.LargeBinary, nil
	case typeLargeUTF8:
		return arrow.BinaryTypes.LargeString, nil
	case typeList:
		return arrow.ListOfField(children[0]), nil
	case typeLargeList:
		return arrow.LargeListOfField(children[0]), nil
	case typeStruct:
		return structOf(children)
	default:
		return sized(kind, t, children, path)
	}
}

// structOf is arrow.StructOf, which panics where two members have one name.
func structOf(members []arrow.Field) (arrow.DataType, error) {
	seen := make(map[string]bool, len(members))
	for _, m := range members {
		if seen[m.Name] {
			return nil, damaged("a struct with two members of one name")
		}
		seen[m.Name] = true
	}
	return arrow.StructOf(members...), nil
}

// sized makes the types that have parameters.
func sized(kind byte, t table, children []arrow.Field, path string) (arrow.DataType, error) {
	switch kind {
	case typeFloat:
		switch t.int16(0, 0) {
		case 0:
			return arrow.FixedWidthTypes.Float16, nil
		case 1:
			return arrow.PrimitiveTypes.Float32, nil
		case 2:
			return arrow.PrimitiveTypes.Float64, nil
		}
	case typeDecimal:
		precision, scale, bits := t.int32(0, 0), t.int32(1, 0), t.int32(2, 128)
		switch {
		case bits == 128 && precision >= 1 && precision <= 38:
			return &arrow.Decimal128Type{Precision: precision, Scale: scale}, nil
		case bits == 256 && precision >= 1 && precision <= 76:
			return &arrow.Decimal256Type{Precision: precision, Scale: scale}, nil
		}
		return nil, unsupported(path, "a decimal of "+strconv.Itoa(int(bits))+" bits and "+strconv.Itoa(int(precision))+" digits")
	case typeDate:
		if t.int16(0, 1) == 0 {
			return arrow.FixedWidthTypes.Date32, nil
		}
		return arrow.FixedWidthTypes.Date64, nil
	case typeFixedSizeBinary:
		if n := t.int32(0, 0); n > 0 {
			return &arrow.FixedSizeBinaryType{ByteWidth: int(n)}, nil
		}
		return nil, unsupported(path, "fixed_size_binary of no bytes")
	case typeFixedSizeList:
		if n := t.int32(0, 0); n > 0 {
			return arrow.FixedSizeListOfField(n, children[0]), nil
		}
		return nil, unsupported(path, "fixed_size_list of no values")
	case typeTime, typeTimestamp, typeDuration:
		return temporal(kind, t)
	}
	return nil, damaged("a type of number " + strconv.Itoa(int(kind)))
}

func temporal(kind byte, t table) (arrow.DataType, error) {
	absent := int16(1) // milliseconds
	if kind == typeTimestamp {
		absent = 0
	}
	n := t.int16(0, absent)
	if n < 0 || n > 3 {
		return nil, damaged("a unit of time")
	}
	unit := [4]arrow.TimeUnit{arrow.Second, arrow.Millisecond, arrow.Microsecond, arrow.Nanosecond}[n]
	bits := t.int32(1, 32)
	switch {
	case kind == typeTimestamp:
		return timestamp(unit, t.string(1))
	case kind == typeDuration:
		return &arrow.DurationType{Unit: unit}, nil
	case bits == 32 && n < 2:
		return &arrow.Time32Type{Unit: unit}, nil
	case bits == 64 && n >= 2:
		return &arrow.Time64Type{Unit: unit}, nil
	default:
		return nil, damaged("a time of day of " + strconv.Itoa(int(bits)) + " bits")
	}
}

// timestamp checks the name of the zone as far as no list of zones is needed.
func timestamp(unit arrow.TimeUnit, zone string) (arrow.DataType, error) {
	for _, c := range []byte(zone) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '/' || c == '_' || c == '-' || c == '+' || c == ':') {
			return nil, damaged("the name of a time zone")
		}
	}
	if len(zone) > 64 {
		return nil, damaged("the name of a time zone")
	}
	return &arrow.TimestampType{Unit: unit, TimeZone: zone}, nil
}

func integer(t table, path string) (arrow.DataType, error) {
	types := [2]map[int32]arrow.DataType{
		{8: arrow.PrimitiveTypes.Uint8, 16: arrow.PrimitiveTypes.Uint16, 32: arrow.PrimitiveTypes.Uint32, 64: arrow.PrimitiveTypes.Uint64},
		{8: arrow.PrimitiveTypes.Int8, 16: arrow.PrimitiveTypes.Int16, 32: arrow.PrimitiveTypes.Int32, 64: arrow.PrimitiveTypes.Int64},
	}
	signed := 0
	if t.bool(1) {
		signed = 1
	}
	bits := t.int32(0, 0)
	if dt := types[signed][bits]; dt != nil {
		return dt, nil
	}
	return nil, unsupported(path, "an integer of "+strconv.Itoa(int(bits))+" bits")
}
