package v20

import (
	"fmt"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// packedStruct takes rows of members of fixed size, stored back to back, apart.
func (d *decoder) packedStruct(e *lancepb.PackedStructArray, n int, dt *arrow.StructType) (arrow.Array, error) {
	stride := 0
	widths := make([]int, dt.NumFields())
	for i, f := range dt.Fields() {
		s, err := block.ShapeOf(f.Type)
		if err != nil || s.Width == 0 || s.Width%8 != 0 {
			return nil, fmt.Errorf("packed struct with a member of type %s: %w", f.Type, fields.ErrUnsupported)
		}
		widths[i] = s.Width / 8
		stride += widths[i]
	}
	if stride == 0 {
		return nil, fmt.Errorf("packed struct without members: %w", fields.ErrUnsupported)
	}
	if stride > 1<<27 {
		return nil, fmt.Errorf("packed struct of %d bytes: %w", stride, fields.ErrUnsupported)
	}
	rows, err := d.flat(&lancepb.FlatArray{BitsPerValue: uint64(8 * stride), Buffer: e.GetBuffer()}, n, block.Shape{Width: 8 * stride})
	if err != nil {
		return nil, err
	}
	children := make([]arrow.ArrayData, 0, len(widths))
	defer func() {
		for _, c := range children {
			c.Release()
		}
	}()
	at := 0
	for i, f := range dt.Fields() {
		data := make([]byte, 0, n*widths[i])
		for row := range n {
			data = append(data, rows.Data[row*stride+at:][:widths[i]]...)
		}
		at += widths[i]
		arr, err := block.ToArrow(f.Type, block.Block{Items: n, Width: 8 * widths[i], Data: data})
		if err != nil {
			return nil, err
		}
		arr.Data().Retain()
		children = append(children, arr.Data())
		arr.Release()
	}
	data := array.NewData(dt, n, []*memory.Buffer{nil}, children, 0, 0)
	defer data.Release()
	return array.MakeFromData(data), nil
}
