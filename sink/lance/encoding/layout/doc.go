// Package layout writes and reads the layouts of a page: how the levels and
// the values of one leaf share the page's buffers. It is pure: leaves in,
// descriptions and buffers out, and back.
//
//	mini-block  buffer 0: one word per chunk, its size and number of items
//	            buffer 1: the chunks; each a header, levels, values
//	            then:     a dictionary, when a foreign writer made one
//	            last:     repetition index, when there are lists
//	full-zip    buffer 0: per level a control word, then the value's bytes
//	            buffer 1: where each row starts, when rows differ in size
//	all-null    no buffer when every row of a flat leaf is null, else
//	            buffer 0: repetition levels, buffer 1: definition levels
//	constant    the same in 2.2, and before them a buffer with the value of
//	            all items, unless it is short and part of the description
//
// A chunk of a mini-block page:
//
//	u16 levels | u16 rep size | u16 def size | u16 size per value buffer
//	rep bytes  | def bytes    | value buffers            each padded to 8
//
// where rep size and def size are there only if the page stores such levels.
// Chunks are at most 32 KiB and 65,535 levels long; every chunk but the last
// holds a power of two of items. Invisible levels (null and empty lists) go to
// the chunk of the next visible item, at the end of the page to the last one.
package layout
