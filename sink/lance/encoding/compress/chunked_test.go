package compress

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/fields"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// example is a block, its shape and the schemes that may write it.
type example struct {
	name    string
	shape   block.Shape
	block   block.Block
	schemes []Chunked
}

func examples() []example {
	rng := rand.New(rand.NewPCG(7, 8))
	const n = 3000
	var list []example
	for _, width := range []int{1, 8, 16, 32, 64, 96, 128} {
		b := block.Block{Items: n, Width: width, Data: make([]byte, (n*width+7)/8)}
		for i := range b.Data {
			// Small numbers, so that packing pays.
			if width < 8 || i%(width/8) == 0 {
				b.Data[i] = byte(rng.IntN(16))
			}
		}
		e := example{name: fmt.Sprint(width, " bits"), shape: block.Shape{Width: width}, block: b, schemes: []Chunked{Flat(b, nil)}}
		if packed, _ := InlineBitpacking(b); packed != nil {
			e.schemes = append(e.schemes, packed)
		}
		list = append(list, e)
	}
	vectors := block.Block{Items: 100, Width: 3 * 2 * 32, Data: make([]byte, 100*24)}
	for i := range vectors.Data {
		vectors.Data[i] = byte(i)
	}
	list = append(list, example{
		name: "vectors", shape: block.Shape{Width: 192, Dims: []int{3, 2}},
		block: vectors, schemes: []Chunked{Flat(vectors, []int{3, 2})},
	})
	text := []byte(strings.Repeat("x", 77))
	narrow := block.Block{Items: n, Offsets32: []int32{77}}
	wide := block.Block{Items: n, Offsets64: []int64{77}}
	for range n {
		text = append(text, "some words to cut"[:rng.IntN(17)]...)
		narrow.Offsets32 = append(narrow.Offsets32, int32(len(text)))
		wide.Offsets64 = append(wide.Offsets64, int64(len(text)))
	}
	narrow.Data, wide.Data = text, text
	return append(list,
		example{name: "strings", shape: block.Shape{Offsets: 32}, block: narrow, schemes: []Chunked{Variable(narrow)}},
		example{name: "large strings", shape: block.Shape{Offsets: 64}, block: wide, schemes: []Chunked{Variable(wide)}})
}

// chunks cuts a block as a page would, all as large as room allows.
func chunks(t *testing.T, c Chunked, items, room int) (bufs [][]byte, counts []int) {
	t.Helper()
	for item := 0; item < items; {
		n := c.Fit(item, items-item, room)
		if n < items-item {
			for n&(n-1) != 0 {
				n &= n - 1
			}
			if n < c.Unit() {
				t.Fatalf("%s: %d items in a chunk, fewer than %d", Name(c.Encoding()), n, c.Unit())
			}
		}
		buf := c.Append(nil, item, n)
		if len(buf) > room {
			t.Fatalf("%s: a chunk of %d bytes in a room of %d", Name(c.Encoding()), len(buf), room)
		}
		bufs, counts = append(bufs, buf), append(counts, n)
		item += n
	}
	return bufs, counts
}

func TestChunkedReverses(t *testing.T) {
	for _, e := range examples() {
		for _, c := range e.schemes {
			bufs, counts := chunks(t, c, e.block.Items, 9000)
			d, err := Open(c.Encoding(), e.shape, &Expanders{})
			if err != nil {
				t.Fatal(err)
			}
			b := block.NewBuilder(e.shape, e.block.Items, 1000)
			for i := range bufs {
				if err := d.Decode(b, bufs[i:i+1], counts[i], block.All(counts[i])); err != nil {
					t.Fatalf("%s as %s: %v", e.name, Name(c.Encoding()), err)
				}
				requireParts(t, d, bufs[i:i+1], counts[i], e.shape)
			}
			if err := sameItems(b.Block(), e.block); err != nil {
				t.Errorf("%s as %s: %v", e.name, Name(c.Encoding()), err)
			}
		}
	}
}

func sameItems(got, want block.Block) error {
	if got.Items != want.Items {
		return fmt.Errorf("%d items instead of %d", got.Items, want.Items)
	}
	if want.Width == 1 {
		for i := range want.Items {
			if (got.Data[i/8]^want.Data[i/8])>>(i%8)&1 != 0 {
				return fmt.Errorf("bit %d differs", i)
			}
		}
		return nil
	}
	for i := range want.Items {
		if !bytes.Equal(got.Item(i), want.Item(i)) {
			return fmt.Errorf("item %d is %q instead of %q", i, got.Item(i), want.Item(i))
		}
	}
	return nil
}

