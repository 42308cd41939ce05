package conformance_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/decimal256"
	"github.com/apache/arrow/go/v17/arrow/float16"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

// nullness is how many entries of a column are null, and of its lists empty.
type nullness int

const (
	noNulls nullness = iota
	someNulls
	allNulls
	mostlyEmpty // lists: nearly all of them; else like someNulls
)

func (n nullness) String() string { return [...]string{"none", "some", "all", "sparse"}[n] }

// flavour is what values look like, since encodings are chosen by it.
type flavour int

const (
	wild   flavour = iota // any bits
	sorted                // counting up
	few                   // one of three values
	same                  // one value
	long                  // wild, and strings of some kilobytes
	holes                 // wild, and nulls inside fixed-size lists
)

func (f flavour) String() string {
	return [...]string{"wild", "sorted", "few", "same", "long", "holes"}[f]
}

// column is one cell of the matrix.
type column struct {
	kind    arrow.DataType
	nulls   nullness
	flavour flavour
}

func (c column) name() string { return fmt.Sprintf("%s %s %s", c.kind, c.nulls, c.flavour) }

// filler makes random arrays.
type filler struct {
	*rand.Rand
	column
	next   int // counts values
	narrow bool
}

// recordOf makes a record of rows with these columns; fields without nulls are
// not nullable.
func recordOf(r *rand.Rand, columns []column, rows int) arrow.Record {
	fields := make([]arrow.Field, len(columns))
	arrays := make([]arrow.Array, len(columns))
	for i, c := range columns {
		fields[i] = arrow.Field{Name: fmt.Sprintf("%d %s", i, c.name()), Type: c.kind, Nullable: c.nulls != noNulls}
		plain := arrow.Field{Type: dictionary.PlainType(c.kind), Nullable: fields[i].Nullable}
		b := array.NewBuilder(memory.DefaultAllocator, plain.Type)
		f := &filler{Rand: r, column: c, narrow: dictionary.Has(c.kind)}
		for range rows {
			f.add(b, plain)
		}
		arrays[i] = indexed(b.NewArray(), c.kind)
		b.Release()
	}
	return array.NewRecord(arrow.NewSchema(fields, nil), arrays, int64(rows))
}

// indexed is an array with dictionaries in place of values, where the type has some.
func indexed(plain arrow.Array, kind arrow.DataType) arrow.Array {
	arr, err := dictionary.Index(plain, kind)
	if err != nil {
		panic(err)
	}
	return arr
}

// null decides about one entry.
func (f *filler) null() bool {
	switch f.nulls {
	case noNulls:
		return false
	case allNulls:
		return true
	default:
		return f.IntN(4) == 0
	}
}

// length draws how many items a list has.
func (f *filler) length() int {
	switch {
	case f.nulls == mostlyEmpty:
		return max(0, f.IntN(60)-57)
	case f.nulls == noNulls && f.flavour == same:
		return 3
	case f.IntN(50) == 0:
		return f.IntN(200)
	default:
		return f.IntN(5)
	}
}

// add appends one entry of a field.
func (f *filler) add(b array.Builder, field arrow.Field) {
	if field.Nullable && f.null() {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			f.add(b.FieldBuilder(i), field.Type.(*arrow.StructType).Field(i))
		}
	case *array.FixedSizeListBuilder:
		b.Append(true)
		t := field.Type.(*arrow.FixedSizeListType)
		for range t.Len() {
			f.add(b.ValueBuilder(), arrow.Field{Type: t.Elem(), Nullable: f.flavour == holes})
		}
	case *array.MapBuilder:
		b.Append(true)
		t := field.Type.(*arrow.MapType)
		for range f.length() {
			f.add(b.KeyBuilder(), t.KeyField())
			f.add(b.ItemBuilder(), t.ItemField())
		}
	case *array.ListBuilder:
		b.Append(true)
		f.items(b.ValueBuilder(), field.Type.(*arrow.ListType).ElemField())
	case *array.LargeListBuilder:
		b.Append(true)
		f.items(b.ValueBuilder(), field.Type.(*arrow.LargeListType).ElemField())
	default:
		f.leaf(b)
	}
}

