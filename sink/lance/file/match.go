package file

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
)

// match checks that records of a schema are what the file holds.
func (w *Writer) match(rec *arrow.Schema) error {
	want, err := w.schema.Arrow()
	if err != nil {
		return err
	}
	if rec.NumFields() != want.NumFields() {
		return fmt.Errorf("write record: %d columns instead of %d", rec.NumFields(), want.NumFields())
	}
	for i, f := range want.Fields() {
		if got := rec.Field(i); got.Name != f.Name {
			return fmt.Errorf("write record: column %d is %q instead of %q", i, got.Name, f.Name)
		} else if !sameType(got.Type, f.Type) {
			return fmt.Errorf("write record: column %q is %s instead of %s", f.Name, got.Type, f.Type)
		}
	}
	return nil
}

// sameType compares types by what is stored: the name of a list's item, the
// nullability of children and metadata do not count, for nulls are refused
// where they must not be. An extension type is what it is stored as.
func sameType(a, b arrow.DataType) bool {
	if ext, ok := a.(arrow.ExtensionType); ok {
		return sameType(ext.StorageType(), b)
	}
	if a.ID() != b.ID() {
		return false
	}
	switch a := a.(type) {
	case *arrow.ListType:
		return sameType(a.Elem(), b.(*arrow.ListType).Elem())
	case *arrow.DictionaryType:
		other := b.(*arrow.DictionaryType)
		return sameType(a.IndexType, other.IndexType) && sameType(a.ValueType, other.ValueType)
	case *arrow.MapType:
		other := b.(*arrow.MapType)
		return sameType(a.KeyType(), other.KeyType()) && sameType(a.ItemType(), other.ItemType())
	case *arrow.LargeListType:
		return sameType(a.Elem(), b.(*arrow.LargeListType).Elem())
	case *arrow.FixedSizeListType:
		other := b.(*arrow.FixedSizeListType)
		return a.Len() == other.Len() && sameType(a.Elem(), other.Elem())
	case *arrow.StructType:
		other := b.(*arrow.StructType)
		if a.NumFields() != other.NumFields() {
			return false
		}
		for i := range a.NumFields() {
			if a.Field(i).Name != other.Field(i).Name || !sameType(a.Field(i).Type, other.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return arrow.TypeEqual(a, b)
}
