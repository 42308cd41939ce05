package file_test

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
)

func layoutOf(t *testing.T, data []byte) *file.Layout {
	t.Helper()
	l, err := file.ReadLayout(toObject(data), "data/x.lance")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Everything that the layout names lies apart, and together it is the whole
// file but for the padding of buffers.
func TestLayoutCoversTheFile(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(3, 3)), nulls: someNulls}
	rec := s.record(t, sampleTypes(), 2000)
	defer rec.Release()
	data, _ := encode(t, file.WriterOptions{PageBytes: 8000, Compression: file.Zstd}, rec)
	l := layoutOf(t, data)
	all := []file.Range{l.Footer.Range, l.Footer.ColumnTable, l.Footer.GlobalTable}
	all = append(all, l.GlobalBuffers...)
	for _, c := range l.Columns {
		all = append(all, c.Metadata)
		if c.Field == "" || c.Type == "" || c.Encoding.Name != "values" {
			t.Errorf("column %d is %q of type %q, %s", c.Index, c.Field, c.Type, c.Encoding)
		}
		for _, p := range c.Pages {
			for _, b := range p.Buffers {
				if b.Role == "" {
					t.Errorf("column %d: a buffer of %s is for nothing", c.Index, p.Encoding)
				}
				all = append(all, b.Range)
			}
		}
	}
	all = slices.DeleteFunc(all, func(r file.Range) bool { return r.Length == 0 })
	slices.SortFunc(all, func(a, b file.Range) int { return cmp.Compare(a.Offset, b.Offset) })
	at := uint64(0)
	for _, r := range all {
		if r.Offset < at || r.Offset-at >= 64 {
			t.Fatalf("%d bytes at %d follow on what ends at %d", r.Length, r.Offset, at)
		}
		at = r.End()
	}
	if at != l.Size || l.Metadata().End() != l.Size {
		t.Errorf("the last byte is at %d of %d", at, l.Size)
	}
}

// A reader that has nothing but the ranges asked for reads the rows.
func TestRangesAreEnough(t *testing.T) {
	s := &sampler{Rand: rand.New(rand.NewPCG(4, 4)), nulls: someNulls}
	rec := s.record(t, sampleTypes(), 900)
	defer rec.Release()
	data, _ := encode(t, file.WriterOptions{PageBytes: 2000}, rec)
	l := layoutOf(t, data)
	part := make([]byte, len(data))
	for _, r := range append(l.Ranges(nil, 0, l.Rows, 64), l.Metadata()) {
		copy(part[r.Offset:r.End()], data[r.Offset:])
	}
	got, err := decode(part, 100)
	if err != nil {
		t.Fatal(err)
	}
	expectRows(t, got, rec)

	// The samples come in any order, so look for a column that needed a second page.
	paged := slices.IndexFunc(l.Columns, func(c file.Column) bool { return len(c.Pages) > 1 && len(c.Pages[1].Buffers) > 0 })
	if paged < 0 {
		t.Fatal("no column has two pages")
	}
	few := l.Ranges([]int{paged}, 0, 1, 0)
	if len(few) == 0 || len(few) > 4 || few[len(few)-1].End() > l.Columns[paged].Pages[1].Buffers[0].Offset {
		t.Errorf("the first row of column %d is in %v", paged, few)
	}
	if none := l.Ranges([]int{99}, 0, 1, 0); len(none) != 0 {
		t.Errorf("a column that is none is in %v", none)
	}
}

func TestCoalesce(t *testing.T) {
	got := file.Coalesce([]file.Range{{90, 10}, {0, 10}, {12, 5}, {12, 2}, {50, 0}, {17, 3}}, 2)
	if want := []file.Range{{0, 20}, {90, 10}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestLayoutOfDamage(t *testing.T) {
	data, _ := damagedFile(t, file.Zstd)
	r := rand.New(rand.NewPCG(5, 5))
	at := layoutOf(t, data).Metadata().Offset
	located := 0
	for range 3000 {
		bad := bytes.Clone(data)
		bad[int(at)+r.IntN(len(bad)-int(at))] ^= 1 << r.IntN(8)
		if _, err := file.ReadLayout(toObject(bad), "data/x.lance"); err != nil {
			expectLocated(t, "layout", err)
			located++
		}
	}
	if located == 0 {
		t.Error("no damage was seen")
	}
	var c *corrupt.Error
	if _, err := file.ReadLayout(toObject(data[:30]), "data/x.lance"); !errors.As(err, &c) || c.Section != "footer" {
		t.Errorf("30 bytes: %v", err)
	}
}

// A legacy file is refused by its name.
func TestLegacyFile(t *testing.T) {
	data := append(make([]byte, 100), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 'L', 'A', 'N', 'C')
	_, err := file.Open(toObject(data), "data/x.lance")
	if !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), "0.1") {
		t.Error(err)
	}
}
