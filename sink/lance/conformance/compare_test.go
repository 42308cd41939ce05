package conformance_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// requireRows compares rows of a table with rows of a record, given by
// ordinal, to the bit. What lies behind nulls is not looked at.
func requireRows(t *testing.T, got arrow.Table, want arrow.Record, rows []uint64) {
	t.Helper()
	if int(got.NumRows()) != len(rows) {
		t.Fatalf("%d rows, want %d", got.NumRows(), len(rows))
	}
	if got.NumCols() != want.NumCols() {
		t.Fatalf("%d columns, want %d", got.NumCols(), want.NumCols())
	}
	for i := range int(got.NumCols()) {
		at := 0
		for _, chunk := range got.Column(i).Data().Chunks() {
			for k := range chunk.Len() {
				if !sameEntry(chunk, k, want.Column(i), int(rows[at])) {
					t.Fatalf("column %s, row %d: got %s, want %s", want.ColumnName(i), rows[at],
						chunk.ValueStr(k), want.Column(i).ValueStr(int(rows[at])))
				}
				at++
			}
		}
	}
}

// requireRecords compares the records of a scan with one record some times over.
func requireRecords(t *testing.T, got []arrow.Record, want arrow.Record, times int) {
	t.Helper()
	schema := want.Schema()
	if len(got) > 0 {
		schema = got[0].Schema()
	}
	table := array.NewTableFromRecords(schema, got)
	defer table.Release()
	rows := make([]uint64, times*int(want.NumRows()))
	for i := range rows {
		rows[i] = uint64(i % int(want.NumRows()))
	}
	requireRows(t, table, want, rows)
}

// sameEntry compares entry i of one array with entry k of another.
func sameEntry(a arrow.Array, i int, b arrow.Array, k int) bool {
	if isNull(a, i) || isNull(b, k) {
		return isNull(a, i) == isNull(b, k)
	}
	switch a := a.(type) {
	case *array.Dictionary:
		other := b.(*array.Dictionary)
		return sameEntry(a.Dictionary(), a.GetValueIndex(i), other.Dictionary(), other.GetValueIndex(k))
	case *array.Struct:
		return sameMembers(a, i, b.(*array.Struct), k)
	case array.ListLike: // a fixed-size list too
		b := b.(array.ListLike)
		from, to := a.ValueOffsets(i)
		other, end := b.ValueOffsets(k)
		if to-from != end-other {
			return false
		}
		for n := range to - from {
			if !sameEntry(a.ListValues(), int(from+n), b.ListValues(), int(other+n)) {
				return false
			}
		}
		return true
	case *array.Null:
		return true
	case *array.Boolean:
		return a.Value(i) == b.(*array.Boolean).Value(k)
	}
	return bytes.Equal(valueBytes(a, i), valueBytes(b, k))
}

// isNull reports whether an entry is null, or its key counts a null.
func isNull(a arrow.Array, i int) bool {
	d, ok := a.(*array.Dictionary)
	return a.IsNull(i) || ok && d.Dictionary().IsNull(d.GetValueIndex(i))
}

// sameMembers compares structs member by member; one that b does not know, as
// it was added later, is null in a.
func sameMembers(a *array.Struct, i int, b *array.Struct, k int) bool {
	for m, f := range a.DataType().(*arrow.StructType).Fields() {
		at, ok := b.DataType().(*arrow.StructType).FieldIdx(f.Name)
		switch {
		case !ok && !a.Field(m).IsNull(i):
			return false
		case ok && !sameEntry(a.Field(m), i, b.Field(at), k):
			return false
		}
	}
	return true
}

// valueBytes is the stored form of one value.
func valueBytes(a arrow.Array, i int) []byte {
	switch a := a.(type) {
	case *array.String:
		return []byte(a.Value(i))
	case *array.LargeString:
		return []byte(a.Value(i))
	case *array.Binary:
		return a.Value(i)
	case *array.LargeBinary:
		return a.Value(i)
	}
	kind, ok := a.DataType().(arrow.FixedWidthDataType)
	if !ok {
		panic(fmt.Sprintf("no bytes of %s", a.DataType()))
	}
	width := kind.Bytes()
	at := (a.Data().Offset() + i) * width
	return a.Data().Buffers()[1].Bytes()[at : at+width]
}
