package lance

import (
	"fmt"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// convertible says why no array of a type can be made one of another.
func convertible(from, to arrow.DataType) error {
	b := array.NewBuilder(memory.DefaultAllocator, dictionary.PlainType(from))
	defer b.Release()
	none := b.NewArray()
	defer none.Release()
	out, err := caster{}.cast(none, dictionary.PlainType(to), nil)
	if err == nil {
		out.Release()
	}
	return err
}

// convert returns the entries of an array in another type, each value exactly, or
// rounded to a float if round is set. The type differs in one place, to which structs
// of one member and lists may lead.
func convert(in arrow.Array, to arrow.DataType, round bool) (arrow.Array, error) {
	rows := make([]int, in.Len())
	for i := range rows {
		rows[i] = i
	}
	values, err := dictionary.Plain(in)
	if err != nil {
		return nil, err
	}
	defer values.Release()
	made, err := caster{round}.cast(values, dictionary.PlainType(to), rows)
	if err != nil {
		return nil, err
	}
	defer made.Release()
	return dictionary.Index(made, to)
}

type caster struct{ round bool }

// cast converts entries of which rows says where they belong; -1 is an entry that
// belongs nowhere, since it lies behind a null.
func (c caster) cast(in arrow.Array, to arrow.DataType, rows []int) (arrow.Array, error) {
	if _, ok := to.(*arrow.ListType); ok && width(in.DataType()) > 0 {
		loose := unfixed(in.(*array.FixedSizeList))
		defer loose.Release()
		in = loose
	}
	nested, ok := to.(arrow.NestedType)
	if !ok || in.DataType().ID() != to.ID() || width(in.DataType()) != width(to) {
		return c.leaf(in, to, rows)
	}
	child := array.MakeFromData(in.Data().Children()[0])
	defer child.Release()
	below := make([]int, child.Len())
	for i := range below {
		below[i] = -1
	}
	for i := range in.Len() {
		if in.IsNull(i) {
			continue
		}
		from, end := int64(in.Data().Offset()+i), int64(in.Data().Offset()+i+1)
		if list, ok := in.(array.ListLike); ok {
			from, end = list.ValueOffsets(i)
		}
		for k := from; k < end; k++ {
			below[k] = rows[i]
		}
	}
	made, err := c.cast(child, nested.Fields()[0].Type, below)
	if err != nil {
		return nil, err
	}
	defer made.Release()
	data := array.NewData(to, in.Len(), in.Data().Buffers(), []arrow.ArrayData{made.Data()}, in.NullN(), in.Data().Offset())
	defer data.Release()
	return array.MakeFromData(data), nil
}

// width is the length of a fixed-size list, 0 for other types.
func width(dt arrow.DataType) int32 {
	if t, ok := dt.(*arrow.FixedSizeListType); ok {
		return t.Len()
	}
	return 0
}

func (c caster) leaf(in arrow.Array, to arrow.DataType, rows []int) (arrow.Array, error) {
	if arrow.TypeEqual(in.DataType(), to) { // of a dictionary, or for one
		in.Retain()
		return in, nil
	}
	b := array.NewBuilder(memory.DefaultAllocator, to)
	defer b.Release()
	b.Reserve(in.Len())
	put, err := c.converter(in, b)
	if err != nil {
		return nil, err
	}
	for i := range in.Len() {
		if in.IsNull(i) || rows[i] < 0 {
			b.AppendNull()
			continue
		}
		if err := put(i); err != nil {
			return nil, &cellError{row: rows[i], err: err}
		}
	}
	return b.NewArray(), nil
}

// converter returns what appends the value at a place to a builder.
func (c caster) converter(in arrow.Array, b array.Builder) (func(i int) error, error) {
	if put := instants(in, b); put != nil {
		return put, nil
	}
	if get := textOf(in); get != nil {
		if put := textTo(b, isUTF8(in)); put != nil {
			return func(i int) error { put(get(i)); return nil }, nil
		}
	}
	if put := c.numberTo(b); put != nil {
		if get := numberOf(in); get != nil {
			return func(i int) error {
				n := get(i)
				if !put(n) {
					return inexact(in, i, b)
				}
				return nil
			}, nil
		}
	}
	return nil, fmt.Errorf("a change of type from %s to %s: %w", in.DataType(), b.Type(), ErrUnsupported)
}

// instants turns dates into timestamps; nil for other types.
func instants(in arrow.Array, b array.Builder) func(i int) error {
	days, ok := in.(*array.Date32)
	to, is := b.(*array.TimestampBuilder)
	if !ok || !is {
		return nil
	}
	perDay := int64(24 * time.Hour / to.Type().(*arrow.TimestampType).Unit.Multiplier())
	return func(i int) error {
		v := int64(days.Value(i))
		if v*perDay/perDay != v {
			return inexact(in, i, b)
		}
		to.Append(arrow.Timestamp(v * perDay))
		return nil
	}
}

func inexact(in arrow.Array, i int, b array.Builder) error {
	return fmt.Errorf("%s does not fit into %s exactly: %w", in.ValueStr(i), b.Type(), ErrInexact)
}

func isUTF8(in arrow.Array) bool {
	id := in.DataType().ID()
	return id == arrow.STRING || id == arrow.LARGE_STRING
}

// textOf reads strings and binaries.
func textOf(in arrow.Array) func(i int) []byte {
	switch in := in.(type) {
	case *array.String:
		return func(i int) []byte { return []byte(in.Value(i)) }
	case *array.LargeString:
		return func(i int) []byte { return []byte(in.Value(i)) }
	case *array.Binary:
		return in.Value
	case *array.LargeBinary:
		return in.Value
	}
	return nil
}

// textTo writes strings, or binaries; nil if that is not what the values are.
func textTo(b array.Builder, utf8 bool) func(v []byte) {
	switch b := b.(type) {
	case *array.StringBuilder:
		if utf8 {
			return func(v []byte) { b.Append(string(v)) }
		}
	case *array.LargeStringBuilder:
		if utf8 {
			return func(v []byte) { b.Append(string(v)) }
		}
	case *array.BinaryBuilder:
		if !utf8 {
			return b.Append
		}
	}
	return nil
}
