package compress

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
)

const (
	// minDictionaryItems is the fewest items for which a dictionary is tried,
	// that of the reference writer.
	minDictionaryItems = 100
	// mostDistinct bounds the table that finds distinct items: more than
	// these would miss the caches.
	mostDistinct = 1 << 16
	// maxProbes is where a search gives up: hostile items may collide.
	maxProbes = 64
)

// Distinct finds the distinct items of blocks for dictionary pages. It keeps
// its tables between blocks; the zero value is ready. Not safe for concurrent
// use.
type Distinct struct {
	slots   []slot // a power of two of them
	mask    uint32
	items   [][]byte // in order of their first appearance
	tags    []uint32 // their hashes
	indices []uint32 // of each item of the block
	bytes   int      // of items
	buffer  []byte
}

// slot is a place of the hash table.
type slot struct {
	tag   uint32 // the hash
	index uint32 // of the item, plus one; 0 is an empty slot
}

// Limits are what a dictionary may come to.
type Limits struct {
	Ratio   float64 // of the plain size, for indices and items together
	Divisor int     // items of the page to one of the dictionary
	Bytes   int     // of items that vary in length
}

// Find splits a block of whole bytes into its distinct items and their indices
// in 32 bits, both valid until the next call. False says that a dictionary
// would pass the limits; size is what the block takes plain.
func (d *Distinct) Find(b block.Block, size int, limits Limits) (block.Block, Dictionary, bool) {
	if b.Items < minDictionaryItems || b.Width == 1 || b.Items > 1<<31 {
		return block.Block{}, Dictionary{}, false
	}
	defer d.forget()
	limit := int(limits.Ratio * float64(size))
	most := min(b.Items/limits.Divisor, mostDistinct)
	if !d.sample(b, most) || !d.gather(b, most, limit) {
		return block.Block{}, Dictionary{}, false
	}
	width := bits.Len(uint(len(d.items) - 1))
	if b.Width == 0 && d.bytes > limits.Bytes {
		return block.Block{}, Dictionary{}, false
	}
	if d.bytes+len(d.items)*offsetBytes(b)+b.Items*width/8 >= limit {
		return block.Block{}, Dictionary{}, false
	}
	dict := d.dictionary(b)
	return block.Block{Items: b.Items, Width: indexWidth, Data: asBytes(d.indices)}, dict, true
}

// forget lets go of the block's memory.
func (d *Distinct) forget() {
	clear(d.items)
	d.items, d.tags = d.items[:0], d.tags[:0]
}

// offsetBytes is the bytes of one offset of a variable block, else 0.
func offsetBytes(b block.Block) int {
	switch {
	case b.Offsets32 != nil:
		return 4
	case b.Offsets64 != nil:
		return 8
	}
	return 0
}

// sample looks at some items spread over the block and estimates from them
// whether it has more distinct items than most: then the rest is spared.
func (d *Distinct) sample(b block.Block, most int) bool {
	n := min(max(b.Items/16, minDictionaryItems), 1024)
	d.reset(n)
	for i := range n {
		if _, ok := d.add(b.Item(place(i, b.Items))); !ok {
			return false
		}
		if looked := i + 1; looked&(looked-1) == 0 && fewAgain(looked, len(d.items), most) {
			return false
		}
	}
	return float64(len(d.items)) <= seen(float64(n), most)+1
}

// fewAgain reports whether so few items were seen again that the rest of a sample will
// not change what it says: four or more would have been due, and not a quarter came.
func fewAgain(looked, distinct, most int) bool {
	due := float64(looked) - seen(float64(looked), most)
	return due >= 4 && float64(looked-distinct) < due/4
}

// place is where the i-th look of a sample goes: as good as by chance, so that items
// that repeat in a rhythm are seen again as often as others.
func place(i, items int) int {
	x := uint64(i+1) * 0x9E3779B97F4A7C15
	x = (x ^ x>>32) * 0xD6E8FEB86659FD93
	at, _ := bits.Mul64(x^x>>32, uint64(items))
	return int(at)
}

