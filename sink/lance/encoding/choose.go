package encoding

import (
	"github.com/apache/arrow/go/v17/arrow"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/compress"
)

const (
	// trialBytes is the page size from which floats are byte stream split on
	// trial: compressing a sample in both ways costs as much as 32 KiB of page.
	trialBytes = 256 << 10
	// trialItems is the size of the sample.
	trialItems = 2048
	// trialRoom is the size of the chunks that are tried.
	trialRoom = 27 << 10
	// fsstBytes is the page size from which strings get symbols unasked. Small
	// pages, as of a stream's flushes, are written fast instead: training takes
	// a millisecond and the table 2 KiB.
	fsstBytes = 1 << 20
	// minDictionaryBits is the width from which numbers that repeat get a
	// dictionary; below it bit packing is as good.
	minDictionaryBits = 24
)

// chooser picks the scheme of the values of one mini-block page.
type chooser struct {
	block    block.Block
	shape    block.Shape
	kind     arrow.DataType
	settings Settings
	codec    *compress.Codec // nil without general compression
	scheme   Compression
	distinct *compress.Distinct
	fsst     *compress.FSST
	items    *compress.Codec // of dictionaries; nil where they stay as they are
	packed   *[]byte         // a dictionary compressed
}

// choose is the scheme and the general compression around it, nil for none, or
// an error of the codec in a trial.
func (c *chooser) choose() (compress.Chunked, *compress.Codec, error) {
	values, err := c.light()
	if err != nil || c.codec == nil || c.block.Bytes() < trialBytes || len(c.shape.Dims) > 0 {
		return values, c.codec, err
	}
	packed, raw, err := c.trial(values)
	if packed > raw*15/16 {
		return values, nil, err
	}
	return values, c.codec, err
}

// light is the scheme.
func (c *chooser) light() (compress.Chunked, error) {
	if c.block.Width == 0 {
		return c.variable()
	}
	if len(c.shape.Dims) > 0 {
		return plain(c.block, c.shape), nil
	}
	plain, size := c.numbers(c.block)
	if size > c.block.Items*minDictionaryBits/8 {
		if indexed, err := c.dictionary(size); indexed != nil || err != nil {
			return indexed, err
		}
	}
	if isFloat(c.kind) && c.codec != nil {
		if ok, err := c.splitPays(plain); ok || err != nil {
			return compress.ByteStreamSplit(c.block), err
		}
	}
	return plain, nil
}

// plain is numbers and vectors as they are.
func plain(b block.Block, s block.Shape) compress.Chunked {
	if b.Inner != nil || s.Bits {
		return compress.Vectors(b, s)
	}
	return compress.Flat(b, s.Dims)
}

// variable chooses for strings and binary.
func (c *chooser) variable() (compress.Chunked, error) {
	if indexed, err := c.dictionary(c.block.Bytes() + c.shape.Offsets/8*c.block.Items); indexed != nil || err != nil {
		return indexed, err
	}
	values := compress.Variable(c.block)
	if c.symbolsPay() {
		if encoded := c.fsst.Encode(c.block); encoded != nil {
			values = encoded
		}
	}
	if c.settings.chunkSize > 0 {
		values = compress.Smaller(values, c.settings.chunkSize)
	}
	return values, nil
}

// symbolsPay reports whether strings are worth training symbols. Zstd finds
// more by itself.
func (c *chooser) symbolsPay() bool {
	switch {
	case c.settings.compression == "fsst":
		return c.block.Bytes() > 0
	case c.settings.compression == "none" || c.scheme == Zstd:
		return false
	}
	return c.block.Bytes() >= fsstBytes
}

// dictionary is indices of the distinct items, unless those come to more than
// a part of size bytes.
func (c *chooser) dictionary(size int) (compress.Chunked, error) {
	indices, d, ok := c.distinct.Find(c.block, size, c.settings.dictionary())
	if !ok {
		return nil, nil //nolint:nilnil // no dictionary is no error
	}
	if c.items != nil {
		var err error
		if d, *c.packed, err = d.Compress(c.items, *c.packed); err != nil {
			return nil, err
		}
	}
	packed, _ := c.numbers(indices)
	return compress.WithDictionary(packed, d), nil
}

// numbers chooses between runs, bit packing and plain numbers, and estimates
// the size in bytes.
func (c *chooser) numbers(b block.Block) (compress.Chunked, int) {
	plain := compress.Flat(b, nil)
	if c.settings.compression == "none" {
		return plain, b.Bytes()
	}
	if t := c.settings.rleThreshold; t != nil {
		most := int(*t * float64(b.Items))
		if runs, n := compress.RLE(b, most); runs != nil {
			return runs, n
		}
	}
	packed, size := compress.InlineBitpacking(b)
	if packed == nil {
		size = b.Bytes()
	}
	if c.settings.rleThreshold == nil {
		if runs, n := compress.RLE(b, compress.MostRuns(b, size)); runs != nil && n < size {
			return runs, n
		}
	}
	if packed == nil {
		return plain, size
	}
	return packed, size
}

// splitPays compresses a sample of floats both ways.
func (c *chooser) splitPays(plain compress.Chunked) (bool, error) {
	switch {
	case c.settings.split == splitOff || c.settings.compression == "none":
		return false, nil
	case c.settings.split == splitOn:
		return true, nil
	case c.block.Bytes() < trialBytes:
		return false, nil
	}
	asIs, _, err := c.trial(plain)
	if err != nil {
		return false, err
	}
	split, _, err := c.trial(compress.ByteStreamSplit(c.block))
	return split < asIs*7/8, err
}

// trial is the size of a sample, from the middle, compressed and as it is.
func (c *chooser) trial(values compress.Chunked) (packed, raw int, err error) {
	from := max(c.block.Items-trialItems, 0) / 2 / trialItems * trialItems
	to := min(from+trialItems, c.block.Items)
	var chunk, out []byte
	for item := from; item < to; {
		n := max(values.Fit(item, to-item, trialRoom), 1)
		chunk = values.Append(chunk[:0], item, n)
		if out, err = c.codec.Append(out[:0], chunk); err != nil {
			return 0, 0, err
		}
		packed, raw = packed+min(len(out), len(chunk)), raw+len(chunk)
		item += n
	}
	return packed, raw, nil
}

func isFloat(dt arrow.DataType) bool {
	return dt.ID() == arrow.FLOAT32 || dt.ID() == arrow.FLOAT64
}
