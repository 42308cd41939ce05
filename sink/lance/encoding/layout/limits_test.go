package layout

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/repdef"
)

// sparse is a list column where one row in every, the last or the first of
// them, has items and the rest are empty.
func sparse(t *testing.T, rows, every, items int, item arrow.DataType) repdef.Leaf {
	t.Helper()
	b := array.NewListBuilder(memory.DefaultAllocator, item)
	defer b.Release()
	for i := range rows {
		b.Append(true)
		if i%abs(every) == max(every, 1)-1 {
			for range items {
				b.ValueBuilder().AppendEmptyValue()
			}
		}
	}
	arr := b.NewArray()
	defer arr.Release()
	leaves, err := repdef.Shred(arr, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	return leaves[0]
}

func abs(n int) int { return max(n, -n) }

// write lays a leaf out, or says that it does not fit one page.
func write(t *testing.T, leaf repdef.Leaf) (Page, bool) {
	t.Helper()
	b, err := block.Of(leaf.Values)
	if err != nil {
		t.Fatal(err)
	}
	var values compress.Chunked
	if b.Width == 0 {
		values = compress.Variable(b)
	} else {
		values = compress.Flat(b, nil)
	}
	p, ok, err := new(MiniBlock).Write(leaf, values, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, ok
}

// checkChunks checks what every reader relies on.
func checkChunks(t *testing.T, name string, p Page, leaf repdef.Leaf) {
	t.Helper()
	meta, data := p.Buffers[0], p.Buffers[1]
	items, levels, at := 0, 0, 0
	for i := 0; i < len(meta); i += 2 {
		word := binary.LittleEndian.Uint16(meta[i:])
		size, log := (int(word>>4)+1)*8, word&15
		if last := i == len(meta)-2; last != (log == 0) {
			t.Fatalf("%s: chunk %d of %d has the logarithm %d", name, i/2, len(meta)/2, log)
		}
		items += 1 << log
		levels += int(binary.LittleEndian.Uint16(data[at:]))
		at += size
	}
	if items > leaf.Values.Len() || at != len(data) || levels != leaf.Levels() {
		t.Errorf("%s: chunks of %d items, %d levels and %d bytes; the page has %d, %d and %d",
			name, items, levels, at, leaf.Values.Len(), leaf.Levels(), len(data))
	}
}

func TestEmptyListsOverflowNoChunk(t *testing.T) {
	for _, item := range []arrow.DataType{arrow.PrimitiveTypes.Int64, arrow.FixedWidthTypes.Boolean, arrow.BinaryTypes.String} {
		for _, c := range []struct {
			name               string
			rows, every, items int // every < 0: the first row, not the last
			fits               bool
		}{
			{"dense", 20_000, 1, 3, true},
			{"one in ten", 20_000, 10, 5, true},
			{"a long gap of empty lists", 30_000, 25_000, 100, false},
			{"a long tail of empty lists", 40_000, -40_000, 3000, false},
			{"a tail of empty lists", 9_000, -9_000, 3000, true},
			{"a long head of empty lists", 30_000, 30_000, 3000, false},
			{"hardly an item", 200_000, 30_000, 1, false},
		} {
			name := c.name + " of " + item.Name()
			leaf := sparse(t, c.rows, c.every, c.items, item)
			p, ok := write(t, leaf)
			if ok != c.fits {
				t.Errorf("%s: fits one page: %t", name, ok)
			}
			if ok {
				checkChunks(t, name, p, leaf)
			}
		}
	}
}

// The repetition index of a chunk, told by its definition in a slower way: a
// row ends where the next begins, and what is left at the end of a chunk is a
// row that goes on.
func TestRepIndexCountsEveryRow(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		leaf := repdef.Leaf{Layers: []repdef.Layer{repdef.AllValidItem, repdef.AllValidList}}
		var spans []span
		for range 1 + rng.IntN(5) {
			s := span{level: len(leaf.Rep), levels: 1 + rng.IntN(6)}
			for range s.levels {
				start := uint16(rng.IntN(2))
				if len(leaf.Rep) == 0 {
					start = 1
				}
				leaf.Rep = append(leaf.Rep, start)
				leaf.Rows += int(start)
			}
			spans = append(spans, s)
		}
		index := appendRepIndex(nil, leaf, spans)
		total := uint64(0)
		for i, s := range spans {
			rows, left := binary.LittleEndian.Uint64(index[16*i:]), binary.LittleEndian.Uint64(index[16*i+8:])
			end := s.level + s.levels
			ends := uint64(0)
			for j := s.level; j < end; j++ {
				if j+1 == len(leaf.Rep) || leaf.Rep[j+1] == 1 {
					ends++
				}
			}
			open := uint64(0)
			for j := end - 1; j >= s.level && end < len(leaf.Rep) && leaf.Rep[end] == 0; j-- {
				if open++; leaf.Rep[j] == 1 {
					break
				}
			}
			if rows != ends || left != open {
				t.Fatalf("levels %v, chunk %d at %d: %d rows and %d left over instead of %d and %d",
					leaf.Rep, i, s.level, rows, left, ends, open)
			}
			total += rows
		}
		if total != uint64(leaf.Rows) {
			t.Fatalf("levels %v: %d rows instead of %d", leaf.Rep, total, leaf.Rows)
		}
	}
}
