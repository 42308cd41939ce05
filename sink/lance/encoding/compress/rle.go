package compress

import (
	"errors"
	"fmt"

	"github.com/pst-bridge/pst-bridge/sink/lance/encoding/block"
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

const (
	// longestRun is what the one byte of a run's length holds.
	longestRun = 255
	// rleChunkItems is the most items of a written chunk, the limit of the
	// reference writer.
	rleChunkItems = 2048
)

// runLengths writes, per chunk, a buffer with the value of each run and one with its
// length, a byte. Longer runs are several; none goes on in the next chunk.
type runLengths[T word] struct {
	values  []T
	lengths []byte
}

// RLE writes a fixed block of 8, 16, 32 or 64 bits as runs, and tells about how
// many bytes that takes; nil for another width, or if there are more than most
// runs.
func RLE(b block.Block, most int) (Chunked, int) {
	switch b.Width {
	case 8:
		return tryRLE[uint8](b, most)
	case 16:
		return tryRLE[uint16](b, most)
	case 32:
		return tryRLE[uint32](b, most)
	case 64:
		return tryRLE[uint64](b, most)
	}
	return nil, 0
}

// MostRuns is how many runs come to less than size bytes.
func MostRuns(b block.Block, size int) int { return max(size*8/(b.Width+8)-1, 0) }

func tryRLE[T word](b block.Block, most int) (Chunked, int) {
	values := wordsOf[T](b.Data[:b.Bytes()])
	if surelyMore(values, most) {
		return nil, 0
	}
	runs := countRuns(values)
	if runs > most {
		return nil, 0
	}
	longer := len(values)/longestRun + len(values)/rleChunkItems
	return &runLengths[T]{values: values}, (runs + longer) * (wordBits[T]()/8 + 1)
}

// surelyMore looks at the start and at the middle, which spares most blocks
// without runs the whole count.
func surelyMore[T word](values []T, most int) bool {
	const look = 256
	if len(values) < 4*look {
		return false
	}
	middle := len(values) / 2
	seen := countRuns(values[:look]) + countRuns(values[middle:middle+look])
	return seen*len(values)/(2*look) > 2*most
}

func countRuns[T word](values []T) int {
	if len(values) == 0 {
		return 0
	}
	runs, last := 1, values[0]
	for _, v := range values[1:] {
		if v != last {
			runs++
		}
		last = v
	}
	return runs
}

func (r *runLengths[T]) Encoding() *lancepb.CompressiveEncoding {
	return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_Rle{
		Rle: &lancepb.Rle{Values: FlatEncoding(wordBits[T](), nil), RunLengths: FlatEncoding(8, nil)},
	}}
}

func (r *runLengths[T]) Unit() int { return minUnit }

// Fit relies on the worst case, runs of one, of which fewer fit than the limit.
func (r *runLengths[T]) Fit(_, remain, room int) int {
	return min(remain, rleChunkItems, room/(wordBits[T]()/8+1))
}

func (r *runLengths[T]) Append(dst []byte, item, n int) []byte {
	r.lengths = r.lengths[:0]
	for values := r.values[item : item+n]; len(values) > 0; {
		run, most := 1, min(len(values), longestRun)
		for run < most && values[run] == values[0] {
			run++
		}
		dst = append(dst, asBytes(values[:1])...)
		r.lengths = append(r.lengths, byte(run))
		values = values[run:]
	}
	return dst
}

func (r *runLengths[T]) Buffers() int { return 2 }

func (r *runLengths[T]) AppendPart(dst []byte, _, _, _ int) []byte { return append(dst, r.lengths...) }

// rleDecoder reads runs.
type rleDecoder struct{ bytes int }

func openRLE(e *lancepb.CompressiveEncoding, s block.Shape) (Decoder, error) {
	values, lengths := e.GetRle().GetValues().GetFlat(), e.GetRle().GetRunLengths().GetFlat()
	if values == nil || lengths.GetBitsPerValue() != 8 {
		return nil, &UnsupportedError{Encoding: "Rle(" + Name(e.GetRle().GetValues()) + ", " + Name(e.GetRle().GetRunLengths()) + ")"}
	}
	if s.Width < 8 || len(s.Dims) > 0 || values.GetBitsPerValue() != uint64(s.Width) {
		return nil, misfit(e, s)
	}
	return rleDecoder{bytes: s.Width / 8}, nil
}

func (rleDecoder) Buffers() int { return 2 }

func (d rleDecoder) Decode(dst *block.Builder, bufs [][]byte, n int, want []block.Span) error {
	values, lengths := bufs[0], bufs[1]
	if len(values) != len(lengths)*d.bytes {
		return fmt.Errorf("%d bytes of run values, but %d lengths", len(values), len(lengths))
	}
	at := 0
	for i, length := range lengths {
		end := at + int(length)
		if end > n {
			return errors.New("the runs hold more items than the chunk")
		}
		value := values[i*d.bytes:][:d.bytes]
		for len(want) > 0 && want[0].From < end {
			dst.Repeat(value, min(want[0].To, end)-max(want[0].From, at))
			if want[0].To > end {
				break // it goes on in the next run
			}
			want = want[1:]
		}
		at = end
	}
	if at < n {
		return fmt.Errorf("the runs leave %d items without a value", n-at)
	}
	return nil
}
