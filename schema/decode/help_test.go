package decode

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// push appends payloads that must be accepted.
func push(t testing.TB, b *Batch, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if _, err := b.Append(Meta{Seq: 1}, []byte(p)); err != nil {
			t.Fatalf("append %.80q: %v", p, err)
		}
	}
}

// refuse appends a payload that must be rejected and leave no trace in the
// numbers that the batch shows.
func refuse(t testing.TB, b *Batch, payload, class, reason string) {
	t.Helper()
	rows, size := b.Rows(), b.Bytes()
	n, err := b.Append(Meta{Seq: 1}, []byte(payload))
	var rej *Reject
	if !errors.As(err, &rej) {
		t.Fatalf("append %.80q: got %d rows and error %v, want a Reject", payload, n, err)
	}
	if rej.Class != class || !strings.Contains(rej.Reason, reason) {
		t.Errorf("append %.80q: got %v, want class %s and %q", payload, rej, class, reason)
	}
	if n != 0 || b.Rows() != rows || b.Bytes() != size {
		t.Errorf("append %.80q: rows %d -> %d, bytes %d -> %d", payload, rows, b.Rows(), size, b.Bytes())
	}
}

// show renders the columns of a batch: name and type, then all rows as JSON.
func show(t testing.TB, b *Batch) (columns, rows string) {
	t.Helper()
	return render(t, record(t, b))
}

func record(t testing.TB, b *Batch) arrow.Record {
	t.Helper()
	rec, err := b.Record()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range rec.Columns() {
		validate(t, rec.ColumnName(i), c.Data(), rec.Schema().Field(i).Nullable)
	}
	return rec
}

func render(t testing.TB, rec arrow.Record) (columns, rows string) {
	t.Helper()
	var names []string
	for _, f := range rec.Schema().Fields() {
		s := f.Name + " " + f.Type.String()
		if !f.Nullable {
			s += " not null"
		}
		names = append(names, s)
	}
	var out bytes.Buffer
	if err := array.RecordToJSON(rec, &out); err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, "; "), strings.TrimSpace(out.String())
}

// validate checks what the Arrow format asks of an array: lengths of buffers,
// rising offsets, the count of nulls, no bitmap without a null.
func validate(t testing.TB, path string, d arrow.ArrayData, nullable bool) {
	t.Helper()
	bufs := d.Buffers()
	nulls := 0
	if bufs[0] != nil {
		for i := range d.Len() {
			if bufs[0].Bytes()[i/8]>>(i%8)&1 == 0 {
				nulls++
			}
		}
		if nulls == 0 {
			t.Errorf("%s: a bitmap without nulls", path)
		}
	}
	if nulls != d.NullN() || nulls > 0 && !nullable {
		t.Errorf("%s: %d nulls, count %d, nullable %t", path, nulls, d.NullN(), nullable)
	}
	switch typ := d.DataType().(type) {
	case *arrow.StructType:
		for i, f := range typ.Fields() {
			if c := d.Children()[i]; c.Len() != d.Len() {
				t.Errorf("%s.%s: %d slots of %d", path, f.Name, c.Len(), d.Len())
			}
			validate(t, path+"."+f.Name, d.Children()[i], f.Nullable)
		}
	case *arrow.ListType:
		rising(t, path, arrow.Int32Traits.CastFromBytes(bufs[1].Bytes()), d.Len(), d.Children()[0].Len())
		validate(t, path+"[]", d.Children()[0], typ.ElemField().Nullable)
	case *arrow.FixedSizeListType:
		if got := d.Children()[0].Len(); got != d.Len()*int(typ.Len()) {
			t.Errorf("%s: %d components for %d slots", path, got, d.Len())
		}
		validate(t, path+"[]", d.Children()[0], typ.ElemField().Nullable)
	case *arrow.StringType, *arrow.BinaryType:
		rising(t, path, arrow.Int32Traits.CastFromBytes(bufs[1].Bytes()), d.Len(), bufs[2].Len())
	case *arrow.DictionaryType:
		numbers := array.NewData(typ.IndexType, d.Len(), bufs, nil, d.NullN(), 0)
		if bufs[1].Len() != d.Len()*typ.BitWidth()/8 {
			t.Errorf("%s: %d bytes for %d numbers", path, bufs[1].Len(), d.Len())
		}
		for i := range d.Len() {
			if n, _ := strconv.Atoi(array.MakeFromData(numbers).ValueStr(i)); n >= d.Dictionary().Len() && d.Dictionary().Len() > 0 {
				t.Errorf("%s: number %d of %d entries", path, n, d.Dictionary().Len())
			}
		}
		validate(t, path+"<>", d.Dictionary(), false)
	case *arrow.BooleanType:
		if bufs[1].Len() != (d.Len()+7)/8 {
			t.Errorf("%s: %d bytes for %d bits", path, bufs[1].Len(), d.Len())
		}
	case arrow.FixedWidthDataType:
		if bufs[1].Len() != d.Len()*typ.BitWidth()/8 {
			t.Errorf("%s: %d bytes for %d values", path, bufs[1].Len(), d.Len())
		}
	}
}

func rising(t testing.TB, path string, offs []int32, n, end int) {
	t.Helper()
	if len(offs) != n+1 || offs[0] != 0 || int(offs[n]) != end {
		t.Fatalf("%s: offsets %v for %d slots and %d items", path, offs, n, end)
	}
	for i := range n {
		if offs[i] > offs[i+1] {
			t.Fatalf("%s: offsets fall at %d", path, i)
		}
	}
}
