package lance

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/file"
	"github.com/pst-bridge/pst-bridge/sink/lance/manifest"
)

// TakeAddresses is Take for row addresses, such as indexes hold. A
// row that is deleted is an ErrNoRow too.
func (d *Dataset) TakeAddresses(ctx context.Context, addresses []RowAddress, columns ...string) (arrow.Record, error) {
	sorted := unique(addresses)
	rec, err := take(ctx, d, addresses, sorted, columns, d.addressed(ctx, sorted))
	if err != nil {
		return nil, fmt.Errorf("take addresses of version %d: %w", d.Version(), err)
	}
	return rec, nil
}

// addressed yields the pieces that ascending addresses name.
func (d *Dataset) addressed(ctx context.Context, sorted []RowAddress) iter.Seq2[piece, error] {
	return func(yield func(piece, error) bool) {
		if len(sorted) == 0 {
			return
		}
		fragments, err := fragmentsByID(d.manifest)
		for len(sorted) > 0 && err == nil {
			id := sorted[0].Fragment()
			n := slices.IndexFunc(sorted, func(a RowAddress) bool { return a.Fragment() != id })
			if n < 0 {
				n = len(sorted)
			}
			p := piece{fragment: fragments[id]}
			if p.rows, err = d.addressedRows(ctx, p.fragment, sorted[:n]); err != nil {
				break
			}
			if !yield(p, nil) {
				return
			}
			sorted = sorted[n:]
		}
		if err != nil {
			yield(piece{}, err)
		}
	}
}

// addressedRows is where the rows of ascending addresses of one fragment lie; the
// fragment is nil if there is none.
func (d *Dataset) addressedRows(ctx context.Context, f *manifest.Fragment, addresses []RowAddress) ([]file.Span, error) {
	if f == nil {
		return nil, fmt.Errorf("address %#x: no fragment %d: %w", addresses[0], addresses[0].Fragment(), ErrNoRow)
	}
	gone, err := d.table.deletedRows(ctx, f)
	if err != nil {
		return nil, err
	}
	var spans []file.Span
	for _, a := range addresses {
		row := a.Row()
		if _, deleted := slices.BinarySearch(gone, row); deleted || uint64(row) >= f.PhysicalRows {
			return nil, fmt.Errorf("address %#x: row %d of fragment %d: %w", a, row, f.ID, ErrNoRow)
		}
		spans = appendSpan(spans, file.Span{From: int(row), To: int(row) + 1})
	}
	return spans, nil
}
