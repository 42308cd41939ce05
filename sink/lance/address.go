package lance

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// madeColumns are the columns that the options add.
func (o *ScanOptions) madeColumns() []arrow.Field {
	var made []arrow.Field
	if o.RowAddresses {
		made = append(made, arrow.Field{Name: RowAddressColumn, Type: arrow.PrimitiveTypes.Uint64, Nullable: true})
	}
	if o.RowIDs {
		made = append(made, arrow.Field{Name: RowIDColumn, Type: arrow.PrimitiveTypes.Uint64, Nullable: true})
	}
	return made
}

// addresses hands out the addresses of a piece's rows.
type addresses struct {
	piece *piece
	span  int // of the piece
	row   int // in the span
}

func (a *addresses) next(rows int) arrow.Array {
	b := array.NewUint64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.Reserve(rows)
	for range rows {
		s := a.piece.rows[a.span]
		b.UnsafeAppend(uint64(MakeRowAddress(uint32(a.piece.fragment.ID), uint32(s.From+a.row))))
		if a.row++; a.row == s.Len() {
			a.span, a.row = a.span+1, 0
		}
	}
	return b.NewArray()
}