// seen is how many distinct items n draws from d equally likely ones show on
// average.
func seen(n float64, d int) float64 { return float64(d) * -math.Expm1(-n/float64(d)) }

// gather finds the indices of all items.
func (d *Distinct) gather(b block.Block, most, limit int) bool {
	d.reset(len(d.items))
	if cap(d.indices) < b.Items {
		d.indices = make([]uint32, b.Items)
	}
	d.indices = d.indices[:b.Items]
	for i := range d.indices {
		index, ok := d.add(b.Item(i))
		if !ok {
			return false
		}
		d.indices[i] = index
		if len(d.items) > most || d.bytes > limit {
			return false
		}
	}
	return true
}

// reset empties the table and makes it large enough for n items.
func (d *Distinct) reset(n int) {
	d.forget()
	d.bytes = 0
	d.resize(1 << bits.Len(uint(max(2*n, 511))))
}

// add is the index of an item; false if the search took too long.
func (d *Distinct) add(item []byte) (uint32, bool) {
	tag := hash(item)
	for i := range uint32(maxProbes) {
		s := &d.slots[(tag+i)&d.mask]
		if s.index == 0 {
			*s = slot{tag: tag, index: uint32(len(d.items) + 1)}
			d.items, d.tags = append(d.items, item), append(d.tags, tag)
			d.bytes += len(item)
			if 2*len(d.items) > len(d.slots) {
				d.grow()
			}
			return uint32(len(d.items) - 1), true
		}
		if s.tag == tag && bytes.Equal(d.items[s.index-1], item) {
			return s.index - 1, true
		}
	}
	return 0, false
}

// grow quadruples the table.
func (d *Distinct) grow() {
	d.resize(4 * len(d.slots))
	for i, tag := range d.tags {
		at := tag & d.mask
		for d.slots[at].index != 0 {
			at = (at + 1) & d.mask
		}
		d.slots[at] = slot{tag: tag, index: uint32(i + 1)}
	}
}

// resize makes a table of empty slots.
func (d *Distinct) resize(size int) {
	if cap(d.slots) < size {
		d.slots = make([]slot, size)
	}
	d.slots = d.slots[:size]
	clear(d.slots)
	d.mask = uint32(size - 1)
}

// hash mixes all bytes of an item: two words at a time by a wide product.
func hash(p []byte) uint32 {
	const k0, k1 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	n := len(p)
	h := uint64(n) ^ k0
	for len(p) > 16 {
		hi, lo := bits.Mul64(binary.LittleEndian.Uint64(p)^k1, binary.LittleEndian.Uint64(p[8:])^h)
		h = hi ^ lo
		p = p[16:]
	}
	var a, b uint64
	switch n := len(p); {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(p), binary.LittleEndian.Uint64(p[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(p)), uint64(binary.LittleEndian.Uint32(p[n-4:]))
	case n > 0:
		a = uint64(p[0])<<16 | uint64(p[n/2])<<8 | uint64(p[n-1])
	}
	hi, lo := bits.Mul64(a^k1, b^h)
	hi, lo = bits.Mul64(hi^lo^k0, k1)
	return uint32(hi ^ lo)
}

// dictionary stores the distinct items as one buffer.
func (d *Distinct) dictionary(b block.Block) Dictionary {
	dict := Dictionary{Items: uint64(len(d.items))}
	d.buffer = d.buffer[:0]
	w := offsetBytes(b)
	if w == 0 {
		dict.Encoding = FlatEncoding(b.Width, nil)
	} else {
		dict.Encoding = VariableEncoding(w * 8)
		d.word(w, w*8)
		d.word(w, w*(3+len(d.items)))
		d.word(w, 0)
		at := 0
		for _, item := range d.items {
			at += len(item)
			d.word(w, at)
		}
	}
	for _, item := range d.items {
		d.buffer = append(d.buffer, item...)
	}
	dict.Buffer = d.buffer
	return dict
}

func (d *Distinct) word(width, v int) {
	if width == 8 {
		d.buffer = binary.LittleEndian.AppendUint64(d.buffer, uint64(v))
	} else {
		d.buffer = binary.LittleEndian.AppendUint32(d.buffer, uint32(v))
	}
}