func TestBitpackingOnlyWhenItShrinks(t *testing.T) {
	full := block.Block{Items: 2048, Width: 32, Data: bytes.Repeat([]byte{0xFF}, 8192)}
	if c, _ := InlineBitpacking(full); c != nil {
		t.Error("items that need every bit are packed")
	}
	few := block.Block{Items: 10, Width: 64, Data: make([]byte, 80)}
	few.Data[0] = 200
	if c, _ := InlineBitpacking(few); c != nil {
		t.Error("ten items, which flat are smaller than a padded chunk, are packed")
	}
}

// Hostile counts and buffers are errors, and never read outside the buffer.
func TestDecodersRefuseShortBuffers(t *testing.T) {
	for _, e := range examples() {
		for _, c := range e.schemes {
			d, err := Open(c.Encoding(), e.shape, &Expanders{})
			if err != nil {
				t.Fatal(err)
			}
			n := min(e.block.Items, 1024)
			if n = c.Fit(0, n, 9000); n < c.Unit() {
				t.Fatal("nothing fits")
			}
			whole := c.Append(nil, 0, n)
			for _, short := range []int{0, 1, 3, len(whole) / 2} {
				buf := slices.Clone(whole[:short])
				if err := d.Decode(block.NewBuilder(e.shape, n, len(buf)), [][]byte{buf}, n, block.All(n)); err == nil {
					t.Errorf("%s as %s: %d of %d bytes are read without an error", e.name, Name(c.Encoding()), short, len(whole))
				}
			}
			for _, lie := range []int{1 << 20, 1 << 40} {
				if err := d.Decode(block.NewBuilder(e.shape, lie, len(whole)), [][]byte{whole}, lie, block.All(lie)); err == nil {
					t.Errorf("%s as %s: %d items are read from %d bytes", e.name, Name(c.Encoding()), lie, len(whole))
				}
			}
		}
	}
}

func TestInlineBitpackingRefusesImpossibleWidths(t *testing.T) {
	shape := block.Shape{Width: 8}
	c, _ := InlineBitpacking(block.Block{Items: 1024, Width: 8, Data: make([]byte, 1024)})
	d, err := Open(c.Encoding(), shape, &Expanders{})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 40_000)
	for _, width := range []byte{9, 64, 255} {
		buf[0] = width
		if err := d.Decode(block.NewBuilder(shape, 1024, 0), [][]byte{buf}, 1024, block.All(1024)); err == nil {
			t.Errorf("bytes packed to %d bits are read without an error", width)
		}
	}
}

func TestVariableRefusesBadOffsets(t *testing.T) {
	d, err := Open(VariableEncoding(32), block.Shape{Offsets: 32}, &Expanders{})
	if err != nil {
		t.Fatal(err)
	}
	good := []byte{12, 0, 0, 0, 13, 0, 0, 0, 14, 0, 0, 0, 'a', 'b', 0, 0}
	for at, v := range map[int]byte{0: 11, 4: 15, 8: 17} {
		bad := bytes.Clone(good)
		bad[at] = v
		if err := d.Decode(block.NewBuilder(block.Shape{Offsets: 32}, 2, 16), [][]byte{bad}, 2, block.All(2)); err == nil {
			t.Errorf("the offset %d at %d is read without an error", v, at)
		}
	}
}

func TestOpenNamesWhatItDoesNotRead(t *testing.T) {
	flat := FlatEncoding(32, nil)
	for name, e := range map[string]*lancepb.CompressiveEncoding{
		"Rle":      {Compression: &lancepb.CompressiveEncoding_Rle{Rle: &lancepb.Rle{RunLengths: flat}}},
		"Constant": {Compression: &lancepb.CompressiveEncoding_Constant{Constant: &lancepb.Constant{}}},
		"General(General(Flat))": {Compression: &lancepb.CompressiveEncoding_General{General: &lancepb.General{
			Values: &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_General{General: &lancepb.General{Values: flat}}},
		}}},
		"Delta":   {Compression: &lancepb.CompressiveEncoding_Delta{Delta: &lancepb.Delta{}}},
		"unknown": {},
	} {
		_, err := Open(e, block.Shape{Width: 32}, &Expanders{})
		var u *UnsupportedError
		if !errors.As(err, &u) || !errors.Is(err, fields.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(flat, block.Shape{Width: 64}, &Expanders{}); err == nil || errors.Is(err, fields.ErrUnsupported) {
		t.Errorf("32 bits for items of 64: %v", err)
	}
}
