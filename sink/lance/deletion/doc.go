// Package deletion reads and writes deletion files: which rows of a fragment are
// gone. A fragment has at most one, and every delete replaces it by a whole new one.
//
//	_deletions/{fragment}-{read version}-{id}.arrow   an Arrow IPC file: one column of
//	                                                   uint32 row offsets, in any order,
//	                                                   buffers plain or in zstd frames
//	_deletions/{fragment}-{read version}-{id}.bin     a 32-bit Roaring bitmap in its
//	                                                   portable form
//
// The Arrow form is for few rows. Its reader is written for this one use and checks
// every position and length before it follows or allocates it:
//
//	"ARROW1\0\0" | schema | batch: ff ff ff ff, u32 size, message, body | ... | footer | u32 size | "ARROW1"
//
// The Roaring form keeps the low 16 bits of its numbers in one container per value of
// the high 16 bits:
//
//	u32 12346, u32 n              no runs; offsets follow the keys
//	u16 12347, u16 n-1, bitset    the bit of a container with runs is set; offsets only if n >= 4
//	n x { u16 key, u16 numbers-1 }
//	n x u32 offset
//	containers: 4096 numbers or fewer as u16 each, more as 8192 bytes of bits, or runs:
//	            u16 count, count x { u16 first, u16 length-1 }
package deletion
