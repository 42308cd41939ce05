package compress

import (
	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// MaxChunkItems is the most items a written mini-block chunk holds, the limit
// of the reference writer.
const MaxChunkItems = 4096

// minUnit is the fewest items that the format allows in a chunk before the last.
const minUnit = 2

// Chunked writes the items of one block as mini-block chunks, each of one
// buffer unless it is Parted. Calls may come in any order; not safe for
// concurrent use.
type Chunked interface {
	// Encoding describes the scheme.
	Encoding() *lancepb.CompressiveEncoding
	// Unit is the fewest items of a chunk before the last, a power of two.
	Unit() int
	// Fit is how many items from item on, at most remain, fit into one chunk
	// whose buffer has room bytes; 0 if not even one does.
	Fit(item, remain, room int) int
	// Append adds the buffer of n items from item on.
	Append(dst []byte, item, n int) []byte
}

// Parted is a Chunked of several buffers per chunk.
type Parted interface {
	Chunked
	// Buffers is how many they are.
	Buffers() int
	// AppendPart adds buffer 1 or a later one of the chunk that Append wrote last,
	// of n items from item on. Room for Fit counts all.
	AppendPart(dst []byte, part, item, n int) []byte
}

// Indexed is a Chunked whose items are indices into a dictionary, which the
// page holds once.
type Indexed interface {
	Chunked
	Dictionary() Dictionary
}

// Smaller is the same with chunks of at most so many bytes, but always the two
// items that a chunk must hold. Values must not be Parted or Indexed.
func Smaller(values Chunked, bytes int) Chunked { return &smaller{Chunked: values, bytes: bytes} }

type smaller struct {
	Chunked
	bytes int
}

func (s *smaller) Fit(item, remain, room int) int {
	n := s.Chunked.Fit(item, remain, min(room, s.bytes))
	if n < s.Unit() {
		n = min(s.Chunked.Fit(item, remain, room), s.Unit())
	}
	return n
}
