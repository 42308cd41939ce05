package compress

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

// requireBack writes a block in chunks and reads it back.
func requireBack(t *testing.T, c Chunked, b block.Block, s block.Shape) {
	t.Helper()
	x := &Expanders{}
	defer x.Close()
	var d Decoder
	var err error
	if indexed, ok := c.(Indexed); ok {
		d, err = OpenDictionary(c.Encoding(), indexed.Dictionary(), s, x)
	} else {
		d, err = Open(c.Encoding(), s, x)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := block.NewBuilder(s, 0, 0)
	for item := 0; item < b.Items; {
		n := c.Fit(item, b.Items-item, 27<<10)
		for n < b.Items-item && n&(n-1) != 0 {
			n &= n - 1
		}
		if n == 0 {
			t.Fatalf("not an item fits at %d", item)
		}
		bufs := [][]byte{c.Append(nil, item, n)}
		if parted, ok := c.(Parted); ok {
			for part := 1; part < parted.Buffers(); part++ {
				bufs = append(bufs, parted.AppendPart(nil, part, item, n))
			}
		}
		if err := d.Decode(out, bufs, n, block.All(n)); err != nil {
			t.Fatalf("items %d to %d: %v", item, item+n, err)
		}
		requireParts(t, d, bufs, n, s)
		item += n
	}
	got := out.Block()
	for i := range b.Items {
		if !bytes.Equal(got.Item(i), b.Item(i)) {
			t.Fatalf("item %d is %x instead of %x", i, got.Item(i), b.Item(i))
		}
	}
}

// requireParts reads some items of a chunk and wants what the whole chunk has there.
func requireParts(t *testing.T, d Decoder, bufs [][]byte, n int, s block.Shape) {
	t.Helper()
	whole, picked := block.NewBuilder(s, 0, 0), block.NewBuilder(s, 0, 0)
	if err := d.Decode(whole, bufs, n, block.All(n)); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][]block.Span{{}, {{To: 1}}, {{From: n - 1, To: n}}, {{From: n / 3, To: n / 2}, {From: n/2 + 1, To: n - n/5}}} {
		if len(want) == 2 && want[1].Len() < 1 {
			continue
		}
		part := block.NewBuilder(s, 0, 0)
		if err := d.Decode(part, bufs, n, want); err != nil {
			t.Fatalf("items %v of %d: %v", want, n, err)
		}
		picked.Reset()
		if err := picked.AppendPicked(whole.Block(), want); err != nil {
			t.Fatal(err)
		}
		if err := sameItems(part.Block(), picked.Block()); err != nil {
			t.Fatalf("items %v of %d: %v", want, n, err)
		}
	}
}

func blockOf(items []string) block.Block {
	b := block.Block{Items: len(items), Data: []byte("before"), Offsets32: []int32{6}}
	for _, s := range items {
		b.Data = append(b.Data, s...)
		b.Offsets32 = append(b.Offsets32, int32(len(b.Data)))
	}
	return b
}

func TestRunsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, width := range []int{8, 16, 32, 64} {
		b := block.Block{Width: width}
		for b.Items < 10_000 {
			value := make([]byte, width/8)
			value[0] = byte(r.Uint32())
			n := 1 + r.IntN(1000)>>r.IntN(10)
			b.Data, b.Items = append(b.Data, bytes.Repeat(value, n)...), b.Items+n
		}
		c, size := RLE(b, b.Items)
		if c == nil {
			t.Fatalf("%d bits: no runs", width)
		}
		if size > len(b.Data) {
			t.Errorf("%d bits: %d bytes of runs for %d bytes", width, size, len(b.Data))
		}
		requireBack(t, c, b, block.Shape{Width: width})
		if c, _ := RLE(b, 10); c != nil {
			t.Errorf("%d bits: runs, but more than asked for", width)
		}
	}
}

func TestSplitComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, width := range []int{32, 64} {
		b := block.Block{Items: 5000, Width: width, Data: make([]byte, 5000*width/8)}
		for i := range b.Data {
			b.Data[i] = byte(r.Uint32())
		}
		requireBack(t, ByteStreamSplit(b), b, block.Shape{Width: width})
	}
}

func TestDictionaryComesBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var texts []string
	for range 20_000 {
		texts = append(texts, fmt.Sprint("a longer name of a place, number ", r.IntN(700))[r.IntN(2)*30:])
	}
	numbers := block.Block{Items: 20_000, Width: 64}
	for range numbers.Items {
		numbers.Data = binary.LittleEndian.AppendUint64(numbers.Data, uint64(r.IntN(300))*0x9E3779B97F4A7C15)
	}
	d := &Distinct{}
	for _, c := range []struct {
		block block.Block
		shape block.Shape
	}{{blockOf(texts), block.Shape{Offsets: 32}}, {numbers, block.Shape{Width: 64}}, {blockOf(slices.Repeat(texts[:40], 5)), block.Shape{Offsets: 32}}} {
		indices, dict, ok := d.Find(c.block, 1<<40, Limits{Ratio: 1, Divisor: 1, Bytes: 1 << 30})
		if !ok {
			t.Fatal("no dictionary")
		}
		requireBack(t, WithDictionary(Flat(indices, nil), dict), c.block, c.shape)
		runs, _ := RLE(indices, indices.Items)
		requireBack(t, WithDictionary(runs, dict), c.block, c.shape)
	}
	if _, _, ok := d.Find(blockOf(texts), 1<<40, Limits{Ratio: 1, Divisor: 100, Bytes: 1 << 30}); ok {
		t.Error("a dictionary of more items than asked for")
	}
	for name, c := range map[string]struct {
		size  int
		bytes int
	}{"part of the page": {1000, 1 << 30}, "number of bytes": {1 << 40, 1000}} {
		if _, _, ok := d.Find(blockOf(texts), c.size, Limits{Ratio: 1, Divisor: 1, Bytes: c.bytes}); ok {
			t.Errorf("a dictionary larger than the %s asked for", name)
		}
	}
}

// A sample tells items that repeat, in whatever rhythm, from those that do not.
func TestSamplesSeeRhythms(t *testing.T) {
	d := &Distinct{}
	for _, items := range []int{100, 4000, 10_000, 40_000} {
		for _, period := range []int{2, 10, 16, 64, 97, 250, 500, 1000} {
			if period > items/10 {
				continue
			}
			var turns, runs []string
			for i := range items {
				turns = append(turns, fmt.Sprint("item number ", i%period))
				runs = append(runs, fmt.Sprint("item number ", i*period/items))
			}
			for name, list := range map[string][]string{"in turns": turns, "in runs": runs} {
				if _, _, ok := d.Find(blockOf(list), 16*items, Limits{Ratio: 1, Divisor: 8, Bytes: 1 << 20}); !ok {
					t.Errorf("%d items, %d different ones %s: no dictionary", items, period, name)
				}
			}
		}
		var all []string
		for i := range items {
			all = append(all, fmt.Sprint("item number ", i))
		}
		if d.sample(blockOf(all), items/8) {
			t.Errorf("%d items, all different: a sample sees few", items)
		}
	}
}

// Items that collide end the search instead of making it quadratic.
func TestCollisionsEndTheSearch(t *testing.T) {
	d := &Distinct{}
	d.reset(1000)
	for i := range d.slots {
		d.slots[i] = slot{tag: 0, index: 1}
	}
	if _, ok := d.add([]byte("something")); ok {
		t.Error("an item found a place in a full table")
	}
}

func TestSymbolsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	words := []string{"http://", "example", ".org/", "\xff\x00\x01", "a", "grüße", " the ", "zzzzzzzzzzzzzzzz", "\xff\xff\xff\xff\xff\xff\xff\xff"}
	f := &FSST{}
	for _, items := range []int{1, 20, 5000} {
		var texts []string
		for range items {
			text := ""
			for range r.IntN(12) {
				text += words[r.IntN(len(words))]
			}
			texts = append(texts, text)
		}
		texts = append(texts, "http://example.org/http://example.org/")
		b := blockOf(texts)
		c := f.Encode(b)
		if c == nil {
			t.Fatalf("%d items are not worth symbols", items)
		}
		requireBack(t, c, b, block.Shape{Offsets: 32})
		wide := block.Block{Items: b.Items, Data: b.Data}
		for _, o := range b.Offsets32 {
			wide.Offsets64 = append(wide.Offsets64, int64(o))
		}
		requireBack(t, f.Encode(wide), wide, block.Shape{Offsets: 64})
	}
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	if f.Encode(blockOf([]string{string(noise)})) != nil {
		t.Error("symbols for noise")
	}
}

// FuzzSymbols holds that any bytes come back from symbols trained on any other.
func FuzzSymbols(f *testing.F) {
	f.Add([]byte("tumcwitumvldb"), []byte("tumwitumcvldbx"))
	f.Add(bytes.Repeat([]byte{0, 255}, 50), []byte{0, 0, 255, 255})
	f.Add([]byte{}, []byte("x"))
	f.Fuzz(func(t *testing.T, sample, text []byte) {
		m := new(trainer).train(sample[:min(len(sample), fsstSample)])
		symbols, err := ParseSymbols(m.table())
		if err != nil {
			t.Fatal(err)
		}
		got, err := symbols.Append(nil, m.append(nil, text, 0, len(text)))
		if err != nil || !bytes.Equal(got, text) {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
	})
}

func BenchmarkSymbols(b *testing.B) {
	var texts []string
	for i := range 20_000 {
		texts = append(texts, fmt.Sprintf("order %d shipped from warehouse %d to region %d", i*7919%100_000, i%20, i%9))
	}
	blk := blockOf(texts)
	f := &FSST{}
	b.SetBytes(int64(len(blk.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if f.Encode(blk) == nil {
			b.Fatal("not worth symbols")
		}
	}
}

func BenchmarkDistinct(b *testing.B) {
	var texts []string
	for i := range 20_000 {
		texts = append(texts, fmt.Sprintf("user-%d", i*7919%1000))
	}
	blk := blockOf(texts)
	d := &Distinct{}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := d.Find(blk, blk.Bytes()+4*blk.Items, Limits{Ratio: 0.8, Divisor: 8, Bytes: 8 << 20}); !ok {
			b.Fatal("no dictionary")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(blk.Items), "ns/item")
}

// BenchmarkExpand reads chunks of texts, of symbols and of a dictionary.
func BenchmarkExpand(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 7))
	var texts, names []string
	for range 8192 {
		texts = append(texts, fmt.Sprintf("order %d shipped from warehouse %d to region %d", r.IntN(1<<20), r.IntN(20), r.IntN(9)))
		names = append(names, fmt.Sprint("user-", r.IntN(1000)))
	}
	symbols := (&FSST{}).Encode(blockOf(texts))
	indices, dict, _ := (&Distinct{}).Find(blockOf(names), 1<<20, Limits{Ratio: 1, Divisor: 1, Bytes: 1 << 20})
	packed, _ := InlineBitpacking(indices)
	for name, c := range map[string]Chunked{"symbols": symbols, "dictionary": WithDictionary(packed, dict)} {
		b.Run(name, func(b *testing.B) {
			s := block.Shape{Offsets: 32}
			d, err := Open(c.Encoding(), s, &Expanders{})
			if indexed, ok := c.(Indexed); ok {
				d, err = OpenDictionary(c.Encoding(), indexed.Dictionary(), s, &Expanders{})
			}
			if err != nil {
				b.Fatal(err)
			}
			var chunks [][]byte
			for item := 0; item < len(texts); item += 512 {
				chunks = append(chunks, c.Append(nil, item, 512))
			}
			out := block.NewBuilder(s, len(texts), 1<<20)
			b.ReportAllocs()
			for b.Loop() {
				out.Reset()
				for _, chunk := range chunks {
					if err := d.Decode(out, [][]byte{chunk}, 512, block.All(512)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.SetBytes(int64(out.Bytes()))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(texts)), "ns/item")
		})
	}
}
