package decode

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

func words(number arrow.DataType) *arrow.DictionaryType {
	return &arrow.DictionaryType{IndexType: number, ValueType: arrow.BinaryTypes.String}
}

// TestStringsOfDictionary reads strings into a dictionary, at the top and in lists of
// structs. A message that is refused takes its entries with it.
func TestStringsOfDictionary(t *testing.T) {
	for _, number := range []arrow.DataType{
		arrow.PrimitiveTypes.Int8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Int32, arrow.PrimitiveTypes.Uint64,
	} {
		s := table(nullable("w", words(number)), nullable("l", arrow.ListOf(arrow.StructOf(nullable("w", words(number))))))
		b := NewBatch(s, Options{})
		push(t, b, `{"w":"one"} {"w":null} {"w":"two"}`, `{"l":[{"w":"x"},{},{"w":""}]}`)
		refuse(t, b, `{"w":"three","l":[{"w":"y"}]} {"w":1}`, ClassType, "field w: number does not fit dictionary<")
		refuse(t, b, `{"w":"one"} {"w":"three"} {"w":"four"} {"l":1}`, ClassType, "field l")
		push(t, b, `{"w":"two"} {"w":"four"} {"w":"one"}`)
		rec := record(t, b)
		if got := rec.Column(0).(*array.Dictionary).Dictionary().String(); got != `["one" "two" "four"]` {
			t.Errorf("%s: entries %s", number, got)
		}
		columns, rows := render(t, rec)
		const want = `{"l":null,"w":"one"}{"l":null,"w":null}{"l":null,"w":"two"}` +
			`{"l":[{"w":"x"},{"w":null},{"w":""}],"w":null}{"l":null,"w":"two"}{"l":null,"w":"four"}{"l":null,"w":"one"}`
		if got := strings.ReplaceAll(rows, "\n", ""); got != want {
			t.Errorf("%s: got %s\n%s", number, columns, got)
		}
		if !rec.Schema().Equal(s) {
			t.Errorf("%s: got %v", number, rec.Schema())
		}
	}
}

// TestDictionaryIsFull: a message whose entries have no room goes into the next batch,
// one that would have none in an empty batch is refused.
func TestDictionaryIsFull(t *testing.T) {
	s := table(nullable("w", words(arrow.PrimitiveTypes.Int8)))
	b := NewBatch(s, Options{})
	for i := range 128 {
		push(t, b, fmt.Sprintf(`{"w":"%d"}`, i))
	}
	push(t, b, `{"w":"127"}`)
	if _, err := b.Append(Meta{}, []byte(`{"w":"128"}`)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if rec := record(t, b); rec.NumRows() != 129 {
		t.Errorf("%d rows", rec.NumRows())
	}
	b.Reset(s)
	var rows strings.Builder
	for i := range 129 {
		fmt.Fprintf(&rows, `{"w":"%d"} `, i)
	}
	refuse(t, b, rows.String(), ClassLimit, "field w: more than the 128 values in one batch that dictionary<")
}
