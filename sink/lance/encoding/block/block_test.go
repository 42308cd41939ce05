package block_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

func fromJSON(t *testing.T, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(arr.Release)
	return arr
}

// vectors is a fixed size list column over numbers that start in the middle of
// a longer array.
func vectors(t *testing.T) arrow.Array {
	t.Helper()
	numbers := fromJSON(t, arrow.PrimitiveTypes.Int16, `[0, 1, 2, 3, 4, 5, 6, 7, 8]`)
	slice := array.NewSlice(numbers, 1, 9)
	t.Cleanup(slice.Release)
	data := array.NewData(arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int16), 4,
		[]*memory.Buffer{nil}, []arrow.ArrayData{slice.Data()}, 0, 0)
	t.Cleanup(data.Release)
	arr := array.MakeFromData(data)
	t.Cleanup(arr.Release)
	return arr
}

func TestRoundTripOfSlices(t *testing.T) {
	for _, arr := range []arrow.Array{
		fromJSON(t, arrow.PrimitiveTypes.Uint16, `[1, 2, 3, 4, 5]`),
		fromJSON(t, arrow.FixedWidthTypes.Boolean, `[true, false, true, true, false, true, true, true, true, false]`),
		fromJSON(t, arrow.BinaryTypes.String, `["a", "", "bcd", "e", "fg"]`),
		fromJSON(t, arrow.BinaryTypes.LargeString, `["a", "", "bcd", "e", "fg"]`),
		fromJSON(t, arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(3, arrow.PrimitiveTypes.Int8)),
			`[[[1,2,3],[4,5,6]], [[7,8,9],[10,11,12]], [[13,14,15],[16,17,18]]]`),
		vectors(t),
	} {
		for from := range arr.Len() + 1 {
			for to := from; to <= arr.Len(); to++ {
				part := array.NewSlice(arr, int64(from), int64(to))
				b, err := block.Of(part)
				if err != nil {
					t.Fatalf("%s [%d:%d]: %v", arr.DataType(), from, to, err)
				}
				back, err := block.ToArrow(arr.DataType(), rebased(t, b, arr.DataType()))
				if err != nil {
					t.Fatalf("%s [%d:%d]: %v", arr.DataType(), from, to, err)
				}
				if !array.Equal(part, back) {
					t.Errorf("%s [%d:%d] is %v instead of %v", arr.DataType(), from, to, back, part)
				}
				part.Release()
				back.Release()
			}
		}
	}
}

// rebased is a block through a builder, item by item.
func rebased(t *testing.T, b block.Block, dt arrow.DataType) block.Block {
	t.Helper()
	shape, err := block.ShapeOf(dt)
	if err != nil {
		t.Fatal(err)
	}
	out := block.NewBuilder(shape, b.Items, len(b.Data))
	if shape.Width == 1 {
		out.AppendBits(b.Data, 0, b.Items)
		return out.Block()
	}
	for i := range b.Items {
		if shape.Width > 0 {
			out.AppendFixed(b.Item(i), 1)
		} else if err := out.AppendItem(b.Item(i)); err != nil {
			t.Fatal(err)
		}
	}
	return out.Block()
}

func TestBitsAppendAnywhere(t *testing.T) {
	b := block.NewBuilder(block.Shape{Width: 1}, 0, 0)
	want := ""
	for n := range 20 {
		b.AppendBits([]byte{0b10110101, 0b01101110, 0b1010}, 0, n)
		want += "101011010111011001010"[:n]
	}
	got := ""
	for i := range b.Items() {
		got += string('0' + b.Block().Data[i/8]>>(i%8)&1)
	}
	if got != want {
		t.Errorf("bits\n got %s\nwant %s", got, want)
	}
}

func TestNullsInsideVectors(t *testing.T) {
	dt := arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)
	b, err := block.Of(fromJSON(t, dt, `[[1, 2], null, [3, 4]]`))
	if err != nil || b.Inner != nil {
		t.Errorf("a null vector, whose numbers count for nothing: %b, %v", b.Inner, err)
	}
	b, err = block.Of(array.NewSlice(fromJSON(t, dt, `[[1, 2], null, [3, null]]`), 1, 3))
	if err != nil || len(b.Inner) != 1 || b.Inner[0][0]&0b1100 != 0b0100 {
		t.Errorf("a null number inside a vector: %b, %v", b.Inner, err)
	}
	nested := arrow.FixedSizeListOf(2, arrow.FixedSizeListOf(1, arrow.PrimitiveTypes.Int8))
	if _, err = block.Of(fromJSON(t, nested, `[[[1], [2]], null]`)); err != nil {
		t.Errorf("a null list of lists: %v", err)
	}
	b, err = block.Of(fromJSON(t, nested, `[[[1], null], null, [[null], [4]]]`))
	if err != nil || len(b.Inner) != 2 || b.Inner[0][0]&0b110011 != 0b110001 || b.Inner[1][0]&0b110001 != 0b100001 {
		t.Errorf("a null list in a list, and a null number: %b, %v", b.Inner, err)
	}
}

func TestBoolsInVectors(t *testing.T) {
	dt := arrow.FixedSizeListOf(3, arrow.FixedWidthTypes.Boolean)
	arr := array.NewSlice(fromJSON(t, dt, `[[true, true, true], [true, false, null], [false, false, true]]`), 1, 3)
	b, err := block.Of(arr)
	if err != nil || !slices.Equal(b.Data, []byte{1, 0, b.Data[2], 0, 0, 1}) || b.Inner[0][0] != 0b111011 {
		t.Fatalf("%v, %v", b, err)
	}
	back, err := block.ToArrow(dt, b)
	if err != nil || back.String() != arr.String() {
		t.Errorf("%v instead of %v: %v", back, arr, err)
	}
}

func TestShortBuffersAreErrors(t *testing.T) {
	short := memory.NewBufferBytes(make([]byte, 7))
	for _, dt := range []arrow.DataType{
		arrow.PrimitiveTypes.Int32, arrow.FixedWidthTypes.Boolean, arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary,
	} {
		data := array.NewData(dt, 100, []*memory.Buffer{nil, short, short}, nil, 0, 0)
		arr := unchecked{data}
		if _, err := block.Of(arr); err == nil {
			t.Errorf("%s: 100 items in 7 bytes are taken without an error", dt)
		}
		data.Release()
	}
}

// unchecked is an array that Arrow's own constructors would panic on.
type unchecked struct{ data *array.Data }

func (u unchecked) DataType() arrow.DataType { return u.data.DataType() }
func (u unchecked) Data() arrow.ArrayData    { return u.data }

var _ block.Source = unchecked{}

func TestTypesWithoutBuffersAreNamed(t *testing.T) {
	for _, dt := range []arrow.DataType{
		arrow.ListOf(arrow.PrimitiveTypes.Int8),
		arrow.StructOf(),
		&arrow.FixedSizeBinaryType{ByteWidth: 0},
		arrow.FixedSizeListOf(1<<30, arrow.FixedSizeListOf(1<<30, arrow.FixedSizeListOf(1<<30, arrow.PrimitiveTypes.Int64))),
		arrow.FixedSizeListOf(2, arrow.BinaryTypes.String),
		arrow.FixedSizeListOf(2, arrow.Null),
		&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String},
	} {
		if _, err := block.ShapeOf(dt); err == nil || !strings.Contains(err.Error(), dt.Name()) {
			t.Errorf("%s: %v", dt, err)
		}
	}
}
