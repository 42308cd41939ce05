package file_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

// sampleTypes are the types that are written, by column name.
func sampleTypes() []arrow.Field {
	p := arrow.PrimitiveTypes
	item := arrow.StructOf(
		arrow.Field{Name: "a", Type: p.Int32, Nullable: true},
		arrow.Field{Name: "b", Type: arrow.BinaryTypes.String, Nullable: true})
	var list []arrow.Field
	for name, dt := range map[string]arrow.DataType{
		"bool": arrow.FixedWidthTypes.Boolean,
		"i8":   p.Int8, "i16": p.Int16, "i32": p.Int32, "i64": p.Int64,
		"u8": p.Uint8, "u16": p.Uint16, "u32": p.Uint32, "u64": p.Uint64,
		"f32": p.Float32, "f64": p.Float64,
		"utf8": arrow.BinaryTypes.String, "large_utf8": arrow.BinaryTypes.LargeString,
		"binary": arrow.BinaryTypes.Binary, "large_binary": arrow.BinaryTypes.LargeBinary,
		"date":     arrow.FixedWidthTypes.Date32,
		"ts":       &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"},
		"time":     arrow.FixedWidthTypes.Time64us,
		"duration": arrow.FixedWidthTypes.Duration_ms,
		"decimal":  &arrow.Decimal128Type{Precision: 20, Scale: 2},
		"fsb":      &arrow.FixedSizeBinaryType{ByteWidth: 5},
		"fsb_wide": &arrow.FixedSizeBinaryType{ByteWidth: 300},
		"ts_s":     &arrow.TimestampType{Unit: arrow.Second},
		"v3":       arrow.FixedSizeListOf(3, p.Float32), "v100": arrow.FixedSizeListOf(100, p.Float64),
		"v5i":             arrow.FixedSizeListOf(5, p.Int8),
		"list":            arrow.ListOf(p.Int64),
		"large_list":      arrow.LargeListOf(p.Int16),
		"list_bool":       arrow.ListOf(arrow.FixedWidthTypes.Boolean),
		"list_utf8":       arrow.ListOf(arrow.BinaryTypes.String),
		"list_vector":     arrow.ListOf(arrow.FixedSizeListOf(80, p.Float32)),
		"list_list":       arrow.ListOf(arrow.ListOf(p.Int32)),
		"struct":          item,
		"list_struct":     arrow.ListOf(item),
		"struct_list":     arrow.StructOf(arrow.Field{Name: "l", Type: arrow.ListOf(item), Nullable: true}),
		"struct_struct":   arrow.StructOf(arrow.Field{Name: "s", Type: item, Nullable: true}, arrow.Field{Name: "n", Type: p.Int8, Nullable: true}),
		"list_str_list":   arrow.ListOf(arrow.StructOf(arrow.Field{Name: "l", Type: arrow.ListOf(p.Int8), Nullable: true})),
		"list_list_long":  arrow.ListOf(arrow.ListOf(arrow.BinaryTypes.Binary)),
		"struct_list_str": arrow.StructOf(arrow.Field{Name: "l", Type: arrow.ListOf(arrow.BinaryTypes.LargeBinary), Nullable: true}),
	} {
		list = append(list, arrow.Field{Name: name, Type: dt, Nullable: true})
	}
	return list
}

// Nulls says how many of a column's entries are null, at every depth.
type nulls string

const (
	noNulls   nulls = "none"
	someNulls nulls = "some"
	allNulls  nulls = "all"
)

// sampler fills builders.
type sampler struct {
	*rand.Rand
	nulls nulls
	long  bool // strings of hundreds of bytes
}

func (s *sampler) null() bool {
	return s.nulls == allNulls || s.nulls == someNulls && s.IntN(4) == 0
}

// add appends one entry.
func (s *sampler) add(b array.Builder) {
	if s.null() {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.StructBuilder:
		b.Append(true)
		for i := range b.NumField() {
			s.add(b.FieldBuilder(i))
		}
	case *array.FixedSizeListBuilder:
		// A null number inside a vector is not for this test.
		b.Append(true)
		inner := sampler{Rand: s.Rand, nulls: noNulls}
		for range b.Type().(*arrow.FixedSizeListType).Len() {
			inner.add(b.ValueBuilder())
		}
	case array.ListLikeBuilder:
		b.Append(true)
		for range s.IntN(4) {
			s.add(b.ValueBuilder())
		}
	default:
		s.addFlat(b)
	}
}

