package encoding_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

func TestDictionaryColumns(t *testing.T) {
	dt := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	leaf := shred(t, fromJSON(t, dt, `["a", null, "bc", "a"]`))
	pages := encode(t, encoding.Options{}, leaf)
	if len(pages) != 1 || len(pages[0].buffers) != 3 {
		t.Fatalf("%d pages, or no dictionary", len(pages))
	}
	var d encoding.Decoder
	defer d.Close()
	page, err := d.Decode(pages[0].description, pages[0].buffers, 4, encoding.Stored(dt))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Release()
	got, err := page.Next(4)
	if err != nil {
		t.Fatal(err)
	}
	arr, err := encoding.Indexed(got, dt)
	if err != nil {
		t.Fatal(err)
	}
	again := arr.(*array.Dictionary)
	items := again.Dictionary().(*array.String)
	if items.Len() != 2 || items.Value(again.GetValueIndex(2)) != "bc" || items.Value(again.GetValueIndex(3)) != "a" {
		t.Errorf("got %s", arr)
	}
}

func TestDictionaryColumnsThatAreRefused(t *testing.T) {
	small := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.PrimitiveTypes.Int16}
	many := array.NewInt16Data(fromJSON(t, arrow.PrimitiveTypes.Int16, "[0"+strings.Repeat(",0", 128)+"]").Data())
	for i := range many.Int16Values() {
		many.Int16Values()[i] = int16(i)
	}
	leaf := repdef.Leaf{Values: many, Layers: []repdef.Layer{repdef.AllValidItem}, Rows: many.Len()}
	if _, err := encoding.Indexed(leaf, small); !errors.Is(err, fields.ErrUnsupported) {
		t.Errorf("129 values under keys of 7 bits: %v", err)
	}
	bools := &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.FixedWidthTypes.Boolean}
	if err := encoding.Supports(bools); err == nil {
		t.Error("a dictionary of bools is supported")
	}
}
