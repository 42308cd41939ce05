package conformance_test

import (
	"errors"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance"
	"github.com/pst-bridge/pst-bridge/testenv/lanceref"
)

// TestRefused holds that a table with something this library does not know is
// refused by name and left as it is.
func TestRefused(t *testing.T) {
	for name, o := range map[string]lanceref.WriteOptions{
		"file version 2.0": {DataStorageVersion: "2.0"},
		"legacy files":     {DataStorageVersion: "legacy"},
		"stable row ids":   {DataStorageVersion: "2.1", EnableStableRowIDs: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRand(t)
			columns := []column{{arrow.PrimitiveTypes.Int64, noNulls, wild}, {arrow.BinaryTypes.Binary, noNulls, wild}}
			first, second := recordOf(r, columns, 10), recordOf(r, columns, 10)
			store, dir := newStore(t)
			theirs := lanceref.Start(t).Table(dir)
			must(theirs.Create(o, first.Schema(), first))(t)
			_, err := lance.Open(store, lance.Options{}).Append(t.Context(), sequence(second))
			if !errors.Is(err, lance.ErrUnsupported) {
				t.Errorf("append: %v, want ErrUnsupported", err)
			}
			if versions := must(theirs.Versions())(t); len(versions) != 1 {
				t.Errorf("%d versions, want 1", len(versions))
			}
			requireReference(t, theirs, first)
		})
	}
}
