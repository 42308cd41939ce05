package compress

import (
	"encoding/binary"
	"math/bits"
	"sort"

	"github.com/pst-bridge/pst-bridge/sink/lance/internal/lancepb"
)

// levelBits is the size of a level in memory and in Flat buffers.
const levelBits = 16

const (
	// mostChunkLevels is what the word counts that says how many levels a chunk has.
	mostChunkLevels = 1<<16 - 1
	// runLevelBytes is a run of levels: the level and a byte of length.
	runLevelBytes = levelBits/8 + 1
	// runHeader is the word before a block of runs.
	runHeader = 8
)

// levelScheme is how a page's levels are stored.
type levelScheme uint8

const (
	flatLevels   levelScheme = iota
	inlinePacked             // one group, with a word for its width
	packedLevels             // groups; the width is in the page's description
	runsOfLevels
)

// Levels writes repetition or definition levels, all of a page in one scheme:
//
//	Flat                  pages of few levels
//	InlineBitpacking      up to 1,024 levels, where it halves them at least
//	OutOfLineBitpacking   from 1,024 levels on
//	Rle                   where it is smaller than these, and allowed
//
// Not safe for concurrent use.
type Levels struct {
	scheme levelScheme
	width  int   // bits of the largest level
	ends   []int // of runs: where each piece of up to 255 levels ends
	values [laneChunk]uint16
	packed [laneChunk]uint16
}

// Reset makes it ready for the levels of a page, none above largest. Runs says
// whether readers of the page know them.
func (l *Levels) Reset(levels []uint16, largest uint16, runs bool) {
	n := len(levels)
	l.width = max(bits.Len16(largest), 1)
	size := n * 2
	switch inline := 2 + l.groupBytes(); {
	case n >= laneChunk:
		l.scheme, size = packedLevels, n/laneChunk*l.groupBytes()+min(n%laneChunk*2, l.groupBytes())
	case inline <= size/2:
		l.scheme, size = inlinePacked, inline
	default:
		l.scheme = flatLevels
	}
	// Every chunk has a header of its own; 1,024 levels a chunk are an average one.
	if room := size - runHeader*(1+n/laneChunk); runs && room > 0 && l.findRuns(levels, room/runLevelBytes) {
		l.scheme = runsOfLevels
	}
}

// groupBytes is 1,024 levels packed.
func (l *Levels) groupBytes() int { return l.width * laneChunk / 8 }

// findRuns notes where the runs end; false if there are as many as most.
func (l *Levels) findRuns(levels []uint16, most int) bool {
	l.ends = l.ends[:0]
	for at := 0; at < len(levels); {
		if len(l.ends) >= most-1 {
			return false
		}
		end, limit := at+1, min(len(levels), at+longestRun)
		for end < limit && levels[end] == levels[at] {
			end++
		}
		l.ends, at = append(l.ends, end), end
	}
	return true
}

// Encoding describes the scheme chosen.
func (l *Levels) Encoding() *lancepb.CompressiveEncoding {
	switch l.scheme {
	case inlinePacked:
		return new(inlineBitpack[uint16]).Encoding()
	case packedLevels:
		return &lancepb.CompressiveEncoding{Compression: &lancepb.CompressiveEncoding_OutOfLineBitpacking{
			OutOfLineBitpacking: &lancepb.OutOfLineBitpacking{
				UncompressedBitsPerValue: levelBits,
				Values:                   FlatEncoding(l.width, nil),
			},
		}}
	case runsOfLevels:
		return new(runLengths[uint16]).Encoding()
	case flatLevels:
	}
	return FlatEncoding(levelBits, nil)
}

// Plain reports whether levels are stored as they are.
func (l *Levels) Plain() bool { return l.scheme == flatLevels }

// Fit is the most levels from a level of the page on, never more than 65,535,
// that fit into room bytes.
func (l *Levels) Fit(from, room int) int {
	switch l.scheme {
	case inlinePacked:
		if 2+l.groupBytes() > room {
			return 0
		}
		return laneChunk
	case packedLevels:
		// A tail takes at most what a packed group takes.
		return min(room/l.groupBytes()*laneChunk, mostChunkLevels)
	case runsOfLevels:
		return l.fitRuns(from, room)
	case flatLevels:
	}
	return min(room/2, mostChunkLevels)
}

// fitRuns counts pieces. A chunk that begins inside a run cuts it elsewhere, but
// into no more pieces than are left of it.
func (l *Levels) fitRuns(from, room int) int {
	most := (room - runHeader) / runLevelBytes
	if most <= 0 || len(l.ends) == 0 {
		return 0
	}
	last := sort.SearchInts(l.ends, from+1) + most - 1
	return min(l.ends[min(last, len(l.ends)-1)]-from, mostChunkLevels)
}

// packTail decides as the reference does, so that the reader can tell from the
// size alone whether the tail is packed or raw.
func (l *Levels) packTail(rest int) bool {
	return l.width*(laneChunk-rest) < (levelBits-l.width)*rest
}

// Append adds one buffer with the levels of a chunk.
func (l *Levels) Append(dst []byte, levels []uint16) []byte {
	switch l.scheme {
	case inlinePacked:
		dst = binary.LittleEndian.AppendUint16(dst, uint16(l.width))
		return l.appendPacked(dst, levels)
	case packedLevels:
		for len(levels) >= laneChunk {
			dst = l.appendPacked(dst, levels[:laneChunk])
			levels = levels[laneChunk:]
		}
		if len(levels) > 0 && l.packTail(len(levels)) {
			return l.appendPacked(dst, levels)
		}
	case runsOfLevels:
		r := runLengths[uint16]{values: levels}
		at := len(dst)
		dst = r.Append(append(dst, make([]byte, runHeader)...), 0, len(levels))
		binary.LittleEndian.PutUint64(dst[at:], uint64(len(dst)-at-runHeader))
		return r.AppendPart(dst, 1, 0, 0)
	case flatLevels:
	}
	return append(dst, asBytes(levels)...)
}

func (l *Levels) appendPacked(dst []byte, levels []uint16) []byte {
	copy(l.values[:], levels)
	clear(l.values[len(levels):])
	packed := l.packed[:laneChunk*l.width/levelBits]
	clear(packed)
	packLanes(packed, &l.values, l.width)
	return append(dst, asBytes(packed)...)
}
