package v20

import (
	"errors"
	"fmt"

	"github.com/apache/arrow/go/v17/arrow/bitutil"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// dictionary replaces indices by items. In columns of a dictionary type they are as
// wide as its keys and count from 0, and an item may be null; in others they are
// bytes and count from 1, and 0 is null.
func (d *decoder) dictionary(e *lancepb.DictionaryArray, n int, s block.Shape) (values, error) {
	if s.Null || len(s.Dims) > 0 {
		return values{}, misfit("dictionary", s)
	}
	width, first := 8, uint64(1)
	if d.keyed {
		width, first = indexBits(e.GetIndices()), 0
	}
	indices, err := d.array(e.GetIndices(), n, block.Shape{Width: width})
	if err != nil {
		return values{}, fmt.Errorf("indices: %w", err)
	}
	if indices.valid != nil {
		return values{}, errors.New("indices that are null")
	}
	items, err := d.array(e.GetItems(), int(e.GetNumDictionaryItems()), s)
	if err != nil {
		return values{}, fmt.Errorf("dictionary items: %w", err)
	}
	b := block.NewBuilder(s, n, n)
	var valid []byte
	for i := range n {
		index := word(indices.Item(i))
		switch {
		case index >= uint64(items.Items)+first:
			return values{}, fmt.Errorf("index %d of %d items", index, items.Items)
		case index >= first && (items.valid == nil || bitutil.BitIsSet(items.valid, int(index-first))):
			if err := d.look(b, items.Block, int(index-first)); err != nil {
				return values{}, err
			}
			continue
		}
		if valid == nil {
			valid = make([]byte, (n+7)/8)
			bitutil.SetBitsTo(valid, 0, int64(n), true)
		}
		bitutil.ClearBit(valid, i)
		b.AppendZeros(1)
	}
	return values{Block: b.Block(), valid: valid}, nil
}

// look adds an item of a dictionary.
func (d *decoder) look(b *block.Builder, items block.Block, i int) error {
	if items.Width == 1 {
		bit := byte(0)
		if bitutil.BitIsSet(items.Data, i) {
			bit = 1
		}
		b.AppendBits([]byte{bit}, 0, 1)
		return nil
	}
	item := items.Item(i)
	if err := d.spend(len(item)); err != nil {
		return err
	}
	if items.Width == 0 {
		return b.AppendItem(item)
	}
	b.AppendFixed(item, 1)
	return nil
}

// indexBits is how wide indices are.
func indexBits(e *lancepb.ArrayEncoding) int {
	if inner := e.GetNullable().GetNoNulls(); inner != nil {
		e = inner.GetValues()
	}
	switch bits := e.GetFlat().GetBitsPerValue(); bits {
	case 16, 32, 64:
		return int(bits)
	}
	return 8
}

// word is a number of some bytes, the lowest first.
func word(b []byte) uint64 {
	v := uint64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}
