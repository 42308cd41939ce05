package v20

import (
	"fmt"
	"math"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

func (d *decoder) binary(e *lancepb.BinaryArray, n int, s block.Shape) (values, error) {
	if s.Offsets == 0 {
		return values{}, misfit("binary values", s)
	}
	ends, valid, err := d.ends(e.GetIndices(), n, e.GetNullAdjustment())
	if err != nil {
		return values{}, err
	}
	total := uint64(0)
	if n > 0 {
		total = ends[n-1]
	}
	if total > math.MaxInt || s.Offsets == 32 && total > math.MaxInt32 {
		return values{}, fmt.Errorf("%d bytes of values in one page", total)
	}
	data, err := d.array(e.GetBytes(), int(total), block.Shape{Width: 8})
	if err != nil {
		return values{}, fmt.Errorf("bytes: %w", err)
	}
	return values{Block: variable(s, data.Data, ends), valid: valid}, nil
}

// variable is a block of values that end at the given positions.
func variable(s block.Shape, data []byte, ends []uint64) block.Block {
	b := block.Block{Items: len(ends), Data: data}
	if s.Offsets == 64 {
		b.Offsets64 = make([]int64, len(ends)+1)
		for i, end := range ends {
			b.Offsets64[i+1] = int64(end)
		}
		return b
	}
	b.Offsets32 = make([]int32, len(ends)+1)
	for i, end := range ends {
		b.Offsets32[i+1] = int32(end)
	}
	return b
}

// fsst expands values whose frequent parts became single bytes.
func (d *decoder) fsst(e *lancepb.FsstArray, n int, s block.Shape) (values, error) {
	symbols, err := compress.ParseSymbols(e.GetSymbolTable())
	if err != nil {
		return values{}, err
	}
	v, err := d.array(e.GetBinary(), n, s)
	if err != nil {
		return values{}, err
	}
	if s.Offsets == 0 {
		return values{}, misfit("FSST", s)
	}
	var text []byte
	ends := make([]uint64, v.Items)
	for i := range v.Items {
		if text, err = symbols.Append(text, v.Item(i)); err != nil {
			return values{}, fmt.Errorf("value %d: %w", i, err)
		}
		ends[i] = uint64(len(text))
	}
	if s.Offsets == 32 && len(text) > math.MaxInt32 {
		return values{}, fmt.Errorf("%d bytes of values in one page", len(text))
	}
	return values{Block: variable(s, text, ends), valid: v.valid}, nil
}

// fixedSizeBinary are values that all have the same length.
func (d *decoder) fixedSizeBinary(e *lancepb.FixedSizeBinaryArray, n int, s block.Shape) (values, error) {
	width := uint64(e.GetByteWidth())
	if s.Offsets == 0 || width == 0 {
		return values{}, misfit(fmt.Sprintf("binary values of %d bytes", width), s)
	}
	if uint64(n) > math.MaxInt32/width {
		return values{}, fmt.Errorf("%d values of %d bytes in one page", n, width)
	}
	data, err := d.array(e.GetBytes(), n*int(width), block.Shape{Width: 8})
	if err != nil {
		return values{}, err
	}
	ends := make([]uint64, n)
	for i := range ends {
		ends[i] = width * uint64(i+1)
	}
	return values{Block: variable(s, data.Data, ends)}, nil
}
