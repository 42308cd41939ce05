package conformance_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// encodingsOf are the encodings of all pages of a file by top-level column, on
// one line each.
func encodingsOf(t *testing.T, path string) map[string][]string {
	t.Helper()
	l := must(openFile(t, path).Layout())(t)
	all := make(map[string][]string)
	for _, c := range l.Columns {
		name, _, _ := strings.Cut(c.Field, ".")
		for _, p := range c.Pages {
			all[name] = append(all[name], p.Encoding.String())
		}
	}
	return all
}

// TestConstantPages writes columns of one value, in files of the version that has
// pages for them.
func TestConstantPages(t *testing.T) {
	kinds := append(append(append(flat(), nested()...), rare()...), wide()...)
	for _, rows := range []int{1, 40, 600} {
		for _, c := range compressions {
			t.Run(fmt.Sprintf("%d rows/%s", rows, c), func(t *testing.T) {
				t.Parallel() // beside the reference
				r := newRand(t)
				rec := recordOf(r, matrix(kinds, same), rows)
				defer rec.Release()
				o := file.WriterOptions{Version: file.V2_2, Compression: c, PageBytes: 4 << 10}
				requireFile(t, r, rec, o)
			})
		}
	}
}

// TestConstantForms holds that each form of the page is written.
func TestConstantForms(t *testing.T) {
	ints, text := arrow.PrimitiveTypes.Int64, arrow.BinaryTypes.String
	for _, c := range []struct {
		column
		want string // the end of the encoding
	}{
		{column{ints, noNulls, same}, "constant(layers=[all_valid_item], inline_value=0x0700000000010000)"},
		{column{arrow.FixedWidthTypes.Boolean, noNulls, same}, "inline_value=0x01)"},
		{column{text, noNulls, same}, "constant(layers=[all_valid_item])"},
		{column{&arrow.FixedSizeBinaryType{ByteWidth: 300}, someNulls, same}, "constant(layers=[nullable_item])"},
		{column{arrow.ListOf(ints), noNulls, same}, "inline_value=0x0700000000010000)"},
		{column{ints, allNulls, wild}, "constant(layers=[nullable_item])"},
		{column{arrow.ListOf(ints), allNulls, wild}, "def_compression: rle(values: flat(bits_per_value=16), run_lengths: flat(bits_per_value=8)))"},
	} {
		t.Run(c.name(), func(t *testing.T) {
			r := newRand(t)
			rec := recordOf(r, []column{c.column}, 20)
			defer rec.Release()
			path := filepath.Join(t.TempDir(), "x.lance")
			writeFile(t, path, file.WriterOptions{Version: file.V2_2}, rec)
			for _, pages := range encodingsOf(t, path) {
				if len(pages) != 1 || !strings.HasSuffix(pages[0], c.want) {
					t.Errorf("pages %q, want ...%s", pages, c.want)
				}
			}
			if err := lanceref.Start(t).CompareDataFile(path, rec.Schema(), rec); err != nil {
				t.Error(err)
			}
			requireReads(t, r, path, rec)
		})
	}
}
