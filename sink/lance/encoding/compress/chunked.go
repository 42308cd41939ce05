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
// buffer unless it is Paired. Calls may come in any order; not safe for
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

// Paired is a Chunked of two buffers per chunk.
type Paired interface {
	Chunked
	// AppendSecond adds the second buffer of the chunk that Append wrote last,
	// of n items from item on. Room for Fit counts both.
	AppendSecond(dst []byte, item, n int) []byte
}

// Indexed is a Chunked whose items are indices into a dictionary, which the
// page holds once.
type Indexed interface {
	Chunked
	Dictionary() Dictionary
}