func (f *filler) items(b array.Builder, elem arrow.Field) {
	if f.nulls == noNulls {
		elem.Nullable = false
	}
	for range f.length() {
		f.add(b, elem)
	}
}

// bits draws the next value, as many bits as a type may want.
func (f *filler) bits() uint64 {
	f.next++
	switch f.flavour {
	case sorted:
		return uint64(f.next)
	case few:
		return uint64(f.IntN(3)) * 1000003
	case same:
		return 1<<40 + 7
	default:
		if f.narrow { // as many as small keys count, over some pages
			return uint64(f.IntN(25)) * 0x10003
		}
		return f.Uint64() >> f.IntN(60)
	}
}

// leaf appends one value.
func (f *filler) leaf(b array.Builder) {
	v := f.bits()
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v&1 == 1)
	case *array.Int8Builder:
		b.Append(int8(v))
	case *array.Int16Builder:
		b.Append(int16(v))
	case *array.Int32Builder:
		b.Append(int32(v))
	case *array.Int64Builder:
		b.Append(int64(v))
	case *array.Uint8Builder:
		b.Append(uint8(v))
	case *array.Uint16Builder:
		b.Append(uint16(v))
	case *array.Uint32Builder:
		b.Append(uint32(v))
	case *array.Uint64Builder:
		b.Append(v)
	case *array.Float32Builder:
		b.Append(math.Float32frombits(uint32(v)))
	case *array.Float64Builder:
		b.Append(math.Float64frombits(v))
	case *array.Date32Builder:
		b.Append(arrow.Date32(int32(v) % 3_000_000))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v >> 2))
	case *array.StringBuilder:
		b.Append(f.text(v))
	case *array.LargeStringBuilder:
		b.Append(f.text(v))
	case *array.BinaryBuilder:
		b.Append([]byte(f.text(v) + "\xff\x00"))
	default:
		f.rareLeaf(b, v)
	}
}

// rareLeaf appends one value of the less common types.
func (f *filler) rareLeaf(b array.Builder, v uint64) {
	switch b := b.(type) {
	case *array.NullBuilder:
		b.AppendNull()
	case *array.Float16Builder:
		b.Append(float16.FromBits(uint16(v)))
	case *array.Decimal128Builder:
		b.Append(decimal128.New(int64(v%1000)-500, v))
	case *array.Decimal256Builder:
		b.Append(decimal256.New(v%1000, v, ^v, v))
	case *array.FixedSizeBinaryBuilder:
		width := b.Type().(*arrow.FixedSizeBinaryType).ByteWidth
		b.Append(bytes.Repeat(binary.LittleEndian.AppendUint64(nil, v), 1+width/8)[:width])
	case *array.Date64Builder:
		b.Append(arrow.Date64(int64(v%3_000_000) * 86_400_000))
	case *array.Time32Builder:
		b.Append(arrow.Time32(v % 86_400))
	case *array.Time64Builder:
		b.Append(arrow.Time64(v % 86_400_000_000))
	case *array.DurationBuilder:
		b.Append(arrow.Duration(v))
	default:
		panic(fmt.Sprintf("no values for %T", b))
	}
}

// text makes a string of a number: short, sometimes empty or long, not only
// ASCII.
func (f *filler) text(v uint64) string {
	switch {
	case f.flavour == long && v%3 == 0:
		return strings.Repeat(fmt.Sprintf("%x ", v), f.IntN(3000))
	case f.flavour == long && v%101 == 0:
		return strings.Repeat("y", 70_000+f.IntN(100_000))
	case f.flavour == wild && v%11 == 0:
		return ""
	case f.flavour == wild && v%97 == 0:
		return strings.Repeat(fmt.Sprint(v), 12)
	default:
		return fmt.Sprintf("grüße %d", v)
	}
}
