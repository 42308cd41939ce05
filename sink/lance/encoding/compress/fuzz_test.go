package compress

import (
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
	"github.com/pst-bridge/pst-bridge/testenv/alloccap"
)

// FuzzDecoders hands hostile chunks to every decoder: an error or as many
// items as asked for, from memory in proportion to the chunk.
func FuzzDecoders(f *testing.F) {
	c, err := NewCodec(SchemeZstd, 1)
	if err != nil {
		f.Fatal(err)
	}
	l, err := NewCodec(SchemeLZ4, 0)
	if err != nil {
		f.Fatal(err)
	}
	zstd, err := c.Append(nil, stringChunk("ab", "c"))
	if err != nil {
		f.Fatal(err)
	}
	lz4, err := l.Append(nil, stringChunk("ab", "c"))
	if err != nil {
		f.Fatal(err)
	}
	kinds := []struct {
		e *lancepb.CompressiveEncoding
		s block.Shape
	}{
		{FlatEncoding(1, nil), block.Shape{Width: 1}},
		{FlatEncoding(24, nil), block.Shape{Width: 24}},
		{VariableEncoding(32), block.Shape{Offsets: 32}},
		{VariableEncoding(64), block.Shape{Offsets: 64}},
		{(&inlineBitpack[uint8]{}).Encoding(), block.Shape{Width: 8}},
		{(&inlineBitpack[uint64]{}).Encoding(), block.Shape{Width: 64}},
		{rle(16), block.Shape{Width: 16}},
		{streamSplit(64), block.Shape{Width: 64}},
		{fsst(symbolTable("ab", "xyz")), block.Shape{Offsets: 32}},
		{c.Encoding(VariableEncoding(32)), block.Shape{Offsets: 32}},
		{l.Encoding(VariableEncoding(32)), block.Shape{Offsets: 32}},
	}
	for kind := range kinds {
		f.Add(uint8(kind), uint16(2), stringChunk("ab", "c"), []byte{1, 1})
		f.Add(uint8(kind), uint16(2), zstd, []byte{2, 0})
		f.Add(uint8(kind), uint16(2), lz4, []byte{})
		f.Add(uint8(kind), uint16(3), []byte{8, 0, 0, 0, 0, 0, 0, 0}, []byte{3})
	}
	f.Fuzz(func(t *testing.T, kind uint8, n uint16, first, second []byte) {
		k := kinds[int(kind)%len(kinds)]
		var x Expanders
		defer x.Close()
		d, err := Open(k.e, k.s, &x)
		if err != nil {
			t.Fatal(err)
		}
		alloccap.Check(t, func() {
			b := block.NewBuilder(k.s, int(n), len(first))
			if err := d.Decode(b, [][]byte{first, second}[:d.Buffers()], int(n), block.All(int(n))); err == nil && b.Items() != int(n) {
				t.Fatalf("%d items instead of %d", b.Items(), n)
			}
		})
	})
}

// FuzzBlocks hands hostile buffers to the readers of what is not cut into chunks:
// dictionaries and levels.
func FuzzBlocks(f *testing.F) {
	packed := func(bits int) *lancepb.CompressiveEncoding {
		return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_OutOfLineBitpacking{
			OutOfLineBitpacking: &lancepb.OutOfLineBitpacking{UncompressedBitsPerValue: 16, Values: FlatEncoding(bits, nil)},
		}}
	}
	c, err := NewCodec(SchemeZstd, 1)
	if err != nil {
		f.Fatal(err)
	}
	l, err := NewCodec(SchemeLZ4, 0)
	if err != nil {
		f.Fatal(err)
	}
	kinds := []struct {
		e *lancepb.CompressiveEncoding
		s block.Shape
	}{
		{FlatEncoding(16, nil), block.Shape{Width: 16}},
		{VariableEncoding(32), block.Shape{Offsets: 32}},
		{VariableEncoding(64), block.Shape{Offsets: 64}},
		{packed(3), block.Shape{Width: 16}},
		{(&inlineBitpack[uint16]{}).Encoding(), block.Shape{Width: 16}},
		{rle(16), block.Shape{Width: 16}},
		{c.Encoding(FlatEncoding(16, nil)), block.Shape{Width: 16}},
		{c.Encoding(VariableEncoding(32)), block.Shape{Offsets: 32}},
		{l.Encoding(VariableEncoding(32)), block.Shape{Offsets: 32}},
	}
	texts := stringBlock("north", "", "south")
	runs := append([]byte{4, 0, 0, 0, 0, 0, 0, 0}, 1, 0, 2, 0, 200, 56)
	for _, plain := range [][]byte{texts, runs, make([]byte, 3*1024/8), nil} {
		for _, codec := range []*Codec{nil, c, l} {
			data := plain
			if codec != nil {
				if data, err = codec.Append(nil, plain); err != nil {
					f.Fatal(err)
				}
			}
			for kind := range kinds {
				for _, n := range []uint16{3, 256, 1024} {
					f.Add(uint8(kind), n, data)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, n uint16, data []byte) {
		k := kinds[int(kind)%len(kinds)]
		var x Expanders
		defer x.Close()
		alloccap.Check(t, func() {
			if b, err := readBlock(k.e, k.s, data, int(n), &x); err == nil && b.Items != int(n) {
				t.Fatalf("%d items instead of %d", b.Items, n)
			}
			if levels, err := OpenLevels(k.e, &x); err == nil {
				if got, err := levels.Append(nil, data, int(n)); err == nil && len(got) != int(n) {
					t.Fatalf("%d levels instead of %d", len(got), n)
				}
			}
		})
	})
}
