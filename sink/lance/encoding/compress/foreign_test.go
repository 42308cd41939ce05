package compress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

func rle(bits int) *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Rle{
		Rle: &lancepb.Rle{Values: FlatEncoding(bits, nil), RunLengths: FlatEncoding(8, nil)},
	}}
}

func streamSplit(bits int) *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_ByteStreamSplit{
		ByteStreamSplit: &lancepb.ByteStreamSplit{Values: FlatEncoding(bits, nil)},
	}}
}

func fsst(table []byte) *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Fsst{
		Fsst: &lancepb.Fsst{SymbolTable: table, Values: VariableEncoding(32)},
	}}
}

// symbolTable is a table of symbols of up to 8 bytes.
func symbolTable(symbols ...string) []byte {
	table := make([]byte, fsstTable)
	binary.LittleEndian.PutUint64(table, fsstMagic<<32|fsstEncoded|uint64(len(symbols)))
	for i, s := range symbols {
		copy(table[8+8*i:], s)
		table[8+8*len(symbols)+i] = byte(len(s))
	}
	return table
}

// stringChunk is a Variable chunk of strings.
func stringChunk(items ...string) []byte {
	b := block.Block{Items: len(items), Offsets32: []int32{0}}
	for _, s := range items {
		b.Data = append(b.Data, s...)
		b.Offsets32 = append(b.Offsets32, int32(len(b.Data)))
	}
	return Variable(b).Append(nil, 0, len(items))
}

// stringBlock is a dictionary of strings as one buffer.
func stringBlock(items ...string) []byte {
	out := binary.LittleEndian.AppendUint32(nil, 32)
	out = binary.LittleEndian.AppendUint32(out, uint32(4*(len(items)+3)))
	end := uint32(0)
	out = binary.LittleEndian.AppendUint32(out, end)
	for _, s := range items {
		end += uint32(len(s))
		out = binary.LittleEndian.AppendUint32(out, end)
	}
	for _, s := range items {
		out = append(out, s...)
	}
	return out
}

// items are the items of a block as text.
func items(b block.Block) []string {
	var out []string
	for i := range b.Items {
		if b.Width > 0 {
			out = append(out, fmt.Sprint(b.Item(i)))
		} else {
			out = append(out, string(b.Item(i)))
		}
	}
	return out
}

func openDictionary(buf []byte, count uint64) (Decoder, error) {
	d := Dictionary{Encoding: VariableEncoding(32), Items: count, Buffer: buf}
	return OpenDictionary(FlatEncoding(32, nil), d, block.Shape{Offsets: 32}, &Expanders{})
}

func TestForeignEncodings(t *testing.T) {
	strings32 := block.Shape{Offsets: 32}
	dictionary, err := openDictionary(stringBlock("ab", "", "cde"), 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		shape block.Shape
		e     *lancepb.CompressiveEncoding
		d     Decoder
		bufs  [][]byte
		n     int
		want  []string // nil: an error
	}{
		{"runs", block.Shape{Width: 16}, rle(16), nil, [][]byte{{1, 2, 3, 4}, {2, 1}}, 3, []string{"[1 2]", "[1 2]", "[3 4]"}},
		{"runs too long", block.Shape{Width: 16}, rle(16), nil, [][]byte{{1, 2, 3, 4}, {2, 2}}, 3, nil},
		{"runs too short", block.Shape{Width: 16}, rle(16), nil, [][]byte{{1, 2, 3, 4}, {2, 0}}, 3, nil},
		{"a run without a value", block.Shape{Width: 16}, rle(16), nil, [][]byte{{1, 2}, {2, 1}}, 3, nil},
		{"streams", block.Shape{Width: 16}, streamSplit(16), nil, [][]byte{{1, 2, 3, 4, 5, 6}}, 3, []string{"[1 4]", "[2 5]", "[3 6]"}},
		{"streams cut short", block.Shape{Width: 16}, streamSplit(16), nil, [][]byte{{1, 2, 3, 4, 5}}, 3, nil},
		{"symbols", strings32, fsst(symbolTable("ab", "xyz")), nil, [][]byte{stringChunk("\x00\x01", "", "\xffq\x00")}, 3, []string{"abxyz", "", "qab"}},
		{"an unknown symbol", strings32, fsst(symbolTable("ab")), nil, [][]byte{stringChunk("\x01")}, 1, nil},
		{"an escape at the end", strings32, fsst(symbolTable("ab")), nil, [][]byte{stringChunk("\xff")}, 1, nil},
		{"a dictionary", strings32, nil, dictionary, [][]byte{{2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}}, 3, []string{"cde", "ab", ""}},
		{"an index outside", strings32, nil, dictionary, [][]byte{{3, 0, 0, 0}}, 1, nil},
	} {
		d := c.d
		if d == nil {
			if d, err = Open(c.e, c.shape, &Expanders{}); err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
		}
		b := block.NewBuilder(c.shape, c.n, 10)
		err := d.Decode(b, c.bufs, c.n, block.All(c.n))
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%s: read without an error", c.name)
		case c.want != nil && (err != nil || !slices.Equal(items(b.Block()), c.want)):
			t.Errorf("%s: %q instead of %q: %v", c.name, items(b.Block()), c.want, err)
		}
	}
}

func TestSymbolTablesAreChecked(t *testing.T) {
	good := symbolTable("ab", "c")
	for name, change := range map[string]func(b []byte) []byte{
		"short":       func(b []byte) []byte { return b[:fsstTable-1] },
		"other magic": func(b []byte) []byte { b[7]++; return b },
		"no length":   func(b []byte) []byte { b[8+16] = 0; return b },
		"long length": func(b []byte) []byte { b[8+17] = 9; return b },
	} {
		if _, err := ParseSymbols(change(slices.Clone(good))); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	raw := slices.Clone(good)
	raw[3] &^= 1
	s, err := ParseSymbols(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Append(nil, []byte{0, 255}); err != nil || !slices.Equal(got, []byte{0, 255}) {
		t.Errorf("values that are not encoded: %v, %v", got, err)
	}
}

func TestDictionariesAreChecked(t *testing.T) {
	good := stringBlock("ab", "", "cde")
	for name, c := range map[string]struct {
		buf   []byte
		count uint64
	}{
		"cut short":  {good[:20], 3},
		"no header":  {good[:7], 0},
		"lying":      {good, 1 << 40},
		"one more":   {good, 4},
		"descending": {slices.Concat(good[:16], []byte{9}, good[17:]), 3},
	} {
		if _, err := openDictionary(c.buf, c.count); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := openDictionary([]byte{4, 32, 0, 0, 0, 9, 9, 9}, 1); !errors.Is(err, fields.ErrUnsupported) {
		t.Errorf("the obsolete header: %v", err)
	}
}
