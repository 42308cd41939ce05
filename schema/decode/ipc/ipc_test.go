package ipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	arrowipc "github.com/apache/arrow/go/v17/arrow/ipc"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

func options() Options {
	return Options{MaxDepth: 60, MaxFields: 100, MaxRows: 1000, Inflate: func(string, []byte, int) ([]byte, error) { return nil, io.ErrUnexpectedEOF }}
}

// write makes a stream of one column.
func write(t *testing.T, arr arrow.Array) []byte {
	t.Helper()
	s := arrow.NewSchema([]arrow.Field{{Name: "c", Type: arr.DataType(), Nullable: true}}, nil)
	var out bytes.Buffer
	w := arrowipc.NewWriter(&out, arrowipc.WithSchema(s))
	if err := w.Write(array.NewRecord(s, []arrow.Array{arr}, int64(arr.Len()))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// drain reads all batches of a stream.
func drain(p []byte, o Options) (out []*Batch, err error) {
	s, err := Open(p, o, nil)
	if err != nil {
		return nil, err
	}
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
}

// TestOffsetsThatFall: offsets that fall anywhere are found, also where each step is
// small when it wraps.
func TestOffsetsThatFall(t *testing.T) {
	strings := array.NewStringBuilder(memory.DefaultAllocator)
	strings.AppendValues([]string{"a", "bb", "cc"}, nil) // 0 1 3 5
	large := array.NewLargeStringBuilder(memory.DefaultAllocator)
	large.AppendValues([]string{"a", "bb", "cc"}, nil)
	for width, arr := range map[int]arrow.Array{4: strings.NewArray(), 8: large.NewArray()} {
		good := write(t, arr)
		want := make([]byte, 0, 4*width)
		put := func(vs ...uint64) []byte {
			want = want[:0]
			for _, v := range vs {
				if width == 4 {
					want = binary.LittleEndian.AppendUint32(want, uint32(v))
				} else {
					want = binary.LittleEndian.AppendUint64(want, v)
				}
			}
			return want
		}
		at := bytes.Index(good, put(0, 1, 3, 5))
		if at < 0 {
			t.Fatal("the offsets are not where they are expected")
		}
		half, full := uint64(math.MaxInt32), uint64(math.MaxUint32-1)
		if width == 8 {
			half, full = math.MaxInt64, math.MaxUint64-1
		}
		for _, offsets := range [][]uint64{
			{0, 3, 1, 5}, {1, 0, 3, 5}, {full, 1, 3, 5}, {0, half, full, 5}, {0, full, 3, 5}, {0, 1, 3, 6}, {0, 1, 3, half}, {0, 1, 3, full}, {6, 6, 6, 5},
		} {
			p := bytes.Clone(good)
			copy(p[at:], put(offsets...))
			if _, err := drain(p, options()); !errors.Is(err, ErrDamaged) {
				t.Errorf("%d bytes wide, %d: %v", width, offsets, err)
			}
		}
		if got, err := drain(good, options()); err != nil || got[0].Columns[0].Offset(2) != 3 {
			t.Errorf("as written: %v", err)
		}
	}
}

func TestLimits(t *testing.T) {
	ints := array.NewInt64Builder(memory.DefaultAllocator)
	for i := range 1001 {
		ints.Append(int64(i))
	}
	arr := ints.NewArray()
	if _, err := drain(write(t, arr), options()); !errors.Is(err, ErrLimit) {
		t.Errorf("1,001 rows: %v", err)
	}
	if _, err := drain(write(t, array.NewSlice(arr, 0, 1000)), options()); err != nil {
		t.Errorf("1,000 rows: %v", err)
	}
	deep := arrow.PrimitiveTypes.Int8
	for range 60 {
		deep = arrow.ListOf(deep)
	}
	if _, err := drain(write(t, array.MakeArrayOfNull(memory.DefaultAllocator, deep, 1)), options()); !errors.Is(err, ErrLimit) {
		t.Errorf("61 deep: %v", err)
	}
	wide := make([]arrow.Field, 100)
	for i := range wide {
		wide[i] = arrow.Field{Name: string(rune('a' + i)), Type: arrow.PrimitiveTypes.Int8}
	}
	if _, err := drain(write(t, array.MakeArrayOfNull(memory.DefaultAllocator, arrow.StructOf(wide...), 1)), options()); !errors.Is(err, ErrLimit) {
		t.Errorf("101 fields: %v", err)
	}
}

// TestSharedChildren: a description whose tables refer to the same children again and
// again has 2^40 paths. It is refused after one: the members have one name.
func TestSharedChildren(t *testing.T) {
	// A Schema whose every field has two children that are the same table, 40 deep.
	p := make([]byte, 8, 4096)
	word := func(v int) { p = binary.LittleEndian.AppendUint32(p, uint32(v)) }
	half := func(vs ...int) {
		for _, v := range vs {
			p = binary.LittleEndian.AppendUint16(p, uint16(v))
		}
	}
	vtable := len(p)
	half(16, 12, 0, 0, 4, 0, 0, 8) // Field: kind at 4, children at 8
	leaf := len(p)
	half(10, 8, 0, 0, 4)
	schemaTable := len(p)
	half(8, 8, 0, 4) // Schema: fields at 4
	root := len(p)
	word(root - schemaTable)
	word(4)
	word(1)
	word(4)
	for range 40 {
		at := len(p)
		word(at - vtable)
		word(typeStruct)
		word(4)
		word(2)
		word(8)
		word(4)
	}
	word(len(p) - leaf)
	word(typeNull)
	binary.LittleEndian.PutUint32(p, uint32(root))
	f := &flat{p: p}
	if _, err := readSchema(f.root(), Options{MaxDepth: 60, MaxFields: 4096}); !errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}
