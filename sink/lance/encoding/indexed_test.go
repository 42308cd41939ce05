package encoding_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/corrupt"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/dictionary"
)

func indexedBy(key, value arrow.DataType) *arrow.DictionaryType {
	return &arrow.DictionaryType{IndexType: key, ValueType: value}
}

// keyed is a leaf of a dictionary type, of keys into its first two values, and its
// settings.
func keyed(t testing.TB, dt *arrow.DictionaryType, keys string) (repdef.Leaf, encoding.Settings) {
	t.Helper()
	values := map[arrow.Type]string{arrow.INT64: `[7, -8]`, arrow.BOOL: `[false, true]`, arrow.STRING: `["a", "bc"]`}[dt.ValueType.ID()]
	arr := array.NewDictionaryArray(dt, fromJSON(t, dt.IndexType, keys), fromJSON(t, dt.ValueType, values))
	tables := dictionary.Tables(dt)
	numbers, err := dictionary.Keyed(arr, tables)
	if err != nil {
		t.Fatal(err)
	}
	return shred(t, numbers), encoding.Settings{}.Indexed(&encoding.Indexed{Table: tables[0]})
}

// Pages of a dictionary type have keys of its width into the values that they have,
// and are read as values, whole and in parts.
func TestIndexedPages(t *testing.T) {
	dt := indexedBy(arrow.PrimitiveTypes.Int16, arrow.BinaryTypes.String)
	leaf, settings := keyed(t, dt, `[1, null, 1, 0]`)
	pages := encodeAs(t, encoding.Options{}, leaf, settings)
	if len(pages) != 1 || len(pages[0].buffers) != 3 || !strings.HasSuffix(string(pages[0].buffers[2]), "bca") {
		t.Fatalf("pages %v", pages)
	}
	var d encoding.Decoder
	defer d.Close()
	p := pages[0]
	whole, err := d.Decode(p.description, p.buffers, 4, dt)
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Release()
	some, err := d.DecodeRows(p.description, pageBuffers(p.buffers), 4, []block.Span{{From: 2, To: 4}}, dt)
	if err != nil {
		t.Fatal(err)
	}
	defer some.Release()
	got, err := whole.Next(3)
	if err != nil {
		t.Fatal(err)
	}
	if text := got.Values.(*array.String); text.Len() != 3 || text.Value(0) != "bc" || text.Value(2) != "bc" {
		t.Errorf("got %s", text)
	}
	if got, err = some.Next(2); err != nil {
		t.Fatal(err)
	}
	if text := got.Values.(*array.String); text.Len() != 2 || text.Value(0) != "bc" || text.Value(1) != "a" {
		t.Errorf("got %s", text)
	}
}

// A key that counts no value is damage, when its row is asked for.
func TestKeyOfNoValue(t *testing.T) {
	dt := indexedBy(arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Int64)
	leaf, settings := keyed(t, dt, `[0, 1, 0]`)
	p := encodeAs(t, encoding.Options{}, leaf, settings)[0]
	chunk := p.buffers[1]
	if chunk[9] != 1 {
		t.Fatalf("chunk %x", chunk)
	}
	chunk[9] = 2
	var d encoding.Decoder
	defer d.Close()
	page, err := d.Decode(p.description, p.buffers, 3, dt)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Release()
	if _, err := page.Next(1); err != nil {
		t.Error(err)
	}
	var damage *corrupt.Error
	if _, err := page.Next(1); !errors.As(err, &damage) || !strings.Contains(err.Error(), "key 2 of a dictionary of 2 values") {
		t.Errorf("got %v", err)
	}
}
