package lance

import (
	"math"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// number is an integer or a float, exactly.
type number struct {
	magnitude uint64 // of an integer
	negative  bool
	float     float64
	isFloat   bool
}

func signed(v int64) number {
	if v < 0 {
		return number{magnitude: -uint64(v), negative: true}
	}
	return number{magnitude: uint64(v)}
}

// numberOf reads the numbers of an array, nil if it holds others.
func numberOf(in arrow.Array) func(i int) number {
	switch in := in.(type) {
	case *array.Int8:
		return func(i int) number { return signed(int64(in.Value(i))) }
	case *array.Int16:
		return func(i int) number { return signed(int64(in.Value(i))) }
	case *array.Int32:
		return func(i int) number { return signed(int64(in.Value(i))) }
	case *array.Int64:
		return func(i int) number { return signed(in.Value(i)) }
	case *array.Uint8:
		return func(i int) number { return number{magnitude: uint64(in.Value(i))} }
	case *array.Uint16:
		return func(i int) number { return number{magnitude: uint64(in.Value(i))} }
	case *array.Uint32:
		return func(i int) number { return number{magnitude: uint64(in.Value(i))} }
	case *array.Uint64:
		return func(i int) number { return number{magnitude: in.Value(i)} }
	case *array.Float16:
		return func(i int) number { return number{float: halfValue(in.Value(i)), isFloat: true} }
	case *array.Float32:
		return func(i int) number { return number{float: float64(in.Value(i)), isFloat: true} }
	case *array.Float64:
		return func(i int) number { return number{float: in.Value(i), isFloat: true} }
	}
	return nil
}

// numberTo appends numbers to a builder; it reports false, and appends nothing, for
// one that its type does not hold exactly, unless it is an integer that may be rounded.
// nil if it builds others.
func (c caster) numberTo(b array.Builder) func(n number) bool {
	switch b := b.(type) {
	case *array.Int8Builder:
		return integers(func(v int64) { b.Append(int8(v)) }, math.MinInt8, math.MaxInt8)
	case *array.Int16Builder:
		return integers(func(v int64) { b.Append(int16(v)) }, math.MinInt16, math.MaxInt16)
	case *array.Int32Builder:
		return integers(func(v int64) { b.Append(int32(v)) }, math.MinInt32, math.MaxInt32)
	case *array.Int64Builder:
		return integers(b.Append, math.MinInt64, math.MaxInt64)
	case *array.Uint8Builder:
		return naturals(func(v uint64) { b.Append(uint8(v)) }, math.MaxUint8)
	case *array.Uint16Builder:
		return naturals(func(v uint64) { b.Append(uint16(v)) }, math.MaxUint16)
	case *array.Uint32Builder:
		return naturals(func(v uint64) { b.Append(uint32(v)) }, math.MaxUint32)
	case *array.Uint64Builder:
		return naturals(b.Append, math.MaxUint64)
	case *array.Float16Builder:
		return floats(func(v float64) bool {
			half, ok := halfOf(v)
			if ok {
				b.Append(half)
			}
			return ok
		})
	case *array.Float32Builder:
		return floats(func(v float64) bool {
			if float64(float32(v)) != v && !math.IsNaN(v) {
				return false
			}
			b.Append(float32(v))
			return true
		})
	case *array.Float64Builder:
		put := func(v float64) bool { b.Append(v); return true }
		if c.round {
			return rounded(put)
		}
		return floats(put)
	}
	return nil
}

func integers(put func(int64), least, most int64) func(number) bool {
	return func(n number) bool {
		switch {
		case n.isFloat:
			return false
		case n.negative && n.magnitude > -uint64(least), !n.negative && n.magnitude > uint64(most):
			return false
		case n.negative:
			put(int64(-n.magnitude))
		default:
			put(int64(n.magnitude))
		}
		return true
	}
}

func naturals(put func(uint64), most uint64) func(number) bool {
	return func(n number) bool {
		if n.isFloat || n.negative || n.magnitude > most {
			return false
		}
		put(n.magnitude)
		return true
	}
}

// rounded takes any number, an integer as the nearest float.
func rounded(put func(float64) bool) func(number) bool {
	return func(n number) bool {
		switch {
		case n.isFloat:
			return put(n.float)
		case n.negative:
			return put(-float64(n.magnitude))
		default:
			return put(float64(n.magnitude))
		}
	}
}

// floats takes an integer whose significant bits a float64 has room for, which the
// conversion back shows.
func floats(put func(float64) bool) func(number) bool {
	return func(n number) bool {
		if n.isFloat {
			return put(n.float)
		}
		v := float64(n.magnitude)
		if v >= 1<<64 || uint64(v) != n.magnitude {
			return false
		}
		if n.negative {
			v = -v
		}
		return put(v)
	}
}
