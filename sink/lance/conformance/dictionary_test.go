package conformance_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
	"github.com/pst-bridge/pst-bridge/sink/lance/objstore/memstore"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// arrayOf is an array of values in JSON.
func arrayOf(t *testing.T, dt arrow.DataType, text string) arrow.Array {
	t.Helper()
	arr, _, err := array.FromJSON(memory.DefaultAllocator, dt, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return arr
}

// dictionaryOf is a dictionary array of keys and values in JSON.
func dictionaryOf(t *testing.T, key, value arrow.DataType, keys, values string) arrow.Array {
	t.Helper()
	return array.NewDictionaryArray(indexedBy(key, value), arrayOf(t, key, keys), arrayOf(t, value, values))
}

// countedAs is the JSON of the numbers [from, to), each as format has it.
func countedAs(from, to int, format string) string {
	parts := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		parts = append(parts, fmt.Sprintf(format, i))
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func recordWith(columns ...arrow.Array) arrow.Record {
	list := make([]arrow.Field, len(columns))
	for i, c := range columns {
		list[i] = arrow.Field{Name: fmt.Sprintf("%c %s", 'a'+i, c.DataType()), Type: c.DataType(), Nullable: true}
	}
	return array.NewRecord(arrow.NewSchema(list, nil), columns, int64(columns[0].Len()))
}

// TestDictionaryArrays writes what a dictionary array may be: nulls as keys and as
// values, values that are unused or there twice, as many as keys can count, slices.
func TestDictionaryArrays(t *testing.T) {
	number, text := arrow.PrimitiveTypes, arrow.BinaryTypes
	both := dictionaryOf(t, number.Int16, text.String, `[3, 1, null, 0, 2, 1]`, `["unused?", null, "a", "a", "never"]`)
	point, err := array.NewStructArray([]arrow.Array{both, arrayOf(t, number.Int8, `[1, 2, 3, null, 5, 6]`)}, []string{"d", "n"})
	if err != nil {
		t.Fatal(err)
	}
	for name, rec := range map[string]arrow.Record{
		"nulls": recordWith(both, point,
			dictionaryOf(t, number.Uint8, number.Int64, `[0, 0, 0, 0, 0, 0]`, `[null]`),
			dictionaryOf(t, number.Int64, text.Binary, `[null, null, null, null, null, null]`, `[]`),
			dictionaryOf(t, number.Uint32, arrow.FixedWidthTypes.Boolean, `[2, 1, 0, 1, null, 2]`, `[true, null, false]`),
			dictionaryOf(t, number.Int32, arrow.FixedWidthTypes.Float16, `[1, 0, 1, 1, null, 0]`, `[1.5, -2]`)),
		"128":        recordWith(dictionaryOf(t, number.Int8, text.String, countedAs(0, 128, "%d"), countedAs(0, 128, `"v%d"`))),
		"256":        recordWith(dictionaryOf(t, number.Uint8, number.Int16, countedAs(0, 256, "%d"), countedAs(0, 256, `%d`))),
		"256 + null": recordWith(dictionaryOf(t, number.Uint8, number.Int16, strings.Replace(countedAs(0, 256, "%d"), "]", ",null]", 1), countedAs(0, 256, `%d`))),
		"slice":      recordWith(array.NewSlice(both, 1, 5), array.NewSlice(point, 1, 5)),
	} {
		for _, o := range writerOptions(file.V2_1) {
			t.Run(fmt.Sprintf("%s/%s/%s", name, o.Version, o.Compression), func(t *testing.T) {
				requireFile(t, newRand(t), rec, o)
			})
		}
	}
}

// TestOtherDictionaries writes records whose arrays each have a dictionary of their
// own, in one and in many pages.
func TestOtherDictionaries(t *testing.T) {
	number, text := arrow.PrimitiveTypes, arrow.BinaryTypes
	var recs []arrow.Record
	for i := range 12 {
		keys := strings.Repeat(",2,1,0,null", 50)[1:]
		recs = append(recs, recordWith(
			dictionaryOf(t, number.Int32, text.String, "["+keys+"]", fmt.Sprintf(`["a", "b%d", null]`, i)),
			dictionaryOf(t, number.Int8, number.Float64, "["+keys+"]", fmt.Sprintf(`[0.5, %d, %d]`, i, i/2)),
			dictionaryOf(t, number.Uint16, text.String, countedAs(0, 200, "%d"), countedAs(100*i, 100*i+200, `"long enough %d"`)),
		))
	}
	for _, o := range writerOptions(file.V2_1) {
		for _, page := range []int{0, 1 << 10, 10 << 10} {
			t.Run(fmt.Sprintf("%s/%s/%d", o.Version, o.Compression, page), func(t *testing.T) {
				r, ref := newRand(t), lanceref.Start(t)
				path := filepath.Join(t.TempDir(), "x.lance")
				o.PageBytes = page
				writeFile(t, path, o, recs...)
				whole := joinPlain(t, recs)
				requireReads(t, r, path, whole)
				if err := ref.CompareDataFile(path, recs[0].Schema(), whole); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// joinPlain is one record of all, through plain values.
func joinPlain(t *testing.T, recs []arrow.Record) arrow.Record {
	t.Helper()
	columns := make([]arrow.Array, recs[0].NumCols())
	for i := range columns {
		dt := recs[0].Column(i).DataType().(*arrow.DictionaryType)
		b := array.NewBuilder(memory.DefaultAllocator, dt.ValueType)
		for _, rec := range recs {
			d := rec.Column(i).(*array.Dictionary)
			for k := range d.Len() {
				if isNull(d, k) {
					b.AppendNull()
				} else if err := b.AppendValueFromString(d.Dictionary().ValueStr(d.GetValueIndex(k))); err != nil {
					t.Fatal(err)
				}
			}
		}
		columns[i] = indexed(b.NewArray(), dt)
	}
	return array.NewRecord(recs[0].Schema(), columns, int64(columns[0].Len()))
}

// TestDictionaryTypesThatAreRefused names the column and the reason.
func TestDictionaryTypesThatAreRefused(t *testing.T) {
	text, key := arrow.BinaryTypes.String, arrow.PrimitiveTypes.Int8
	for _, c := range []struct {
		dt   arrow.DataType
		want string
	}{
		{&arrow.DictionaryType{IndexType: key, ValueType: text, Ordered: true}, "forgets that a dictionary is ordered"},
		{indexedBy(key, arrow.Null), "no dictionaries of null"},
		{indexedBy(key, arrow.FixedWidthTypes.Date32), "no dictionaries of date32"},
		{indexedBy(key, &arrow.FixedSizeBinaryType{ByteWidth: 3}), "no dictionaries of fixed_size_binary[3]"},
		{indexedBy(key, arrow.ListOf(text)), "no dictionaries of list"},
		{indexedBy(key, indexedBy(key, text)), "no dictionaries of dictionary"},
		{arrow.FixedSizeListOf(2, indexedBy(key, text)), "fixed_size_list"},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "s", Type: structOf(c.dt)}}, nil)
		_, err := lance.Create(t.Context(), memstore.New(), schema, nil, lance.Options{})
		if !errors.Is(err, lance.ErrUnsupported) || !strings.Contains(err.Error(), "column s.a: type ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.dt, err)
		}
	}
}

// TestFullDictionaries refuses more values than the keys can count: in one page, and
// in pages whose dictionaries the reference could not join.
func TestFullDictionaries(t *testing.T) {
	column := func(from, to int) arrow.Record {
		return recordWith(dictionaryOf(t, arrow.PrimitiveTypes.Int8, arrow.BinaryTypes.String, countedAs(0, to-from, "%d"), countedAs(from, to, `"v%d"`)))
	}
	for name, c := range map[string]struct {
		recs []arrow.Record
		page int
		want string
	}{
		"fits":         {[]arrow.Record{column(0, 100), column(28, 128)}, 0, ""},
		"full":         {[]arrow.Record{column(0, 100), column(29, 129)}, 0, "the 128 that keys of int8"},
		"pages fit":    {[]arrow.Record{column(0, 64), column(0, 64)}, 100, ""},
		"pages do not": {[]arrow.Record{column(0, 64), column(0, 65)}, 100, "pages come to 129, and readers may join them"},
	} {
		schema, err := fields.FromArrow(c.recs[0].Schema())
		if err != nil {
			t.Fatal(err)
		}
		w, err := file.NewWriter(io.Discard, schema, file.WriterOptions{PageBytes: c.page})
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range c.recs {
			if err = w.Write(rec); err != nil {
				break
			}
		}
		if err == nil {
			_, err = w.Finish()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "column \"a dict")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDictionaryTables appends by turns, with other values in every fragment, which
// scans, takes, deletions and compaction have to keep apart.
func TestDictionaryTables(t *testing.T) {
	for _, version := range versions {
		t.Run(version.String(), func(t *testing.T) {
			r := newRand(t)
			kinds := []arrow.DataType{
				indexedBy(arrow.PrimitiveTypes.Int32, arrow.BinaryTypes.String), indexedBy(arrow.PrimitiveTypes.Int16, arrow.PrimitiveTypes.Int64),
				arrow.ListOf(indexedBy(arrow.PrimitiveTypes.Uint32, arrow.BinaryTypes.Binary)),
				structOf(indexedBy(arrow.PrimitiveTypes.Uint64, arrow.BinaryTypes.LargeString), arrow.PrimitiveTypes.Int8),
			}
			whole := numbered(recordOf(r, matrix(kinds, wild, sorted), 600))
			schema := whole.Schema()
			store, dir := newStore(t)
			ref := lanceref.Start(t).Table(dir)
			must(lance.Create(t.Context(), store, schema, sequence(part(whole, 0, 150)), lance.Options{FileVersion: version}))(t)
			must(ref.Append(schema, part(whole, 150, 300)))(t)
			table := lance.Open(store, lance.Options{})
			must(table.Append(t.Context(), sequence(part(whole, 300, 400), part(whole, 400, 450))))(t)
			must(ref.Append(schema, part(whole, 450, 600)))(t)
			requireReference(t, ref, whole)
			live := everyRow(whole)
			takeRandom(t, r, must(table.Latest(t.Context()))(t), ref, whole, live)
			must(ref.Delete("id % 7 = 2"))(t)
			live = slices.DeleteFunc(live, func(row uint64) bool { return row%7 == 2 })
			takeRandom(t, r, must(table.Latest(t.Context()))(t), ref, whole, live)
			must(ref.Compact(lanceref.CompactOptions{}))(t)
			takeRandom(t, r, must(table.Latest(t.Context()))(t), ref, whole, live)
		})
	}
}

// part is some rows of a record, copied so that no array has an offset, each with
// dictionaries of its own.
func part(rec arrow.Record, from, to int64) arrow.Record {
	slice := rec.NewSlice(from, to)
	columns := make([]arrow.Array, rec.NumCols())
	for i, c := range slice.Columns() {
		plain, err := dictionary.Plain(c)
		if err != nil {
			panic(err)
		}
		columns[i] = indexed(plain, c.DataType())
	}
	return array.NewRecord(rec.Schema(), columns, to-from)
}