func (s *sampler) addFlat(b array.Builder) {
	small := s.IntN(100)
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(small%3 == 0)
	case *array.Int8Builder:
		b.Append(int8(small - 50))
	case *array.Int16Builder:
		b.Append(int16(s.Uint32()))
	case *array.Int32Builder:
		b.Append(int32(small))
	case *array.Int64Builder:
		b.Append(int64(1_000_000 + small))
	case *array.Uint8Builder:
		b.Append(uint8(small % 4))
	case *array.Uint16Builder:
		b.Append(uint16(small))
	case *array.Uint32Builder:
		b.Append(s.Uint32())
	case *array.Uint64Builder:
		b.Append(s.Uint64())
	case *array.Float32Builder:
		b.Append(float32(small) / 8)
	case *array.Float64Builder:
		b.Append(s.Float64())
	case *array.Date32Builder:
		b.Append(arrow.Date32(small * 100))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(s.Uint64() >> 14))
	case *array.Time64Builder:
		b.Append(arrow.Time64(small) * 1_000_000)
	case *array.DurationBuilder:
		b.Append(arrow.Duration(small))
	case *array.Decimal128Builder:
		b.Append(decimal128.FromI64(int64(small - 50)))
	case *array.FixedSizeBinaryBuilder:
		b.Append(bytes.Repeat([]byte{byte(small)}, b.Type().(*arrow.FixedSizeBinaryType).ByteWidth))
	case *array.StringBuilder:
		b.Append(string(s.bytes()))
	case *array.LargeStringBuilder:
		b.Append(string(s.bytes()))
	case *array.BinaryBuilder:
		b.Append(s.bytes())
	default:
		panic(fmt.Sprintf("no sample of %s", b.Type()))
	}
}

func (s *sampler) bytes() []byte {
	n := s.IntN(12)
	if s.long {
		n = s.IntN(700)
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = "abcdefgh"[s.IntN(8)]
	}
	return out
}

// sample is an array that is a slice of a longer one.
func (s *sampler) sample(t testing.TB, dt arrow.DataType, rows int) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	defer b.Release()
	const before, after = 3, 2
	for range before + rows + after {
		s.add(b)
	}
	whole := b.NewArray()
	defer whole.Release()
	return array.NewSlice(whole, before, int64(before+rows))
}

// record is one record of fields filled by s.
func (s *sampler) record(t testing.TB, fs []arrow.Field, rows int) arrow.Record {
	t.Helper()
	columns := make([]arrow.Array, len(fs))
	for i, f := range fs {
		columns[i] = s.sample(t, f.Type, rows)
		defer columns[i].Release()
	}
	return array.NewRecord(arrow.NewSchema(fs, nil), columns, int64(rows))
}

// object is a file in memory.
type object struct{ *bytes.Reader }

func (object) Close() error { return nil }

func toObject(b []byte) object { return object{bytes.NewReader(b)} }

// encode writes records as a file.
func encode(t testing.TB, o file.WriterOptions, recs ...arrow.Record) ([]byte, file.Summary) {
	t.Helper()
	s, err := fields.FromArrow(recs[0].Schema())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := file.NewWriter(&out, s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range recs {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	summary, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if summary.Size != uint64(out.Len()) {
		t.Errorf("the summary tells %d bytes, the file has %d", summary.Size, out.Len())
	}
	return out.Bytes(), summary
}

// decode reads all rows of a file.
func decode(b []byte, batchRows int) ([]arrow.Record, error) {
	r, err := file.Open(toObject(b), "data/x.lance")
	if err != nil {
		return nil, err
	}
	var recs []arrow.Record
	for rec, err := range r.All(context.Background(), batchRows) {
		if err != nil {
			return recs, err
		}
		recs = append(recs, rec)
	}
	return recs, nil
}

func newRecord(fs []arrow.Field, columns []arrow.Array, rows int) arrow.Record {
	return array.NewRecord(arrow.NewSchema(fs, nil), columns, int64(rows))
}

// bridgeColumns are columns as the bridge meets them: a sequence, a time, and
// of payloads runs, prices, few distinct and many alike strings.
func bridgeColumns(rng *rand.Rand, rows int) arrow.Record {
	fs := []arrow.Field{
		{Name: "seq", Type: arrow.PrimitiveTypes.Uint64},
		{Name: "when", Type: &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}},
		{Name: "runs", Type: arrow.PrimitiveTypes.Int64},
		{Name: "price", Type: arrow.PrimitiveTypes.Float64},
		{Name: "user", Type: arrow.BinaryTypes.String},
		{Name: "text", Type: arrow.BinaryTypes.String},
		{Name: "long", Type: arrow.BinaryTypes.LargeString},
	}
	r := array.NewRecordBuilder(memory.DefaultAllocator, arrow.NewSchema(fs, nil))
	defer r.Release()
	for i := range rows {
		text := fmt.Sprintf("order %d shipped from warehouse %d to region %d", rng.IntN(1<<20), rng.IntN(20), rng.IntN(9))
		r.Field(0).(*array.Uint64Builder).Append(uint64(5_000_000 + i))
		r.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(1_700_000_000_000_000 + i*37))
		r.Field(2).(*array.Int64Builder).Append(int64(i/700) << 40)
		r.Field(3).(*array.Float64Builder).Append(float64(rng.IntN(100_000)) / 100)
		r.Field(4).(*array.StringBuilder).Append(fmt.Sprintf("user-%d", rng.IntN(100)))
		r.Field(5).(*array.StringBuilder).Append(text)
		r.Field(6).(*array.LargeStringBuilder).Append(strings.Repeat(text, 1+rng.IntN(9)))
	}
	return r.NewRecord()
}
