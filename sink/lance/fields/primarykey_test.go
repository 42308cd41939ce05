package fields_test

import (
	"bytes"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
)

// The marks of a primary key are stored as pylance 14.0.2 stores them: beside the
// metadata in the numbers 12 and 13 of the field.
func TestPrimaryKeyIsStored(t *testing.T) {
	const key = "lance-schema:unenforced-primary-key"
	marked := func(keys, values []string) arrow.Field {
		return arrow.Field{Name: "a" + keys[0][len(keys[0])-1:] + values[0], Type: arrow.PrimitiveTypes.Int64, Metadata: arrow.NewMetadata(keys, values)}
	}
	s, err := fields.FromArrow(arrow.NewSchema([]arrow.Field{
		marked([]string{key, key + ":position"}, []string{"true", "2"}),
		marked([]string{key}, []string{"yes"}),
		marked([]string{key}, []string{"false"}),
		marked([]string{key, key + ":position"}, []string{"1", "first"}),
	}, nil))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, want := range []struct {
			marked bool
			rest   []byte
		}{{true, []byte{13 << 3, 2}}, {true, nil}, {false, nil}, {true, nil}} {
			got := s.Proto()[i]
			if got.UnenforcedPrimaryKey != want.marked || !bytes.Equal(got.ProtoReflect().GetUnknown(), want.rest) {
				t.Errorf("field %d: marked %t, %x", i, got.UnenforcedPrimaryKey, got.ProtoReflect().GetUnknown())
			}
		}
		if s, err = fields.FromProto(s.Proto(), nil); err != nil { // and stays
			t.Fatal(err)
		}
	}
}
