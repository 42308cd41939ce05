package schema

import "github.com/apache/arrow/go/v17/arrow"

// MaxColumns is how many columns a table may get from messages, as Count counts: each
// costs every writer a buffer, and every data file metadata.
const MaxColumns = 1024

// Count is the number of columns, those inside structs and the items of lists
// included; a list and its items are one.
func Count(fields []arrow.Field) int {
	n := 0
	for _, f := range fields {
		n += 1 + countInside(f.Type)
	}
	return n
}

func countInside(t arrow.DataType) int {
	switch t := t.(type) {
	case *arrow.StructType:
		return Count(t.Fields())
	case *arrow.ListType:
		return countInside(t.Elem())
	case *arrow.LargeListType:
		return countInside(t.Elem())
	default:
		return 0
	}
}
