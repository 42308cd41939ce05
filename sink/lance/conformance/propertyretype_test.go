package conformance_test

import (
	"math"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"pgregory.net/rapid"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// alternatives are the types that a type can be changed to: those of values, and
// dictionaries of them.
func alternatives(kind arrow.DataType) []arrow.DataType {
	values := valueAlternatives(dictionary.PlainType(kind))
	all := slices.Clone(values)
	for i, value := range values {
		all = append(all, indexedBy([]arrow.DataType{arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Uint64}[i%2], value))
	}
	return all
}

func valueAlternatives(kind arrow.DataType) []arrow.DataType {
	t, b := arrow.PrimitiveTypes, arrow.BinaryTypes
	floats := []arrow.DataType{t.Float32, t.Float64}
	switch id := kind.ID(); {
	case arrow.IsInteger(id):
		return append(floats, t.Int8, t.Int16, t.Int32, t.Int64, t.Uint8, t.Uint16, t.Uint32, t.Uint64)
	case id == arrow.FLOAT32 || id == arrow.FLOAT64:
		return floats
	case id == arrow.STRING || id == arrow.LARGE_STRING:
		return []arrow.DataType{b.String, b.LargeString}
	case id == arrow.BINARY || id == arrow.LARGE_BINARY:
		return []arrow.DataType{b.Binary, b.LargeBinary}
	}
	return nil
}

// weChangeType changes a column to a type that may not hold all of its values. Then
// it is refused; rows that are deleted may be the reason too.
func (p *play) weChangeType(t *rapid.T) {
	at := drawPlace(t, p.now, func(at place) bool { return !at.whole && alternatives(at.field.Type) != nil })
	to := rapid.SampledFrom(alternatives(at.field.Type)).Draw(t, "to")
	if arrow.TypeEqual(to, at.field.Type) {
		t.Skip("the same type")
	}
	_, err := p.ours.ChangeType(t.Context(), pathOf(at.names), to)
	before, fits := p.now, true
	p.changeField(at, func(f *arrow.Field) { f.Type = to })
	p.now.mapRows(at.path, func(v any) any {
		v, exact := retyped(v, to)
		fits = fits && exact
		return v
	})
	switch {
	case err == nil && !fits:
		t.Fatalf("column %s became %s, which does not hold all its values", at.field.Name, to)
	case err == nil:
		return
	}
	p.now = before
	if !strings.Contains(err.Error(), "exactly") || fits && !p.hasDeletions(t) {
		t.Fatalf("%v", err)
	}
}

func (p *play) hasDeletions(t *rapid.T) bool {
	list, err := p.theirs.Fragments()
	ok(t, err)
	for _, f := range list {
		if f.Deletions > 0 {
			return true
		}
	}
	return false
}

// retyped is a value in another type, and whether that holds it.
func retyped(v any, to arrow.DataType) (any, bool) {
	to = dictionary.PlainType(to)
	isFloat := to.ID() == arrow.FLOAT32 || to.ID() == arrow.FLOAT64
	switch v := v.(type) {
	case int64, uint64:
		if !isFloat {
			return v, inRange(v, to)
		}
		float, exact := toFloat(v)
		if to.ID() == arrow.FLOAT64 {
			return f64(math.Float64bits(float)), exact
		}
		return f32(math.Float32bits(float32(float))), exact && float64(float32(float)) == float
	case f32:
		if to.ID() == arrow.FLOAT32 {
			return v, true
		}
		return f64(math.Float64bits(float64(math.Float32frombits(uint32(v))))), true
	case f64:
		if to.ID() == arrow.FLOAT64 {
			return v, true
		}
		float := math.Float64frombits(uint64(v))
		return f32(math.Float32bits(float32(float))), math.IsNaN(float) || float64(float32(float)) == float
	}
	return v, true
}

func toFloat(v any) (float float64, exact bool) {
	if n, ok := v.(int64); ok {
		float = float64(n)
		return float, float < 1<<63 && int64(float) == n
	}
	float = float64(v.(uint64))
	return float, float < 1<<64 && uint64(float) == v.(uint64)
}

func inRange(v any, to arrow.DataType) bool {
	bits := to.(arrow.FixedWidthDataType).BitWidth()
	n, signed := v.(int64)
	switch {
	case arrow.IsUnsignedInteger(to.ID()):
		return !signed || n >= 0 && (bits == 64 || n < 1<<bits)
	default:
		return signed && (bits == 64 || n >= -1<<(bits-1) && n < 1<<(bits-1))
	}
}
